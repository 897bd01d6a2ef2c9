//! One connection of a user: what comes in is cut into frames, what does not go out at once waits here.

use mychat_proto::{Deframer, Framing};

use super::wire::{Line, Wire};
use crate::plan::Nanos;
use crate::record::recorder::Place;

/// Bytes that may wait for a server that does not read. What comes due after that is not handed over: it is counted
/// as blocked, and missing from `achieved` by the server's fault.
const OUTBOX: usize = 256 * 1024;

/// Without a terminator a segment is a message, and TCP may join two of them where the first was not read yet. Nothing
/// forbids that for sure; a pause this long between two messages of a connection makes it unlikely.
pub(super) const RAW_GAP: Nanos = 10_000_000;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) generation: u32,
    pub(super) role: Role,
    pub(super) deframer: Deframer,
    /// What the socket did not take yet.
    outbox: Vec<u8>,
    /// Since when the outbox has not been empty.
    blocked_since: Option<Nanos>,
    /// The sending side is to be closed once the outbox is empty.
    pub(super) half_close: bool,
    /// When the last message was handed over.
    last: Nanos,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// The user's own (index among the worker's users).
    Own(usize),
    /// One that asks for a name in use and must be refused.
    Twin {
        /// Who opened it (index among the worker's users).
        user: usize,
        /// Index of the user whose name it asks for.
        victim: u32,
        /// When it was meant to.
        intended: Nanos,
        /// Where its outcome is counted.
        place: Place,
    },
}

impl Connection {
    pub(super) fn new(generation: u32, role: Role, framing: Framing) -> Self {
        Self {
            generation,
            role,
            deframer: Deframer::for_replies(framing).lenient(),
            outbox: Vec::new(),
            blocked_since: None,
            half_close: false,
            last: 0,
        }
    }

    /// Whether there is room for so many bytes more: always, while nothing waits.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        self.outbox.is_empty() || self.outbox.len() + bytes <= OUTBOX
    }

    /// Sends bytes, or keeps them until the server reads on.
    pub(super) fn hand_over(&mut self, wire: &mut impl Wire, line: Line, bytes: &[u8], now: Nanos) {
        self.last = now;
        let written = if self.outbox.is_empty() { wire.write(line, bytes) } else { 0 };
        if written < bytes.len() {
            self.outbox.extend_from_slice(&bytes[written..]);
            self.blocked_since.get_or_insert(now);
        }
    }

    /// Sends what waits. Gives the time that the connection was blocked, once it no longer is.
    pub(super) fn flush(&mut self, wire: &mut impl Wire, line: Line, now: Nanos) -> Option<Nanos> {
        let written = wire.write(line, &self.outbox);
        self.outbox.drain(..written);
        if !self.outbox.is_empty() {
            return None;
        }
        self.outbox = Vec::new();
        self.blocked_since.take().map(|since| now.saturating_sub(since))
    }

    /// From when on another message may be handed over, so that it does not share a segment with the last one.
    pub(super) fn free_at(&self, framing: Framing) -> Nanos {
        if framing.is_terminated() { 0 } else { self.last + RAW_GAP }
    }

    pub(super) fn is_blocked(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(super) fn blocked_for(&self, now: Nanos) -> Nanos {
        self.blocked_since.map_or(0, |since| now.saturating_sub(since))
    }
}
