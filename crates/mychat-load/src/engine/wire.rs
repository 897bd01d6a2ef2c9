//! Between the users and the network: what the engine asks of a transport. Sockets are behind it in a run (`tcp`),
//! memory in tests.

use crate::plan::Nanos;

/// A connection, by its place in the worker's table. Places are used again; `generation` tells one use from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// Place in the table.
    pub key: usize,
    /// Which use of the place.
    pub generation: u32,
}

/// How a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// Nothing more is sent; what comes is still read.
    Half,
    /// Closed in order.
    Close,
    /// Reset.
    Reset,
}

/// Room in the system for what arrived and was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As the system likes.
    Usual,
    /// Little, so that a user that reads slowly is noticed by the server.
    Small,
}

/// How a connection is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// Not.
    Stopped,
    /// At most so many bytes at once.
    Chunks(usize),
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The other side closed it.
    Eof,
    /// It broke, with what the system said.
    Broken(String),
}

/// A transport. It answers by calling the worker's `opened`, `failed`, `received`, `writable` and `ended`, never from
/// inside one of these calls.
pub trait Wire {
    /// Starts to connect; with as little room for what is not read yet as the system allows, if asked.
    fn open(&mut self, line: Line, room: Room);
    /// Sends what goes at once and tells how many bytes that was; calls `writable` later if it was not all. A broken
    /// connection takes everything and is reported as ended.
    fn write(&mut self, line: Line, bytes: &[u8]) -> usize;
    /// Gives the connection up. After `Close` and `Reset` nothing more is reported about it.
    fn hang_up(&mut self, line: Line, how: Hangup);
    /// Stops reading a connection, or reads it on; at most so many bytes at once.
    fn read(&mut self, line: Line, reading: ReadMode);
    /// Asks for a call of the worker's `run_due` at this time.
    fn wake_at(&mut self, at: Nanos);
}
