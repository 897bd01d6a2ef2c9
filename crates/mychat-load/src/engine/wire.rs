//! The transport below the users: [`Wire`] is sockets in a run and memory in tests.

use crate::plan::RunTime;

/// Identifies a connection by its key in the worker's table. Keys are reused; `generation` tells one use from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// Key in the table.
    pub key: usize,
    /// Number of this use of the key.
    pub generation: u32,
}

/// A way in which the users' side gives a connection up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseMode {
    /// Closes the sending side only; what arrives is still read.
    HalfClose,
    /// Closes in order.
    Close,
    /// Resets.
    Reset,
}

/// Size of the system's receive buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveBuffer {
    /// The system's default.
    Default,
    /// The minimum, so that the server soon notices a slow reader.
    Small,
}

/// A way of reading a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// Not at all.
    Stopped,
    /// At most this many bytes at once.
    Chunks(usize),
}

/// Reason for the end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The server closed it.
    Eof,
    /// It broke, with the system's error message.
    Broken(String),
}

/// A transport. It reports by calling the worker's `opened`, `open_failed`, `received`, `writable` and `closed`, never from
/// inside one of these calls.
pub trait Wire {
    /// Starts to connect.
    fn open(&mut self, conn: ConnId, buffer: ReceiveBuffer);
    /// Sends what the system takes at once, and returns the number of bytes. If that is not all, `writable` is called later.
    /// A broken connection takes everything and is reported as closed.
    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> usize;
    /// Gives the connection up. After `Close` and `Reset` nothing more is reported about it.
    fn close(&mut self, conn: ConnId, mode: CloseMode);
    /// Changes how the connection is read.
    fn set_read_mode(&mut self, conn: ConnId, mode: ReadMode);
    /// Asks for a call of the worker's `run_timers` at `at`, in place of any time asked for before.
    fn wake_at(&mut self, at: RunTime);
}
