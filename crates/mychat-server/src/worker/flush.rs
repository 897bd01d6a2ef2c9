//! The flush: one write per session with its part of the turn's frames.
//!
//! Private frames do not wait for a long turn to end: they are written as soon as 32 sessions have some.

use std::time::Instant;

use super::session_writer::FlushOutcome;
use super::sessions::Sessions;

/// The number of sessions with private frames that causes a flush of these during the turn.
const FLUSH_SESSIONS: usize = 32;

/// The number of private frames that causes a flush during the turn. It bounds what one turn buffers.
const FLUSH_FRAMES: usize = 2048;

/// The bytes in the turn log that cause a flush to all sessions during the turn. It bounds what one turn buffers.
const FLUSH_LOG_BYTES: usize = 256 * 1024;

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
        let (slab, mut writer) = self.split_for_flush(now);
        for (index, session) in slab {
            if is_roster_due {
                session.outbox.request_roster();
            }
            writer.write(session, index as u32);
        }
        self.note_buffered(self.log.len());
        self.log.clear();
        self.dirty.clear();
        self.enqueued = 0;
        self.room_bytes = 0;
    }

    /// Writes to the sessions that have private frames.
    pub(super) fn flush_dirty(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        let (slab, mut writer) = self.split_for_flush(now);
        for index in dirty.drain(..) {
            if let Some(session) = slab.get_mut(index as usize) {
                writer.write(session, index);
            }
        }
        self.dirty = dirty;
        self.enqueued = 0;
        self.room_bytes = 0;
    }

    /// Writes what waits for a blocked session whose socket takes bytes again. Returns true if nothing is left.
    pub(crate) fn resume(&mut self, index: u32, now: Instant) -> bool {
        let (slab, mut writer) = self.split_for_flush(now);
        writer.resume(&mut slab[index as usize], index)
    }

    /// Takes the results since the last call.
    pub(crate) fn take_outcome(&mut self) -> FlushOutcome {
        std::mem::take(&mut self.outcome)
    }
}
