//! What each user sent, when, and to whom: 8 bytes a message, written by one thread and read by all without a lock.
//!
//! The log answers two questions. While the run goes on: when was this message, which has just arrived, really handed
//! over (the start of the `service` clock)? And after it: what was a recipient owed, given when it came and went?

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::plan::Nanos;
use crate::plan::stamp::EVERYBODY;

/// Chunk `k` holds `FIRST << k` entries: the log of somebody silent costs nothing, that of a talker is never moved.
const FIRST: usize = 64;
const CHUNKS: usize = 25;

/// One user's messages in the order in which it sent them.
#[derive(Debug, Default)]
pub struct SentLog {
    chunks: [OnceLock<Box<[AtomicU64]>>; CHUNKS],
    len: AtomicU32,
}

/// One message of a [`SentLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it was handed over, in microseconds since the run began.
    pub at: u64,
    /// Index of the user it went to, or [`EVERYBODY`].
    pub to: u32,
    /// The stage it was scheduled in.
    pub stage: u16,
}

const TO_BITS: u32 = 18;
const STAGE_BITS: u32 = 10;

impl Sent {
    /// Whether it went to everybody.
    pub const fn is_broadcast(&self) -> bool {
        self.to == EVERYBODY
    }

    const fn pack(self) -> u64 {
        self.at << (TO_BITS + STAGE_BITS) | (self.to as u64) << STAGE_BITS | self.stage as u64
    }

    const fn unpack(word: u64) -> Self {
        Self {
            at: word >> (TO_BITS + STAGE_BITS),
            to: (word >> STAGE_BITS) as u32 & ((1 << TO_BITS) - 1),
            stage: word as u16 & ((1 << STAGE_BITS) - 1),
        }
    }
}

impl SentLog {
    /// How many messages it holds.
    pub fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a message. Only the user's own thread may call this.
    pub fn push(&self, sent: Sent) {
        let len = self.len.load(Ordering::Relaxed);
        let (chunk, place) = locate(len as usize);
        let chunk = self.chunks[chunk].get_or_init(|| (0..FIRST << chunk).map(|_| AtomicU64::new(0)).collect());
        chunk[place].store(sent.pack(), Ordering::Release);
        self.len.store(len + 1, Ordering::Release);
    }

    /// The message with this sequence number; `None` for one that was never sent.
    pub fn get(&self, sequence: u32) -> Option<Sent> {
        if sequence >= self.len() {
            return None;
        }
        let (chunk, place) = locate(sequence as usize);
        self.chunks[chunk].get().map(|chunk| Sent::unpack(chunk[place].load(Ordering::Acquire)))
    }

    /// All messages in order.
    pub fn iter(&self) -> impl Iterator<Item = Sent> {
        (0..self.len()).map_while(|sequence| self.get(sequence))
    }
}

const fn locate(index: usize) -> (usize, usize) {
    let shifted = index / FIRST + 1;
    let chunk = shifted.ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

/// Whole microseconds of a time.
pub const fn micros(at: Nanos) -> u64 {
    at / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_across_chunks() {
        let log = SentLog::default();
        let sent = |n: u32| Sent { at: u64::from(n) * 1_000_003, to: n % EVERYBODY, stage: (n % 1000) as u16 };
        for n in 0..5000 {
            log.push(sent(n));
        }
        assert!(log.iter().eq((0..5000).map(sent)));
        assert_eq!(log.get(5000), None);
    }
}
