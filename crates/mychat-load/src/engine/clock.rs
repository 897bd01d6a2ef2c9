//! Time in nanoseconds since the run began: the system's in a run, simulated in tests.

use std::time::Duration;

use crate::plan::Nanos;

/// A source of the time.
pub trait Clock {
    /// Returns the nanoseconds since the run began; never less than before.
    fn now(&self) -> Nanos;
}

/// The system's monotonic clock. All copies agree, on every thread.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    start: std::time::Instant,
}

impl RealClock {
    /// A clock whose run begins now.
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// Converts a time of the run to an [`Instant`](std::time::Instant).
    pub fn instant(&self, at: Nanos) -> std::time::Instant {
        self.start + Duration::from_nanos(at)
    }
}

impl Clock for RealClock {
    fn now(&self) -> Nanos {
        self.start.elapsed().as_nanos() as Nanos
    }
}
