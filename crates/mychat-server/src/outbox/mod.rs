//! What waits for one socket, without the socket.
//!
//! ```text
//!   turn's log   ├──── broadcasts of this turn, one copy for all ────┤
//!                        ▲ cursor                                    ▲ end
//!   outbox       [ private bytes ] + [ log from the cursor on ] + [ list, if one is owed ]
//!                  └───────────────── one vectored write ─────────────────┘
//! ```
//!
//! A session that reads owns nothing of what is broadcast: its share is a cursor into the log. Only when its socket
//! takes no more is the rest copied into its private bytes, where `--send-queue` caps it. A list is state (rule L3): a
//! blocked session keeps the debt, not the bytes, and gets the newest list once it reads again.
//!
//! Messages are counted on their way, so that each is known to be taken by the socket, dropped or waiting.

mod turn_log;
mod queue;

use std::io::IoSlice;
use std::time::Instant;

use mychat_proto::EncodeError;

use queue::OutboxQueue;
pub use turn_log::TurnLog;

use crate::metrics::{Counter, LocalCounts};
use crate::router::FrameKind;

/// The cursor of a session that gets no broadcasts: it has no name, or it left.
const ABSENT: u64 = u64::MAX;

/// What waits for one socket; see the [module](self).
#[derive(Debug)]
pub struct Outbox {
    /// What waits for this session alone. An idle user owns none.
    queue: Option<Box<OutboxQueue>>,
    cursor: u64,
    owes_list: bool,
    blocked: bool,
    /// Whether the session is in its worker's list of those to flush.
    pub(crate) dirty: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { queue: None, cursor: ABSENT, owes_list: false, blocked: false, dirty: false }
    }
}

impl Outbox {
    /// From here on the session gets broadcasts.
    pub const fn join(&mut self, log: &TurnLog) {
        self.cursor = log.end();
    }

    /// From here on it gets none; those up to here it still gets.
    pub fn leave(&mut self, log: &TurnLog) {
        self.catch_up(log);
        self.cursor = ABSENT;
        self.owes_list = false;
    }

    /// Whether it gets broadcasts.
    pub const fn is_member(&self) -> bool {
        self.cursor != ABSENT
    }

    /// Whether its socket took less than it was offered, so that it must be waited for.
    pub const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether it gets broadcasts and has had all of them, and nothing waits.
    pub fn is_quiet(&self) -> bool {
        self.is_member() && self.queue.is_none() && !self.blocked && !self.owes_list && !self.dirty
    }

    /// Bytes that wait for this session alone.
    pub fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes.len())
    }

    /// When the socket of a blocked session last took a byte, or became blocked.
    pub fn progress(&self) -> Option<Instant> {
        self.queue.as_ref()?.progress
    }

    /// Appends a frame for this session alone, behind the broadcasts that came before it (rule M5).
    pub fn post(
        &mut self,
        log: &TurnLog,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.catch_up(log);
        let queue = self.queue.get_or_insert_default();
        write(&mut queue.bytes)?;
        queue.messages += u32::from(kind == FrameKind::Message);
        Ok(())
    }

    /// A list is due to this session.
    pub const fn owe_list(&mut self) {
        if self.is_member() {
            self.owes_list = true;
        }
    }

    /// The list that is owed goes around what waits: a raw peer takes so few frames that it may never have taken all of
    /// them. Not within a frame, not before an acknowledgement (rule L1), and not twice in succession.
    pub fn list_first(&mut self, list: &[u8], tally: &mut LocalCounts) {
        let Some(queue) = &mut self.queue else { return };
        if !self.owes_list || queue.is_cut() || !queue.starts_with_message() {
            return;
        }
        queue.is_listed = !queue.is_listed;
        if queue.is_listed {
            queue.bytes.splice(..0, list.iter().copied());
            tally.add(Counter::ListBytes, list.len() as u64);
            self.owes_list = false;
        }
    }

    /// Copies its share of the log: something is to follow it, or the log is about to be cleared while the socket is
    /// blocked.
    pub fn catch_up(&mut self, log: &TurnLog) {
        if self.is_member() {
            let share = log.share(self.cursor);
            if !share.is_empty() {
                let queue = self.queue.get_or_insert_default();
                queue.bytes.extend_from_slice(share);
                queue.messages += log.frames(self.cursor) as u32;
            }
            self.cursor = log.end();
        }
    }

    /// Its share of the log is lost: it has more than it may, and is about to be disconnected. What is lost is counted.
    pub fn lose(&mut self, log: &TurnLog) {
        if self.is_member() {
            self.queue.get_or_insert_default().messages += log.frames(self.cursor) as u32;
            self.cursor = log.end();
        }
    }

    /// It has more than it may, and is about to be disconnected: its bytes are given up at once, what was lost is still
    /// known. Nothing may be written to the socket after that.
    pub fn shed(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.bytes = Vec::new();
        }
    }

    /// What to write now: private bytes, share of the log, list.
    pub fn parts<'a>(&'a self, log: &'a TurnLog, list: &'a [u8]) -> WriteParts<'a> {
        let share = if self.is_member() { log.share(self.cursor) } else { &[] };
        let private = self.queue.as_ref().map_or(&[][..], |queue| &queue.bytes);
        WriteParts([private, share, if self.owes_list { list } else { &[] }])
    }

    /// The socket took the first `sent` bytes of [`Outbox::parts`]; what is left is kept, and the session is blocked.
    /// Returns whether nothing is left.
    pub fn sent(&mut self, sent: usize, log: &TurnLog, list: &[u8], now: Instant, tally: &mut LocalCounts) -> bool {
        let (share, frames) =
            if self.is_member() { (log.share(self.cursor), log.frames(self.cursor)) } else { (&[][..], 0) };
        let listed = if self.owes_list { list.len() } else { 0 };
        tally.add(Counter::BytesOut, sent as u64);
        if sent == self.waiting() + share.len() + listed {
            let private = self.queue.take().map_or(0, |queue| {
                queue.forget(tally);
                queue.messages
            });
            tally.add(Counter::Delivered, frames + u64::from(private));
            tally.add(Counter::ListBytes, listed as u64);
            if self.is_member() {
                self.cursor = log.end();
            }
            self.owes_list = false;
            self.blocked = false;
            return true;
        }
        self.keep(sent, log, list, now, tally);
        false
    }

    /// Nothing waits for the socket any more.
    pub fn unblock(&mut self) {
        self.blocked = false;
    }

    /// The socket took a part.
    fn keep(&mut self, sent: usize, log: &TurnLog, list: &[u8], now: Instant, tally: &mut LocalCounts) {
        let queue = self.queue.get_or_insert_default();
        if sent > 0 || !self.blocked {
            queue.progress = Some(now);
        }
        self.blocked = true;
        let of_private = sent.min(queue.bytes.len());
        let mut left = sent - of_private;
        tally.add(Counter::Delivered, queue.took(of_private));
        if self.cursor != ABSENT {
            let share = log.share(self.cursor);
            let of_share = left.min(share.len());
            tally.add(Counter::Delivered, queue.append(share, of_share, log.frames(self.cursor) as u32));
            self.cursor = log.end();
            left -= of_share;
        }
        if self.owes_list && left > 0 {
            // A list that was begun must be ended as it was (rule L4).
            queue.append(list, left, 0);
            tally.add(Counter::ListBytes, list.len() as u64);
            self.owes_list = false;
        }
    }

    /// Brings what is said to wait here up to date.
    pub fn report(&mut self, tally: &mut LocalCounts) {
        if let Some(queue) = &mut self.queue {
            queue.report(tally);
        }
    }

    /// The session is over. Returns how many messages it never got.
    pub fn abandon(&mut self, log: &TurnLog, tally: &mut LocalCounts) -> u64 {
        let of_log = if self.is_member() { log.frames(self.cursor) } else { 0 };
        let of_queue = self.queue.take().map_or(0, |queue| {
            queue.forget(tally);
            queue.messages
        });
        of_log + u64::from(of_queue)
    }
}

/// The pieces of one write, in order; any of them may be empty.
#[derive(Debug)]
pub struct WriteParts<'a>([&'a [u8]; 3]);

impl<'a> WriteParts<'a> {
    /// Bytes in all.
    pub const fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len() + self.0[2].len()
    }

    /// Whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one piece that has bytes, if it is one: a plain write is cheaper than a vectored one.
    pub fn single(&self) -> Option<&'a [u8]> {
        let mut full = self.0.iter().filter(|part| !part.is_empty());
        match (full.next(), full.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// The first piece that has bytes.
    pub fn first(&self) -> Option<&'a [u8]> {
        self.0.iter().copied().find(|part| !part.is_empty())
    }

    /// For a vectored write.
    pub fn slices(&self) -> [IoSlice<'a>; 3] {
        self.0.map(IoSlice::new)
    }
}

#[cfg(test)]
mod tests;
