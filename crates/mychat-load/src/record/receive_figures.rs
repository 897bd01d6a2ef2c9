//! Figures about the way from the kernel to the generator: which clock says when a message arrived, and how full the receive
//! buffers became.

use serde::{Deserialize, Serialize};

/// The moment at which a message counts as arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalSource {
    /// The kernel took it in. A generator that reads late does not change it.
    Kernel,
    /// The generator had read it.
    #[default]
    Read,
}

/// Figures of the sockets of one worker, or of all workers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReceiveFigures {
    /// The clock of arrivals.
    pub source: ArrivalSource,
    /// The most bytes found unread in one socket, of those that are read at full speed.
    pub unread: u64,
    /// The largest part of a receive buffer that was in use when the generator came late to read it, from 0 to 1. Above one
    /// half the kernel makes the window smaller, and the server has to wait.
    pub fullest_buffer: f64,
    /// Number of times that the real-time clock was set during the run.
    pub clock_steps: u64,
}

impl ReceiveFigures {
    /// Combines the figures of two workers.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            source: self.source.max(other.source),
            unread: self.unread.max(other.unread),
            fullest_buffer: self.fullest_buffer.max(other.fullest_buffer),
            clock_steps: self.clock_steps.max(other.clock_steps),
        }
    }
}
