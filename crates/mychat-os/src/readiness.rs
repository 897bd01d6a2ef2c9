//! What a socket is ready for, where the kernel tells of a change once (edge-triggered).
//!
//! Whatever is not used up at once has to be remembered by the one it was told to. A runtime keeps the same for each
//! socket, in 400 bytes of its own and with a task to wake.

use std::io;

use mio::event::Event;

/// Whether a read or write that was cut short says that there is nothing left, without another one that fails: where the
/// kernel tells of the next change by itself.
pub const SHORT_IS_ALL: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
));

/// What a socket is ready for, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    read: bool,
    write: bool,
    /// Whether the peer has closed its side, or the connection is gone: the kernel has nothing more to tell.
    ended: bool,
}

impl Readiness {
    /// Of a new socket: it takes bytes, and what is there to be read will be told.
    pub const NEW: Self = Self { read: false, write: true, ended: false };

    /// Whether a read is worth its system call.
    pub const fn can_read(self) -> bool {
        self.read
    }

    /// Whether a write is.
    pub const fn can_write(self) -> bool {
        self.write
    }

    /// Nothing is to be written until the socket has been heard of again.
    pub const fn hold_back(&mut self) {
        self.write = false;
    }

    /// Whether nothing more will come than what is there to be read.
    pub const fn is_over(self) -> bool {
        self.ended
    }

    /// Notes what was told.
    pub fn heard(&mut self, event: &Event) {
        let has_failed = event.is_error();
        self.ended |= event.is_read_closed() || has_failed;
        self.read |= event.is_readable() || self.ended;
        self.write |= event.is_writable() || event.is_write_closed() || has_failed;
    }

    /// A read of at most `room` bytes gave this.
    pub fn did_read(&mut self, gave: &io::Result<usize>, room: usize) {
        match gave {
            Ok(count) if SHORT_IS_ALL && *count < room => self.read = self.ended,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.read = false,
            Ok(_) | Err(_) => {}
        }
    }

    /// A write of so many bytes gave this.
    pub fn did_write(&mut self, gave: &io::Result<usize>, offered: usize) {
        match gave {
            Ok(count) if SHORT_IS_ALL && *count < offered => self.write = false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.write = false,
            Ok(_) | Err(_) => {}
        }
    }
}
