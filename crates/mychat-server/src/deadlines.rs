//! What has to happen at a certain time, earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// What a session is to be looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// It must have a name by now (rule U5).
    Handshake,
    /// Its socket was full; it must have taken something since (rule M6).
    Stalled,
    /// This side is closed; the peer had time to close its own.
    Linger,
}

/// Entries are never taken out early: one that no longer applies is recognised when it comes up.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u32, u32, Due)>>,
}

impl Deadlines {
    /// Looks at a session (index, generation) at that time.
    pub fn push(&mut self, at: Instant, index: u32, generation: u32, due: Due) {
        self.heap.push(Reverse((at, index, generation, due)));
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the first entry that is due.
    pub fn pop(&mut self, now: Instant) -> Option<(u32, u32, Due)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, index, generation, due)) = self.heap.pop()?;
        if self.heap.len() < self.heap.capacity() / 4 {
            self.heap.shrink_to(self.heap.len() * 2);
        }
        Some((index, generation, due))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_none_before_its_time() {
        let now = Instant::now();
        let mut deadlines = Deadlines::default();
        deadlines.push(now + Duration::from_secs(2), 1, 0, Due::Linger);
        deadlines.push(now + Duration::from_secs(1), 2, 0, Due::Handshake);
        assert_eq!(deadlines.pop(now), None);
        assert_eq!(deadlines.next(), Some(now + Duration::from_secs(1)));
        assert_eq!(deadlines.pop(now + Duration::from_secs(3)), Some((2, 0, Due::Handshake)));
        assert_eq!(deadlines.pop(now + Duration::from_secs(3)), Some((1, 0, Due::Linger)));
    }
}
