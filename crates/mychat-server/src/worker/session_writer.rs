//! The write to one session, within the limits for waiting output.

use std::time::Instant;

use crate::limits::SendLimit;
use crate::metrics::{Counter, EndReason, LocalCounts};
use crate::outbox::TurnLog;
use crate::session::{FlushResult, Session};

/// The results of a flush that the worker has to act on. All are slab indices.
#[derive(Debug, Default)]
pub(crate) struct FlushOutcome {
    /// Sessions to close, and the reasons.
    pub(crate) failed: Vec<(u32, EndReason)>,
    /// Sessions that have become blocked.
    pub(crate) blocked: Vec<u32>,
    /// Raw sessions that were just sent a frame, so that the next has to wait.
    pub(crate) in_frame_gap: Vec<u32>,
    /// Sessions that took part of their output and may take more at once.
    pub(crate) writable: Vec<u32>,
}

/// Writes to the sessions of one worker. It borrows everything that is the same for all sessions of one flush.
pub(super) struct SessionWriter<'a> {
    pub(super) log: &'a TurnLog,
    pub(super) roster: &'a [u8],
    pub(super) limit: SendLimit,
    /// The number of sessions that share the total limit.
    pub(super) sessions: usize,
    /// The bytes that waited for all sessions when the turn began.
    pub(super) queued_bytes: u64,
    pub(super) now: Instant,
    pub(super) counts: &'a mut LocalCounts,
    pub(super) outcome: &'a mut FlushOutcome,
}

impl SessionWriter<'_> {
    fn is_over_limit(&self, waiting: usize) -> bool {
        // The count of this turn is a change of a gauge and may be negative.
        let all = self.queued_bytes.wrapping_add(self.counts.get(Counter::QueueBytes));
        self.limit.is_exceeded(waiting, self.sessions, all)
    }

    /// Writes what waits for one session. A blocked session gets a copy into its queue instead, up to its limit (rule
    /// M6).
    pub(super) fn write(&mut self, session: &mut Session, index: u32) {
        session.outbox.is_dirty = false;
        let is_over_limit = session.outbox.is_blocked() && self.is_over_limit(session.outbox.queued_bytes());
        if is_over_limit {
            session.outbox.skip_log(self.log);
        } else if session.outbox.is_blocked() {
            session.outbox.copy_from_log(self.log);
        } else {
            let framing_before = session.framing;
            let result = session.flush(self.log, self.roster, self.now, self.counts);
            if session.framing != framing_before {
                self.outcome.in_frame_gap.push(index);
            }
            match result {
                FlushResult::Complete => return,
                FlushResult::Broken => {
                    // The log may be cleared before the session is removed, and its share of it has to be counted then.
                    session.outbox.copy_from_log(self.log);
                    return self.outcome.failed.push((index, EndReason::Broken));
                }
                FlushResult::WaitGap => self.outcome.blocked.push(index),
                FlushResult::Blocked => {
                    self.outcome.blocked.push(index);
                    if session.can_write() {
                        self.outcome.writable.push(index);
                    }
                }
            }
        }
        session.outbox.report(self.counts);
        if is_over_limit || self.is_over_limit(session.outbox.queued_bytes()) {
            session.discard_queue();
            session.outbox.report(self.counts);
            self.outcome.failed.push((index, EndReason::QueueFull));
        }
    }

    /// Writes what waits for a blocked session whose socket takes bytes again. Returns true if nothing is left.
    pub(super) fn resume(&mut self, session: &mut Session, index: u32) -> bool {
        let framing_before = session.framing;
        let result = session.flush(self.log, self.roster, self.now, self.counts);
        session.outbox.report(self.counts);
        if session.framing != framing_before {
            self.outcome.in_frame_gap.push(index);
        }
        match result {
            FlushResult::Complete => return true,
            FlushResult::Blocked if session.can_write() => self.outcome.writable.push(index),
            FlushResult::Blocked | FlushResult::WaitGap => {}
            FlushResult::Broken => self.outcome.failed.push((index, EndReason::Broken)),
        }
        false
    }
}
