//! The bytes that wait for one socket, and the messages among them.

use std::time::Instant;

use memchr::memchr_iter;

use crate::metrics::{Counter, LocalCounts};
use crate::router::FrameKind;

/// The bytes that one session alone has waiting.
#[derive(Debug, Default)]
pub(super) struct OutboxQueue {
    pub(super) bytes: Vec<u8>,
    /// Messages whose last byte is in `bytes`.
    pub(super) messages: u32,
    /// The kind of the frame whose first part the socket has taken and whose rest starts `bytes`.
    partial: Option<FrameKind>,
    /// A roster was inserted in front of the queue, and the next one has to wait its turn.
    pub(super) was_roster_inserted: bool,
    /// The time at which the socket last took a byte, or became full.
    pub(super) last_progress: Option<Instant>,
    /// The bytes and messages that the gauges include for this queue.
    reported: (u64, u64),
}

impl OutboxQueue {
    /// Returns true if `bytes` starts inside a frame.
    pub(super) const fn has_partial_frame(&self) -> bool {
        self.partial.is_some()
    }

    /// Returns the kind of the first frame.
    pub(super) fn first_kind(&self) -> FrameKind {
        kind_of(&self.bytes)
    }

    /// Removes the first `sent` bytes, which the socket took. Returns the number of messages this completes.
    pub(super) fn remove_sent(&mut self, sent: usize) -> u64 {
        let (mut start, mut completed) = (0, 0);
        for end in memchr_iter(b'\n', &self.bytes[..sent]) {
            let kind = self.partial.take().unwrap_or_else(|| kind_of(&self.bytes[start..]));
            completed += u32::from(kind == FrameKind::Message);
            start = end + 1;
        }
        if start < sent && self.partial.is_none() {
            self.partial = Some(kind_of(&self.bytes[start..]));
        }
        self.bytes.drain(..sent);
        self.messages -= completed;
        u64::from(completed)
    }

    /// Appends the rest of `bytes`, of which the socket took the first `sent`; it takes some only if the queue was empty.
    /// `bytes` consists of `messages` messages, or of other frames if that is 0. Returns the number of messages that were
    /// sent completely.
    pub(super) fn append_unsent(&mut self, bytes: &[u8], sent: usize, messages: u32) -> u64 {
        let completed =
            if messages > 0 { (memchr_iter(b'\n', &bytes[..sent]).count() as u32).min(messages) } else { 0 };
        if sent > 0 && sent < bytes.len() && bytes[sent - 1] != b'\n' {
            self.partial = Some(if messages > 0 { FrameKind::Message } else { FrameKind::Reply });
        }
        self.bytes.extend_from_slice(&bytes[sent..]);
        self.messages += messages - completed;
        u64::from(completed)
    }

    /// Updates the gauges to the present bytes and messages.
    pub(super) fn report(&mut self, counts: &mut LocalCounts) {
        let now = (self.bytes.len() as u64, u64::from(self.messages));
        if now != self.reported {
            self.retract_report(counts);
            counts.add(Counter::QueueBytes, now.0);
            counts.add(Counter::Waiting, now.1);
            self.reported = now;
        }
    }

    /// Subtracts from the gauges what they include for this queue.
    pub(super) fn retract_report(&self, counts: &mut LocalCounts) {
        counts.sub(Counter::QueueBytes, self.reported.0);
        counts.sub(Counter::Waiting, self.reported.1);
    }
}

/// Returns the kind of the frame that starts `bytes`. Of the frames that a server sends, only `MESSAGE`, `BROADCAST` and `SAY`
/// begin with these letters.
fn kind_of(bytes: &[u8]) -> FrameKind {
    match bytes {
        [b'M', b'E', b'S', ..] | [b'B', b'R', ..] | [b'S', ..] => FrameKind::Message,
        _ => FrameKind::Reply,
    }
}
