//! Whether a thread has more to do than a core can, while the machine could do more.

use std::time::{Duration, Instant};

use mychat_os::proc;

/// How often that is looked at; it takes two looks in succession.
const WINDOW: Duration = Duration::from_millis(200);

/// The part of a core's time from which on a thread counts as busy, in percent.
const BUSY: u32 = 85;

/// The part of one core's time that the machine has to leave unused, in percent.
const FREE: u32 = 50;

/// What one thread has used up, and what the machine has left.
#[derive(Debug)]
pub struct CpuPressure {
    since: Instant,
    ran: Option<Duration>,
    /// What the machine had left at the last look, if the thread was busy before that.
    idle: Option<Duration>,
    is_insisted: bool,
}

impl CpuPressure {
    /// Nothing known yet.
    pub const fn new(now: Instant) -> Self {
        Self { since: now, ran: None, idle: None, is_insisted: false }
    }

    /// Whatever the next look says, it calls for help.
    pub const fn insist(&mut self) {
        self.is_insisted = true;
    }

    /// Whether it is time for another look.
    pub fn is_due(&self, now: Instant) -> bool {
        self.is_insisted || now.saturating_duration_since(self.since) >= WINDOW
    }

    /// A look at the calling thread. Returns whether it could use another core, and there is one.
    pub fn calls_for_help(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.is_insisted) {
            return true;
        }
        let took = now.saturating_duration_since(std::mem::replace(&mut self.since, now));
        let ran = std::mem::replace(&mut self.ran, proc::thread_cpu_time());
        let idle = self.idle.take();
        let is_busy = difference(ran, self.ran).is_some_and(|ran| ran * 100 >= took * BUSY);
        if is_busy {
            self.idle = proc::idle_time();
        }
        let is_free = difference(idle, self.idle).is_some_and(|idle| idle * 100 >= took * FREE);
        is_busy && is_free && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
    }
}

fn difference(before: Option<Duration>, now: Option<Duration>) -> Option<Duration> {
    now?.checked_sub(before?)
}

/// Whether this machine tells any of that.
pub fn can_be_felt() -> bool {
    proc::thread_cpu_time().is_some() && proc::idle_time().is_some()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_needs_no_help() {
        assert!(can_be_felt());
        let now = Instant::now();
        let mut strain = CpuPressure::new(now);
        assert!(!strain.is_due(now));
        for k in 1..4 {
            assert!(strain.is_due(now + WINDOW * k));
            assert!(!strain.calls_for_help(now + WINDOW * k), "a few microseconds of a window are not busy");
        }
    }

    #[test]
    fn a_window_of_work_is_busy() {
        let start = Instant::now();
        let mut strain = CpuPressure::new(start);
        let ran = proc::thread_cpu_time().unwrap();
        while proc::thread_cpu_time().unwrap() < ran + Duration::from_millis(20) {}
        // As if all of it had fitted into ten milliseconds: busy, and two looks with nothing left between them.
        strain.ran = Some(ran);
        assert!(!strain.calls_for_help(start + Duration::from_millis(10)), "it takes two looks");
        assert!(strain.idle.is_some());
    }
}
