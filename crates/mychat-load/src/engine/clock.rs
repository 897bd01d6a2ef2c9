//! The time of the run: the system's clock in a run, a simulated one in tests.

use std::time::Duration;

use crate::plan::RunTime;

/// A source of the time.
pub trait Clock {
    /// Returns the time since the run began; never less than before.
    fn now(&self) -> RunTime;
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
    pub fn instant(&self, at: RunTime) -> std::time::Instant {
        self.start + Duration::from_nanos(at.nanos())
    }
}

impl Clock for RealClock {
    fn now(&self) -> RunTime {
        RunTime::from_nanos(self.start.elapsed().as_nanos() as u64)
    }
}
