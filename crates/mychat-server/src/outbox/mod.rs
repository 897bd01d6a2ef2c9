//! The bytes that wait for one socket, without the socket.
//!
//! ```text
//!   turn log   ├──── broadcasts of this turn, one copy for all ────┤
//!                      ▲ cursor                                    ▲ end
//!   write      [ queue ] + [ log from the cursor on ] + [ roster, if one is due ]
//!              └──────────────────── one vectored write ────────────────────┘
//! ```
//!
//! A session whose socket accepts everything stores no broadcasts: it has a cursor into the log. Only when the socket is
//! full is the rest of the log copied into the session's queue, which `--send-queue` limits. A roster is state (rule
//! L3): a blocked session remembers that one is due, and gets the newest once it reads again.
//!
//! Messages are counted on their way, so that each is known to be delivered to the socket, dropped or waiting.

mod parts;
mod queue;
mod turn_log;

use std::time::Instant;

use mychat_proto::EncodeError;

pub use parts::WriteParts;
pub use turn_log::TurnLog;

use crate::metrics::{Counter, LocalCounts};
use crate::router::FrameKind;
use queue::OutboxQueue;

/// The cursor of a session that gets no broadcasts: it has no name yet, or it has ended.
const NOT_SUBSCRIBED: u64 = u64::MAX;

/// The output of one session; see the documentation of the module.
#[derive(Debug)]
pub struct Outbox {
    /// Bytes for this session alone. An idle session has no allocation.
    queue: Option<Box<OutboxQueue>>,
    /// The position in the turn log up to which the session has its broadcasts.
    cursor: u64,
    is_roster_due: bool,
    is_blocked: bool,
    /// The session is in its worker's list of sessions to flush.
    pub(crate) is_dirty: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { queue: None, cursor: NOT_SUBSCRIBED, is_roster_due: false, is_blocked: false, is_dirty: false }
    }
}

impl Outbox {
    /// Starts broadcasts for the session, with the next one appended to `log`.
    pub const fn subscribe(&mut self, log: &TurnLog) {
        self.cursor = log.end();
    }

    /// Ends broadcasts for the session. Those already in `log` are still sent.
    pub(crate) fn unsubscribe(&mut self, log: &TurnLog) {
        self.copy_from_log(log);
        self.cursor = NOT_SUBSCRIBED;
        self.is_roster_due = false;
    }

    /// Returns true if the session gets broadcasts.
    pub(crate) const fn is_subscribed(&self) -> bool {
        self.cursor != NOT_SUBSCRIBED
    }

    /// Returns true if the socket took less than it was offered, so that it must become writable first.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Returns true if the session gets broadcasts, has received all of them, and has nothing else waiting.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_subscribed() && self.queue.is_none() && !self.is_blocked && !self.is_roster_due && !self.is_dirty
    }

    /// Returns the bytes in the queue.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes.len())
    }

    /// Returns the time at which the socket of a blocked session last took a byte, or became full.
    pub(crate) fn last_progress(&self) -> Option<Instant> {
        self.queue.as_ref()?.last_progress
    }

    /// Appends a frame for this session alone, after the broadcasts in `log` (rule M5).
    ///
    /// # Errors
    /// `write` failed; nothing was appended.
    pub fn enqueue(
        &mut self,
        log: &TurnLog,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.copy_from_log(log);
        let queue = self.queue.get_or_insert_default();
        write(&mut queue.bytes)?;
        queue.messages += u32::from(kind == FrameKind::Message);
        Ok(())
    }

    /// Appends whole frames for this session, of which `messages` are messages.
    pub(crate) fn enqueue_frames(&mut self, log: &TurnLog, frames: &[u8], messages: u32) {
        self.copy_from_log(log);
        let queue = self.queue.get_or_insert_default();
        queue.bytes.extend_from_slice(frames);
        queue.messages += messages;
    }

    /// Makes the next write include the newest roster, if the session gets broadcasts.
    pub(crate) const fn request_roster(&mut self) {
        if self.is_subscribed() {
            self.is_roster_due = true;
        }
    }

    /// Puts a due roster in front of the queue. A raw peer gets so few frames per second that its queue may never become
    /// empty. The roster goes neither inside a frame nor before an acknowledgement (rule L1), and not twice in a row.
    pub(crate) fn insert_roster_before_queue(&mut self, roster: &[u8], counts: &mut LocalCounts) {
        let Some(queue) = &mut self.queue else { return };
        if !self.is_roster_due || queue.has_partial_frame() || queue.first_kind() != FrameKind::Message {
            return;
        }
        queue.was_roster_inserted = !queue.was_roster_inserted;
        if queue.was_roster_inserted {
            queue.bytes.splice(..0, roster.iter().copied());
            counts.add(Counter::ListBytes, roster.len() as u64);
            self.is_roster_due = false;
        }
    }

    /// Copies the session's share of `log` into the queue: a private frame follows it, or the log is about to be cleared
    /// while the socket is full.
    pub(crate) fn copy_from_log(&mut self, log: &TurnLog) {
        if self.is_subscribed() {
            let share = log.bytes_after(self.cursor);
            if !share.is_empty() {
                let queue = self.queue.get_or_insert_default();
                queue.bytes.extend_from_slice(share);
                queue.messages += log.frames_after(self.cursor) as u32;
            }
            self.cursor = log.end();
        }
    }

    /// Skips the session's share of `log`, because its queue is over the limit and it is about to be disconnected. The
    /// skipped messages are still counted.
    pub(crate) fn skip_log(&mut self, log: &TurnLog) {
        if self.is_subscribed() {
            self.queue.get_or_insert_default().messages += log.frames_after(self.cursor) as u32;
            self.cursor = log.end();
        }
    }

    /// Frees the bytes of a queue that is over the limit. The number of messages is kept for the counters. Nothing may be
    /// written to the socket afterwards.
    pub(crate) fn discard_queue(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.bytes = Vec::new();
        }
    }

    /// Returns the bytes to write now.
    pub fn parts<'a>(&'a self, log: &'a TurnLog, roster: &'a [u8]) -> WriteParts<'a> {
        let share = if self.is_subscribed() { log.bytes_after(self.cursor) } else { &[] };
        let queued = self.queue.as_ref().map_or(&[][..], |queue| &queue.bytes);
        WriteParts([queued, share, if self.is_roster_due { roster } else { &[] }])
    }

    /// Records that the socket took the first `sent` bytes of [`Outbox::parts`]. Returns true if that was all of them;
    /// otherwise the rest is kept and the session is blocked.
    pub fn record_sent(
        &mut self,
        sent: usize,
        log: &TurnLog,
        roster: &[u8],
        now: Instant,
        counts: &mut LocalCounts,
    ) -> bool {
        let (share, frames) = if self.is_subscribed() {
            (log.bytes_after(self.cursor), log.frames_after(self.cursor))
        } else {
            (&[][..], 0)
        };
        let roster_bytes = if self.is_roster_due { roster.len() } else { 0 };
        counts.add(Counter::BytesOut, sent as u64);
        if sent == self.queued_bytes() + share.len() + roster_bytes {
            let queued_messages = self.queue.take().map_or(0, |queue| {
                queue.retract_report(counts);
                queue.messages
            });
            counts.add(Counter::Delivered, frames + u64::from(queued_messages));
            counts.add(Counter::ListBytes, roster_bytes as u64);
            if self.is_subscribed() {
                self.cursor = log.end();
            }
            self.is_roster_due = false;
            self.is_blocked = false;
            return true;
        }
        self.keep_unsent(sent, log, roster, now, counts);
        false
    }

    /// Ends the blocked state of a session that has nothing left to write.
    pub(crate) fn unblock(&mut self) {
        self.is_blocked = false;
    }

    /// Blocks the session and moves what the socket did not take into the queue.
    fn keep_unsent(&mut self, sent: usize, log: &TurnLog, roster: &[u8], now: Instant, counts: &mut LocalCounts) {
        let queue = self.queue.get_or_insert_default();
        if sent > 0 || !self.is_blocked {
            queue.last_progress = Some(now);
        }
        self.is_blocked = true;
        let from_queue = sent.min(queue.bytes.len());
        let mut left = sent - from_queue;
        counts.add(Counter::Delivered, queue.remove_sent(from_queue));
        if self.cursor != NOT_SUBSCRIBED {
            let share = log.bytes_after(self.cursor);
            let from_share = left.min(share.len());
            let frames = log.frames_after(self.cursor) as u32;
            counts.add(Counter::Delivered, queue.append_unsent(share, from_share, frames));
            self.cursor = log.end();
            left -= from_share;
        }
        if self.is_roster_due && left > 0 {
            // A roster that was begun must be finished as it was (rule L4).
            queue.append_unsent(roster, left, 0);
            counts.add(Counter::ListBytes, roster.len() as u64);
            self.is_roster_due = false;
        }
    }

    /// Updates the gauges of waiting bytes and messages.
    pub(crate) fn report(&mut self, counts: &mut LocalCounts) {
        if let Some(queue) = &mut self.queue {
            queue.report(counts);
        }
    }

    /// Drops what waits, at the end of the session. Returns the number of messages that it never got.
    pub(crate) fn drop_waiting(&mut self, log: &TurnLog, counts: &mut LocalCounts) -> u64 {
        let in_log = if self.is_subscribed() { log.frames_after(self.cursor) } else { 0 };
        let in_queue = self.queue.take().map_or(0, |queue| {
            queue.retract_report(counts);
            queue.messages
        });
        in_log + u64::from(in_queue)
    }
}

#[cfg(test)]
mod tests;
