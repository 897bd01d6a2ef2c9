//! Detects that a thread uses up its core while the machine has idle cores.

use std::time::{Duration, Instant};

use mychat_os::proc;

/// The time between two observations. It takes two in a row to detect pressure.
const WINDOW: Duration = Duration::from_millis(200);

/// The percentage of a core's time from which on a thread counts as busy.
const BUSY_PERCENT: u32 = 85;

/// The percentage of one core's time that the machine has to leave unused.
const IDLE_PERCENT: u32 = 50;

/// The observations of one thread.
#[derive(Debug)]
pub(crate) struct CpuPressure {
    last_observation: Instant,
    /// The processor time of the thread at the last observation.
    thread_time: Option<Duration>,
    /// The idle time of the machine at the last observation, if the thread was busy then.
    idle_time: Option<Duration>,
    is_forced: bool,
}

impl CpuPressure {
    /// Starts without an observation.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { last_observation: now, thread_time: None, idle_time: None, is_forced: false }
    }

    /// Makes the next observation report pressure in any case.
    pub(crate) const fn force(&mut self) {
        self.is_forced = true;
    }

    /// Returns true if it is time for an observation.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.is_forced || now.saturating_duration_since(self.last_observation) >= WINDOW
    }

    /// Observes the calling thread. Returns true if it was busy since the last observation while the machine had another
    /// core idle.
    pub(crate) fn observe(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.is_forced) {
            return true;
        }
        let elapsed = now.saturating_duration_since(std::mem::replace(&mut self.last_observation, now));
        let thread_before = std::mem::replace(&mut self.thread_time, proc::thread_cpu_time());
        let idle_before = self.idle_time.take();
        let is_busy =
            difference(thread_before, self.thread_time).is_some_and(|used| used * 100 >= elapsed * BUSY_PERCENT);
        if is_busy {
            self.idle_time = proc::idle_time();
        }
        let has_idle_core =
            difference(idle_before, self.idle_time).is_some_and(|idle| idle * 100 >= elapsed * IDLE_PERCENT);
        is_busy && has_idle_core && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
    }
}

fn difference(before: Option<Duration>, now: Option<Duration>) -> Option<Duration> {
    now?.checked_sub(before?)
}

/// Returns true if this machine reports the times that an observation needs.
pub(crate) fn is_supported() -> bool {
    proc::thread_cpu_time().is_some() && proc::idle_time().is_some()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_thread_has_no_pressure() {
        assert!(is_supported());
        let now = Instant::now();
        let mut pressure = CpuPressure::new(now);
        assert!(!pressure.is_due(now));
        for k in 1..4 {
            assert!(pressure.is_due(now + WINDOW * k));
            assert!(!pressure.observe(now + WINDOW * k), "a few microseconds of a window are not busy");
        }
    }

    #[test]
    fn a_window_of_work_is_busy() {
        let start = Instant::now();
        let mut pressure = CpuPressure::new(start);
        let before = proc::thread_cpu_time().unwrap();
        while proc::thread_cpu_time().unwrap() < before + Duration::from_millis(20) {}
        // Claims that the 20 ms of work fitted into 10 ms: busy, but only the first observation in a row.
        pressure.thread_time = Some(before);
        assert!(!pressure.observe(start + Duration::from_millis(10)), "it takes two observations");
        assert!(pressure.idle_time.is_some());
    }
}
