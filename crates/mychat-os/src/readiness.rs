//! The readiness of one socket under edge-triggered polling.
//!
//! The kernel reports each change once. A reader that does not use it up at once has to remember it; a [`Readiness`] is
//! that memory, in three bytes per socket. An async runtime keeps the same state in about 400 bytes and adds a task.

use std::io;

use mio::event::Event;

/// True on systems where a read or write that was shorter than its buffer proves that the socket is drained (or full):
/// the kernel reports the next change by itself, so the call that would fail with `WouldBlock` can be saved.
pub const PARTIAL_MEANS_DRAINED: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
));

/// The readiness of one socket, as far as the events and the calls since have shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    read: bool,
    write: bool,
    /// The peer has closed its side, or the connection is gone: no further event will come.
    closed: bool,
}

impl Readiness {
    /// The state of a new socket: it accepts bytes, and the kernel will report input.
    pub const NEW: Self = Self { read: false, write: true, closed: false };

    /// Returns true if a read may give bytes, an error or the end of the stream.
    pub const fn can_read(self) -> bool {
        self.read
    }

    /// Returns true if the socket may accept bytes.
    pub const fn can_write(self) -> bool {
        self.write
    }

    /// Marks the socket as full until the next event that says otherwise.
    pub const fn stop_writing(&mut self) {
        self.write = false;
    }

    /// Returns true if nothing will arrive beyond what is already readable.
    pub const fn is_closed(self) -> bool {
        self.closed
    }

    /// Adds what `event` reports.
    pub fn record_event(&mut self, event: &Event) {
        let has_failed = event.is_error();
        self.closed |= event.is_read_closed() || has_failed;
        self.read |= event.is_readable() || self.closed;
        self.write |= event.is_writable() || event.is_write_closed() || has_failed;
    }

    /// Updates the state after a read into a buffer of `capacity` bytes returned `result`.
    pub fn record_read(&mut self, result: &io::Result<usize>, capacity: usize) {
        match result {
            Ok(count) if PARTIAL_MEANS_DRAINED && *count < capacity => self.read = self.closed,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.read = false,
            Ok(_) | Err(_) => {}
        }
    }

    /// Updates the state after a write of `offered` bytes returned `result`.
    pub fn record_write(&mut self, result: &io::Result<usize>, offered: usize) {
        match result {
            Ok(count) if PARTIAL_MEANS_DRAINED && *count < offered => self.write = false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.write = false,
            Ok(_) | Err(_) => {}
        }
    }
}
