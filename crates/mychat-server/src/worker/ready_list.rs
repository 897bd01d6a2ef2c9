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
