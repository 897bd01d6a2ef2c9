//! The log of each user's sent messages, with time and recipient: 8 bytes per message, written by one thread and read by
//! all without a lock.
//!
//! During the run the log gives the time at which a message was handed to the socket, from which the `service` latency
//! counts. Afterwards it gives the messages that a recipient was owed.
//!
//! Two threads share a log: the worker that drives the user appends ([`SentLog::push`]), and the worker of a recipient
//! reads ([`SentLog::get`]). `push` stores the entry before it stores the new length with `Release`; `get` loads the
//! length with `Acquire`. A reader that sees the length therefore sees the entry too. Only the writer changes the length,
//! so it may load it `Relaxed`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::plan::{Addressee, RunTime, StageId};

/// Chunk `k` holds `FIRST << k` entries. The log of a silent user takes no memory, and an entry is never moved: readers
/// hold no lock.
const FIRST: usize = 64;
const CHUNKS: usize = 25;

/// The messages of one user in the order of sending.
#[derive(Debug, Default)]
pub struct SentLog {
    chunks: [OnceLock<Box<[AtomicU64]>>; CHUNKS],
    len: AtomicU32,
}

/// One message of a [`SentLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Time at which it was handed to the socket. The log keeps its whole microseconds.
    pub at: RunTime,
    /// The recipient.
    pub to: Addressee,
    /// The stage in which it was scheduled.
    pub stage: StageId,
}

const TO_BITS: u32 = 18;
const STAGE_BITS: u32 = 10;

impl Sent {
    /// Returns true for a broadcast.
    pub fn is_broadcast(&self) -> bool {
        self.to == Addressee::EVERYBODY
    }

    const fn pack(self) -> u64 {
        self.at.micros() << (TO_BITS + STAGE_BITS) | (self.to.number() as u64) << STAGE_BITS | self.stage.0 as u64
    }

    const fn unpack(word: u64) -> Self {
        Self {
            at: RunTime::from_micros(word >> (TO_BITS + STAGE_BITS)),
            to: Addressee::from_number((word >> STAGE_BITS) as u32 & ((1 << TO_BITS) - 1)),
            stage: StageId(word as u16 & ((1 << STAGE_BITS) - 1)),
        }
    }
}

impl SentLog {
    /// Returns the number of messages.
    pub fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    /// Returns true if the user sent nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a message. Only the worker thread that drives this user may call it.
    pub fn push(&self, sent: Sent) {
        let len = self.len.load(Ordering::Relaxed);
        let (chunk, place) = locate(len as usize);
        let chunk = self.chunks[chunk].get_or_init(|| (0..FIRST << chunk).map(|_| AtomicU64::new(0)).collect());
        chunk[place].store(sent.pack(), Ordering::Release);
        self.len.store(len + 1, Ordering::Release);
    }

    /// Returns the message with this sequence number; `None` if it was never sent. Any thread may call it.
    pub fn get(&self, sequence: u32) -> Option<Sent> {
        if sequence >= self.len() {
            return None;
        }
        let (chunk, place) = locate(sequence as usize);
        self.chunks[chunk].get().map(|chunk| Sent::unpack(chunk[place].load(Ordering::Acquire)))
    }

    /// Returns all messages in order.
    pub fn iter(&self) -> impl Iterator<Item = Sent> {
        (0..self.len()).map_while(|sequence| self.get(sequence))
    }
}

const fn locate(index: usize) -> (usize, usize) {
    let shifted = index / FIRST + 1;
    let chunk = shifted.ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_across_chunks() {
        let log = SentLog::default();
        let sent = |n: u32| Sent {
            at: RunTime::from_micros(u64::from(n) * 1_000_003),
            to: Addressee::from_number(n % Addressee::EVERYBODY.number()),
            stage: StageId((n % 1000) as u16),
        };
        for n in 0..5000 {
            log.push(sent(n));
        }
        assert!(log.iter().eq((0..5000).map(sent)));
        assert_eq!(log.get(5000), None);
    }
}
