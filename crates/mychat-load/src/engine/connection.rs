//! The connections of one worker: each cuts what arrives into frames and holds back what the socket does not take.

use mychat_proto::{Deframer, Framing};
use slab::Slab;

use super::wire::{ConnId, Wire};
use crate::plan::{Nanos, RunTime, UserId};
use crate::record::recorder::Place;

/// Bytes that one connection holds back for a server that does not read. What comes due after that is not sent but
/// counted as blocked, and missing from `achieved`: the server is at fault.
const OUTBOX: usize = 256 * 1024;

/// Distance between two messages of one connection in raw framing. Without a terminator a segment is a message, and TCP
/// may join two of them if the first was not read yet; a distance of 10 ms makes that unlikely.
const RAW_GAP: Nanos = 10_000_000;

/// One connection.
#[derive(Debug)]
pub(super) struct UserConnection {
    generation: u32,
    pub(super) role: ConnRole,
    pub(super) deframer: Deframer,
    /// Bytes that the socket did not take yet.
    outbox: Vec<u8>,
    /// Since when the outbox has not been empty.
    blocked_since: Option<RunTime>,
    /// True if the sending side is to be closed once the outbox is empty.
    pub(super) half_close: bool,
    /// Send time of the last message.
    last_sent: RunTime,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum ConnRole {
    /// The connection of the worker's user of this index.
    User(usize),
    /// A second login under a name that is in use.
    Duplicate(DuplicateLogin),
}

/// A login that the server has to refuse: its name is in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct DuplicateLogin {
    /// The user that opened it (index among the worker's users).
    pub(super) user: usize,
    /// The user whose name it asks for (index in the plan).
    pub(super) name_holder: UserId,
    /// Due time of the action.
    pub(super) intended: RunTime,
    /// Cell in which its outcome is counted.
    pub(super) place: Place,
}

/// All connections of one worker.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable {
    slab: Slab<UserConnection>,
    /// Generation of the connection opened last.
    generation: u32,
}

impl UserConnection {
    fn new(generation: u32, role: ConnRole, framing: Framing) -> Self {
        Self {
            generation,
            role,
            deframer: Deframer::for_replies(framing).lenient(),
            outbox: Vec::new(),
            blocked_since: None,
            half_close: false,
            last_sent: RunTime::ZERO,
        }
    }

    /// Returns true if `bytes` more bytes fit. An empty outbox takes any number.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.outbox.is_empty() || self.outbox.len() + bytes <= OUTBOX
    }

    /// Sends bytes, or holds them back until the server reads again.
    pub(super) fn send(&mut self, wire: &mut impl Wire, conn: ConnId, bytes: &[u8], now: RunTime) {
        self.last_sent = now;
        let written = if self.outbox.is_empty() { wire.write(conn, bytes) } else { 0 };
        if written < bytes.len() {
            self.outbox.extend_from_slice(&bytes[written..]);
            self.blocked_since.get_or_insert(now);
        }
    }

    /// Sends bytes that were held back. Returns how long the connection was blocked, once it no longer is.
    pub(super) fn flush(&mut self, wire: &mut impl Wire, conn: ConnId, now: RunTime) -> Option<Nanos> {
        let written = wire.write(conn, &self.outbox);
        self.outbox.drain(..written);
        if !self.outbox.is_empty() {
            return None;
        }
        self.outbox = Vec::new();
        self.blocked_since.take().map(|since| now.since(since))
    }

    /// Returns the time from which the next message may be sent without sharing a segment with the last one.
    pub(super) fn next_send_at(&self, framing: Framing) -> RunTime {
        if framing.is_terminated() { RunTime::ZERO } else { self.last_sent + RAW_GAP }
    }

    pub(super) fn is_blocked(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Returns how long the connection has been blocked at `now`.
    pub(super) fn blocked_for(&self, now: RunTime) -> Nanos {
        self.blocked_since.map_or(0, |since| now.since(since))
    }
}

impl ConnectionTable {
    /// Adds a connection that is about to be made.
    pub(super) fn insert(&mut self, role: ConnRole, framing: Framing) -> ConnId {
        self.generation = self.generation.wrapping_add(1);
        let key = self.slab.insert(UserConnection::new(self.generation, role, framing));
        ConnId { key, generation: self.generation }
    }

    #[inline]
    pub(super) fn get(&self, conn: ConnId) -> Option<&UserConnection> {
        self.slab.get(conn.key).filter(|connection| connection.generation == conn.generation)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut UserConnection> {
        self.slab.get_mut(conn.key).filter(|connection| connection.generation == conn.generation)
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<UserConnection> {
        self.get(conn)?;
        self.slab.try_remove(conn.key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &UserConnection> {
        self.slab.iter().map(|(_, connection)| connection)
    }

    pub(super) fn ids(&self) -> Vec<ConnId> {
        self.slab.iter().map(|(key, connection)| ConnId { key, generation: connection.generation }).collect()
    }
}
