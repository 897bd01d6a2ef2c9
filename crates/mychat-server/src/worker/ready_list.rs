//! The sessions that have work to do.

/// The indices of sessions to serve. Two buffers take turns, so that sessions added during a turn are served in the next.
#[derive(Debug, Default)]
pub(crate) struct ReadyList {
    next: Vec<u32>,
    spare: Vec<u32>,
}

impl ReadyList {
    pub(crate) const fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    pub(crate) fn push(&mut self, index: u32) {
        self.next.push(index);
    }

    pub(crate) fn extend(&mut self, indices: impl IntoIterator<Item = u32>) {
        self.next.extend(indices);
    }

    /// Takes all indices. The caller returns the buffer with [`put_back`](Self::put_back).
    pub(crate) fn take(&mut self) -> Vec<u32> {
        std::mem::replace(&mut self.next, std::mem::take(&mut self.spare))
    }

    /// Returns the buffer of [`take`](Self::take). Its indices from `done` on were not served and stay in the list.
    pub(crate) fn put_back(&mut self, mut indices: Vec<u32>, done: usize) {
        self.next.extend_from_slice(&indices[done..]);
        indices.clear();
        self.spare = indices;
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.next.shrink_to_fit();
        self.spare.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_during_a_turn_is_served_in_the_next() {
        let mut list = ReadyList::default();
        assert!(list.is_empty());
        list.extend([3, 5]);
        list.push(7);
        assert!(!list.is_empty());
        let turn = list.take();
        assert_eq!(turn, [3, 5, 7]);
        assert!(list.is_empty(), "a turn takes all of them");
        list.push(9);
        list.put_back(turn, 2);
        assert_eq!(list.take(), [9, 7], "one was added, one was not served");
    }

    #[test]
    fn both_buffers_are_used_again_until_they_shrink() {
        let mut list = ReadyList::default();
        list.extend(0..100);
        let (turn, address) = (list.take(), |buffer: &Vec<u32>| buffer.as_ptr());
        let first = address(&turn);
        list.put_back(turn, 100);
        let empty = list.take();
        list.push(1);
        assert_eq!(address(&list.take()), first, "the first buffer collects the next turn");
        list.put_back(empty, 0);
        list.extend(0..100);
        let turn = list.take();
        list.put_back(turn, 100);
        list.push(1);
        list.shrink();
        assert_eq!((list.next.capacity(), list.spare.capacity()), (1, 0));
    }
}
