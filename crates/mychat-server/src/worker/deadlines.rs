//! What has to happen at a certain time, earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// What a session is to be looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadlineKind {
    /// It must have a name by now (rule U5).
    Handshake,
    /// It was faster than `--rate`; what it said may be heard now.
    RateLimit,
    /// It said `CONNECT` without an ending; if nothing has followed, its peer is raw (rule R7).
    Quiet,
    /// Its peer is raw and may be sent the next frame (rule R2).
    Gap,
    /// Its socket was full; it must have taken something since (rule M6).
    Stalled,
    /// This side is closed; the peer had time to close its own.
    Linger,
}

/// Entries are never taken out early: one that no longer applies is recognised when it comes up.
///
/// Handshakes have a queue of their own: all may take the same time, so they come up in the order in which they began,
/// also when that time changes, and those at the front that have succeeded are forgotten at once.
#[derive(Debug)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u32, u32, DeadlineKind)>>,
    /// When each of them began.
    handshakes: VecDeque<(Instant, u32, u32)>,
    /// Time that each of them may take.
    pub handshake_timeout: Duration,
}

impl Deadlines {
    /// None yet.
    pub const fn new(handshake_timeout: Duration) -> Self {
        Self { heap: BinaryHeap::new(), handshakes: VecDeque::new(), handshake_timeout }
    }

    /// Looks at a session (index, generation) at that time.
    pub fn push(&mut self, at: Instant, index: u32, generation: u32, due: DeadlineKind) {
        self.heap.push(Reverse((at, index, generation, due)));
    }

    /// The handshake of a session begins, later than all others did.
    pub fn push_handshake(&mut self, now: Instant, index: u32, generation: u32) {
        self.handshakes.push_back((now, index, generation));
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

    /// Forgets what concerns sessions that are gone: a crowd may leave long before its deadlines come up.
    pub fn tidy(&mut self, is_gone: impl Fn(u32, u32) -> bool) {
        self.heap.retain(|Reverse((_, index, generation, _))| !is_gone(*index, *generation));
        self.heap.shrink_to_fit();
        self.handshakes.retain(|&(_, index, generation)| !is_gone(index, generation));
        self.handshakes.shrink_to_fit();
    }

    /// The time of the first entry.
    pub fn next(&self) -> Option<Instant> {
        let first = self.heap.peek().map(|Reverse((at, ..))| *at);
        let handshake = self.handshakes.front().map(|&(began, ..)| began + self.handshake_timeout);
        first.into_iter().chain(handshake).min()
    }

    /// Takes the first entry that is due.
    pub fn pop(&mut self, now: Instant) -> Option<(u32, u32, DeadlineKind)> {
        if self.next()? > now {
            return None;
        }
        if let Some(&(_, index, generation)) =
            self.handshakes.front().filter(|(began, ..)| *began + self.handshake_timeout <= now)
        {
            self.handshakes.pop_front();
            return Some((index, generation, DeadlineKind::Handshake));
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
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn a_crowd_that_left_leaves_no_deadlines_behind() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        for index in 0..100 {
            deadlines.push(now, index, 7, DeadlineKind::Stalled);
            deadlines.push_handshake(now, index, 7);
        }
        deadlines.tidy(|index, _| index != 5);
        assert_eq!((deadlines.heap.len(), deadlines.handshakes.len()), (1, 1));
        assert!(deadlines.heap.capacity() < 10 && deadlines.handshakes.capacity() < 10);
        assert_eq!(deadlines.pop(now), Some((5, 7, DeadlineKind::Stalled)));
    }

    #[test]
    fn the_earliest_comes_first_and_none_before_its_time() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        deadlines.push(now + TIMEOUT * 2, 1, 0, DeadlineKind::Linger);
        deadlines.push_handshake(now, 2, 0);
        assert_eq!(deadlines.pop(now), None);
        assert_eq!(deadlines.next(), Some(now + TIMEOUT));
        assert_eq!(deadlines.pop(now + TIMEOUT * 3), Some((2, 0, DeadlineKind::Handshake)));
        assert_eq!(deadlines.pop(now + TIMEOUT * 3), Some((1, 0, DeadlineKind::Linger)));
    }

    #[test]
    fn a_shorter_handshake_timeout_holds_for_those_that_have_begun() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        deadlines.push_handshake(now, 1, 0);
        deadlines.handshake_timeout = TIMEOUT / 10;
        deadlines.push_handshake(now + TIMEOUT / 20, 2, 0);
        assert_eq!(deadlines.next(), Some(now + TIMEOUT / 10));
        assert_eq!(deadlines.pop(now + TIMEOUT / 10), Some((1, 0, DeadlineKind::Handshake)));
        assert_eq!(deadlines.pop(now + TIMEOUT / 10), None);
    }

    #[test]
    fn handshakes_that_succeeded_are_forgotten_from_the_front() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        (0..3).for_each(|index| deadlines.push_handshake(now, index, 0));
        deadlines.forget_handshakes(|index, _| index != 1);
        assert_eq!(deadlines.pop(now + TIMEOUT), Some((1, 0, DeadlineKind::Handshake)));
        deadlines.forget_handshakes(|_, _| true);
        assert_eq!(deadlines.next(), None);
    }
}
