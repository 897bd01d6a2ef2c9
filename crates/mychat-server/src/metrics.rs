//! Counters: how many connections came, how they ended, who was not let in.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer said `DISCONNECT` (§3.3.4).
    Disconnect,
    /// The peer closed its side.
    Closed,
    /// The connection broke.
    Broken,
    /// No name within the handshake deadline (rule U5).
    Handshake,
    /// Too much without a terminator (rule F5).
    Overrun,
    /// More bytes waited for the user than `--send-queue` allows (rule M6).
    QueueFull,
    /// Nothing of what waited for the user was taken for `--send-timeout` (rule M6).
    Stalled,
    /// It was not let in: no room, or too many from its address.
    Refused,
    /// The server stopped.
    Shutdown,
}

impl End {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 9] = [
        Self::Disconnect,
        Self::Closed,
        Self::Broken,
        Self::Handshake,
        Self::Overrun,
        Self::QueueFull,
        Self::Stalled,
        Self::Refused,
        Self::Shutdown,
    ];
}

/// What a server counts; shared by its threads and by whoever wants to look.
#[derive(Debug, Default)]
pub struct Metrics {
    accepted: AtomicU64,
    ended: [AtomicU64; End::ALL.len()],
}

impl Metrics {
    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Sessions that ended for this reason so far.
    pub fn ended(&self, end: End) -> u64 {
        self.ended[end as usize].load(Relaxed)
    }

    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_end(&self, end: End) {
        self.ended[end as usize].fetch_add(1, Relaxed);
    }
}
