//! Bytes that wait for one socket, and the messages among them.

use std::time::Instant;

use memchr::memchr_iter;

use crate::metrics::{Counter, LocalCounts};

/// What one session has waiting.
#[derive(Debug, Default)]
pub(super) struct OutboxQueue {
    pub(super) bytes: Vec<u8>,
    /// Messages of which the last byte is in `bytes`.
    pub(super) messages: u32,
    /// Whether `bytes` starts inside a frame, and if so, whether that is a message.
    cut: Option<bool>,
    /// Whether a list went around it, and none of it since.
    pub(super) is_listed: bool,
    pub(super) progress: Option<Instant>,
    /// The bytes and messages that the gauges were told of.
    reported: (u64, u64),
}

impl OutboxQueue {
    /// Whether it starts inside a frame.
    pub(super) const fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether the first thing in it is what a user said.
    pub(super) fn starts_with_message(&self) -> bool {
        is_message(&self.bytes)
    }

    /// The socket took the first `sent` bytes. Returns how many messages that completes.
    pub(super) fn took(&mut self, sent: usize) -> u64 {
        let (mut start, mut done) = (0, 0);
        for end in memchr_iter(b'\n', &self.bytes[..sent]) {
            done += u32::from(self.cut.take().unwrap_or_else(|| is_message(&self.bytes[start..])));
            start = end + 1;
        }
        if start < sent && self.cut.is_none() {
            self.cut = Some(is_message(&self.bytes[start..]));
        }
        self.bytes.drain(..sent);
        self.messages -= done;
        u64::from(done)
    }

    /// Appends what follows, of which the socket took the first `sent` bytes: only if it took all that was here. The
    /// `frames` messages are the whole of it, or there are none. Returns how many of them are complete.
    pub(super) fn append(&mut self, bytes: &[u8], sent: usize, frames: u32) -> u64 {
        let done = if frames > 0 { (memchr_iter(b'\n', &bytes[..sent]).count() as u32).min(frames) } else { 0 };
        if sent > 0 && sent < bytes.len() && bytes[sent - 1] != b'\n' {
            self.cut = Some(frames > 0);
        }
        self.bytes.extend_from_slice(&bytes[sent..]);
        self.messages += frames - done;
        u64::from(done)
    }

    pub(super) fn report(&mut self, tally: &mut LocalCounts) {
        let now = (self.bytes.len() as u64, u64::from(self.messages));
        if now != self.reported {
            self.forget(tally);
            tally.add(Counter::QueueBytes, now.0);
            tally.add(Counter::Waiting, now.1);
            self.reported = now;
        }
    }

    /// Takes what the gauges were told back.
    pub(super) fn forget(&self, tally: &mut LocalCounts) {
        tally.sub(Counter::QueueBytes, self.reported.0);
        tally.sub(Counter::Waiting, self.reported.1);
    }
}

/// Whether this is the start of what a user said, and not of what the server says: no two replies that tell them apart
/// begin with the same letter (§3.2).
fn is_message(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(b'M' | b'B'))
}
