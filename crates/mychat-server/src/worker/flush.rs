//! The flush: one write per session with its part of the turn's frames.
//!
//! Private frames do not wait for a long turn to end: they are written as soon as 32 sessions have some.

use std::time::Instant;

use super::sessions::Sessions;
use crate::limits::SendLimit;
use crate::metrics::{Counter, EndReason, LocalCounts};
use crate::outbox::TurnLog;
use crate::session::{FlushResult, Session};

/// The number of sessions with private frames that causes a flush of these during the turn.
const FLUSH_SESSIONS: usize = 32;

/// The number of private frames that causes a flush during the turn. It bounds what one turn buffers.
const FLUSH_FRAMES: usize = 2048;

/// The bytes in the turn log that cause a flush to all sessions during the turn. It bounds what one turn buffers.
const FLUSH_LOG_BYTES: usize = 256 * 1024;

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

impl Sessions {
    /// Returns true if enough waits to flush during the turn. `batch_bytes` is the size of the batch that follows.
    pub(crate) fn should_flush_early(&self, batch_bytes: usize) -> bool {
        self.dirty.len() >= FLUSH_SESSIONS
            || self.enqueued >= FLUSH_FRAMES
            || self.log.len() + batch_bytes >= FLUSH_LOG_BYTES
    }

    /// Writes private frames during the turn, and the log if it has become large.
    pub(crate) fn flush_early(&mut self, now: Instant) {
        if self.log.len() >= FLUSH_LOG_BYTES { self.flush(now) } else { self.flush_dirty(now) }
    }

    /// Writes to each session what waits for it, and clears the log.
    pub(crate) fn flush(&mut self, now: Instant) {
        if self.log.is_empty() && !self.is_roster_due_for_all {
            return self.flush_dirty(now);
        }
        let is_roster_due = std::mem::take(&mut self.is_roster_due_for_all);
        let (slab, mut flush) = self.split_for_flush(now);
        for (index, session) in slab {
            if is_roster_due {
                session.outbox.request_roster();
            }
            flush.write(session, index as u32);
        }
        self.note_buffered(self.log.len());
        self.log.clear();
        self.dirty.clear();
        self.enqueued = 0;
    }

    fn flush_dirty(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        let (slab, mut flush) = self.split_for_flush(now);
        for index in dirty.drain(..) {
            if let Some(session) = slab.get_mut(index as usize) {
                flush.write(session, index);
            }
        }
        self.dirty = dirty;
        self.enqueued = 0;
    }

    /// Writes what waits for a blocked session whose socket takes bytes again. Returns true if nothing is left.
    pub(crate) fn resume(&mut self, index: u32, now: Instant) -> bool {
        let (slab, flush) = self.split_for_flush(now);
        let session = &mut slab[index as usize];
        let framing_before = session.framing;
        let result = session.flush(flush.log, flush.roster, now, flush.counts);
        session.outbox.report(flush.counts);
        if session.framing != framing_before {
            flush.outcome.in_frame_gap.push(index);
        }
        match result {
            FlushResult::Complete => return true,
            FlushResult::Blocked if session.can_write() => flush.outcome.writable.push(index),
            FlushResult::Blocked | FlushResult::WaitGap => {}
            FlushResult::Broken => flush.outcome.failed.push((index, EndReason::Broken)),
        }
        false
    }

    /// Takes the results since the last call.
    pub(crate) fn take_outcome(&mut self) -> FlushOutcome {
        std::mem::take(&mut self.outcome)
    }
}

/// The parts of [`Sessions`] that are the same for all sessions of one flush.
pub(super) struct FlushContext<'a> {
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

impl FlushContext<'_> {
    fn is_over_limit(&self, waiting: usize) -> bool {
        // The count of this turn is a change of a gauge and may be negative.
        let all = self.queued_bytes.wrapping_add(self.counts.get(Counter::QueueBytes));
        self.limit.is_exceeded(waiting, self.sessions, all)
    }

    /// Writes what waits for one session. A blocked session gets a copy into its queue instead, up to its limit (rule
    /// M6).
    fn write(&mut self, session: &mut Session, index: u32) {
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
}
