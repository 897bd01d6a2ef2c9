//! The time at which a worker returns memory to the system.

use std::time::{Duration, Instant};

use super::sessions::Sessions;
use super::shrink_policy::ShrinkPolicy;

/// The time from the first sign of unused memory to its return, and the shortest time between two returns.
const DELAY: Duration = Duration::from_secs(1);

/// The number of ended sessions from which on their memory is worth returning.
const MANY_REMOVED: u32 = 64;

/// Bytes waiting for blocked sessions from which on their buffers are worth returning, once they are empty.
const LARGE_QUEUE_BYTES: u64 = 64 * 1024;

/// Decides when to return memory: after most sessions have left, after a large turn, or after large queues were emptied.
#[derive(Debug, Default)]
pub(crate) struct Reclaimer {
    policy: ShrinkPolicy,
    /// The time of the next return.
    next_at: Option<Instant>,
    /// The number of removed sessions at the last return.
    removed_before: u32,
    /// Much has waited for blocked sessions since the last return.
    had_large_queues: bool,
}

impl Reclaimer {
    /// Returns the time of the next return.
    pub(crate) const fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Schedules a return if `sessions` show that there is unused memory.
    pub(crate) fn observe(&mut self, now: Instant, sessions: &mut Sessions) {
        let waiting = sessions.waiting_bytes();
        self.had_large_queues |= waiting >= LARGE_QUEUE_BYTES;
        let is_drained = self.had_large_queues && waiting < LARGE_QUEUE_BYTES / 2;
        self.had_large_queues &= !is_drained;
        let had_large_turn = sessions.take_had_large_turn();
        let have_most_left = self.policy.observe(sessions.len());
        let have_many_left = sessions.removed().wrapping_sub(self.removed_before) >= MANY_REMOVED;
        if have_most_left || had_large_turn || is_drained || have_many_left {
            self.next_at.get_or_insert(now + DELAY);
        }
    }

    /// Returns true if it is time to return memory. If sessions are still leaving, the next return is scheduled,
    /// because many sessions may take longer than one delay to leave.
    pub(crate) fn take_due(&mut self, now: Instant, removed: u32) -> bool {
        if self.next_at.is_none_or(|at| at > now) {
            return false;
        }
        let are_leaving = removed.wrapping_sub(self.removed_before) >= MANY_REMOVED;
        self.removed_before = removed;
        self.next_at = are_leaving.then(|| now + DELAY);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SendLimit;

    #[test]
    fn memory_is_returned_once_after_a_large_turn() {
        let (now, mut reclaimer) = (Instant::now(), Reclaimer::default());
        let mut sessions = Sessions::new(0, SendLimit::default());
        reclaimer.observe(now, &mut sessions);
        assert_eq!(reclaimer.next_at(), None, "nothing is unused yet");
        sessions.note_buffered(1024 * 1024);
        reclaimer.observe(now, &mut sessions);
        assert_eq!(reclaimer.next_at(), Some(now + DELAY));
        assert!(!reclaimer.take_due(now, 0) && reclaimer.take_due(now + DELAY, 0));
        assert_eq!(reclaimer.next_at(), None);
    }

    #[test]
    fn memory_is_returned_again_while_sessions_are_leaving() {
        let now = Instant::now();
        let mut reclaimer = Reclaimer { next_at: Some(now), ..Reclaimer::default() };
        assert!(reclaimer.take_due(now, MANY_REMOVED));
        assert_eq!(reclaimer.next_at(), Some(now + DELAY));
        assert!(reclaimer.take_due(now + DELAY, MANY_REMOVED + 1));
        assert_eq!(reclaimer.next_at(), None);
    }
}
