//! The deadlines of one worker's sessions, earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use crate::router::SessionKey;

/// The condition that is checked when a deadline expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DeadlineKind {
    /// The session must have a name (rule U5).
    Handshake,
    /// The session was faster than `--rate`; its delayed input may be processed.
    RateLimit,
    /// The session sent an unterminated `CONNECT`; if nothing has followed, its peer is raw (rule R7).
    DetectRaw,
    /// The peer is raw and may be sent its next frame (rule R2).
    FrameGap,
    /// The socket was full and must have taken bytes since (rule M6).
    SendStall,
    /// This side is closed, and the peer has had time to close its own.
    Linger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Instant,
    key: SessionKey,
    kind: DeadlineKind,
}

/// The deadlines. Entries are not removed early: the worker recognises an entry that no longer applies when it expires.
///
/// Handshakes have a queue of their own. All have the same timeout, even after it was changed, so they expire in the
/// order in which they began, and those at the front that have succeeded can be dropped at once.
#[derive(Debug)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<Deadline>>,
    /// The start of each handshake.
    handshakes: VecDeque<(Instant, SessionKey)>,
    pub(crate) handshake_timeout: Duration,
}

impl Deadlines {
    /// Creates an empty set of deadlines.
    pub(crate) const fn new(handshake_timeout: Duration) -> Self {
        Self { heap: BinaryHeap::new(), handshakes: VecDeque::new(), handshake_timeout }
    }

    /// Adds a deadline for a session.
    pub(crate) fn push(&mut self, at: Instant, key: SessionKey, kind: DeadlineKind) {
        self.heap.push(Reverse(Deadline { at, key, kind }));
    }

    /// Adds a handshake that begins now; `now` must not be earlier than in any call before.
    pub(crate) fn push_handshake(&mut self, now: Instant, key: SessionKey) {
        self.handshakes.push_back((now, key));
    }

    /// Drops the oldest handshakes for which `is_over` returns true, up to the first for which it does not.
    pub(crate) fn drop_finished_handshakes(&mut self, is_over: impl Fn(SessionKey) -> bool) {
        while let Some(&(_, key)) = self.handshakes.front() {
            if !is_over(key) {
                break;
            }
            self.handshakes.pop_front();
        }
        if self.handshakes.is_empty() && self.handshakes.capacity() > 0 {
            self.handshakes = VecDeque::new();
        }
    }

    /// Drops the deadlines of sessions that have ended, and unused capacity. Many sessions may end long before their
    /// deadlines expire.
    pub(crate) fn shrink(&mut self, has_ended: impl Fn(SessionKey) -> bool) {
        self.heap.retain(|Reverse(deadline)| !has_ended(deadline.key));
        self.heap.shrink_to_fit();
        self.handshakes.retain(|&(_, key)| !has_ended(key));
        self.handshakes.shrink_to_fit();
    }

    /// Returns the time of the first deadline.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let first = self.heap.peek().map(|Reverse(deadline)| deadline.at);
        let handshake = self.handshakes.front().map(|&(began, _)| began + self.handshake_timeout);
        first.into_iter().chain(handshake).min()
    }

    /// Removes and returns the first deadline that has expired.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<(SessionKey, DeadlineKind)> {
        if self.next_at()? > now {
            return None;
        }
        if let Some(&(_, key)) = self.handshakes.front().filter(|(began, _)| *began + self.handshake_timeout <= now) {
            self.handshakes.pop_front();
            return Some((key, DeadlineKind::Handshake));
        }
        let Reverse(deadline) = self.heap.pop()?;
        if self.heap.len() < self.heap.capacity() / 4 {
            self.heap.shrink_to(self.heap.len() * 2);
        }
        Some((deadline.key, deadline.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    const fn key(index: u32) -> SessionKey {
        SessionKey { index, generation: 7 }
    }

    #[test]
    fn ended_sessions_leave_no_deadlines_behind() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        for index in 0..100 {
            deadlines.push(now, key(index), DeadlineKind::SendStall);
            deadlines.push_handshake(now, key(index));
        }
        deadlines.shrink(|ended| ended.index != 5);
        assert_eq!((deadlines.heap.len(), deadlines.handshakes.len()), (1, 1));
        assert!(deadlines.heap.capacity() < 10 && deadlines.handshakes.capacity() < 10);
        assert_eq!(deadlines.pop_expired(now), Some((key(5), DeadlineKind::SendStall)));
    }

    #[test]
    fn deadlines_expire_in_order_and_not_early() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        deadlines.push(now + TIMEOUT * 2, key(1), DeadlineKind::Linger);
        deadlines.push_handshake(now, key(2));
        assert_eq!(deadlines.pop_expired(now), None);
        assert_eq!(deadlines.next_at(), Some(now + TIMEOUT));
        assert_eq!(deadlines.pop_expired(now + TIMEOUT * 3), Some((key(2), DeadlineKind::Handshake)));
        assert_eq!(deadlines.pop_expired(now + TIMEOUT * 3), Some((key(1), DeadlineKind::Linger)));
    }

    #[test]
    fn a_shorter_handshake_timeout_applies_to_handshakes_that_have_begun() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        deadlines.push_handshake(now, key(1));
        deadlines.handshake_timeout = TIMEOUT / 10;
        deadlines.push_handshake(now + TIMEOUT / 20, key(2));
        assert_eq!(deadlines.next_at(), Some(now + TIMEOUT / 10));
        assert_eq!(deadlines.pop_expired(now + TIMEOUT / 10), Some((key(1), DeadlineKind::Handshake)));
        assert_eq!(deadlines.pop_expired(now + TIMEOUT / 10), None);
    }

    #[test]
    fn finished_handshakes_are_dropped_from_the_front() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(TIMEOUT);
        (0..3).for_each(|index| deadlines.push_handshake(now, key(index)));
        deadlines.drop_finished_handshakes(|handshake| handshake.index != 1);
        assert_eq!(deadlines.pop_expired(now + TIMEOUT), Some((key(1), DeadlineKind::Handshake)));
        deadlines.drop_finished_handshakes(|_| true);
        assert_eq!(deadlines.next_at(), None);
    }
}
