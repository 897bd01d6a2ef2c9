//! Time, as nanoseconds since the run began: the real one here, a simulated one in tests.

use std::time::Duration;

use crate::plan::Nanos;

/// Tells the time.
pub trait Clock {
    /// Nanoseconds since the run began; never goes back.
    fn now(&self) -> Nanos;
}

/// The machine's monotonic clock. All copies agree, on every thread.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    start: std::time::Instant,
}

impl RealClock {
    /// The run begins now.
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// The point of time as the standard library has it.
    pub fn instant(&self, at: Nanos) -> std::time::Instant {
        self.start + Duration::from_nanos(at)
    }
}

impl Clock for RealClock {
    fn now(&self) -> Nanos {
        self.start.elapsed().as_nanos() as Nanos
    }
}
