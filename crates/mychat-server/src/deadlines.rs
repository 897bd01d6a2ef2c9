//! What has to happen at a certain time, earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

/// What a session is to be looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// It must have a name by now (rule U5).
    Handshake,
    /// It was faster than `--rate`; what it said may be heard now.
    Pace,
    /// Its socket was full; it must have taken something since (rule M6).
    Stalled,
    /// This side is closed; the peer had time to close its own.
    Linger,
}

/// Entries are never taken out early: one that no longer applies is recognised when it comes up.
///
/// Handshakes have a queue of their own: all take the same time, so they come up in the order in which they began,
/// and those at the front that have succeeded are forgotten at once.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u32, u32, Due)>>,
    handshakes: VecDeque<(Instant, u32, u32)>,
}

impl Deadlines {
    /// Looks at a session (index, generation) at that time.
    pub fn push(&mut self, at: Instant, index: u32, generation: u32, due: Due) {
        match due {
            Due::Handshake => self.handshakes.push_back((at, index, generation)),
            Due::Pace | Due::Stalled | Due::Linger => self.heap.push(Reverse((at, index, generation, due))),
        }
    }

    /// Forgets the oldest handshakes as far as they are over.
    pub fn forget_handshakes(&mut self, is_over: impl Fn(u32, u32) -> bool) {
        while let Some(&(_, index, generation)) = self.handshakes.front() {
            if !is_over(index, generation) {
                break;
            }
            self.handshakes.pop_front();
        }
        if self.handshakes.is_empty() && self.handshakes.capacity() > 0 {
            self.handshakes = VecDeque::new();
        }
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Instant> {
        let first = self.heap.peek().map(|Reverse((at, ..))| *at);
        let handshake = self.handshakes.front().map(|&(at, ..)| at);
        first.into_iter().chain(handshake).min()
    }

    /// Takes the first entry that is due.
    pub fn pop(&mut self, now: Instant) -> Option<(u32, u32, Due)> {
        if self.next()? > now {
            return None;
        }
        if let Some(&(_, index, generation)) = self.handshakes.front().filter(|(at, ..)| *at <= now) {
            self.handshakes.pop_front();
            return Some((index, generation, Due::Handshake));
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

    #[test]
    fn handshakes_that_succeeded_are_forgotten_from_the_front() {
        let now = Instant::now();
        let mut deadlines = Deadlines::default();
        (0..3).for_each(|index| deadlines.push(now, index, 0, Due::Handshake));
        deadlines.forget_handshakes(|index, _| index != 1);
        assert_eq!(deadlines.pop(now), Some((1, 0, Due::Handshake)));
        deadlines.forget_handshakes(|_, _| true);
        assert_eq!(deadlines.next(), None);
    }
}
