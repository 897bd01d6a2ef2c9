//! Decides when a worker spins instead of sleeping: for the last moments before a timer, or all the time on a dedicated core.
//!
//! A sleeping core takes 50 to 150 µs to wake on a virtual machine, and milliseconds at times. All of that would count as
//! lateness, or as the server's latency. So a worker is woken a little early and polls for the rest of the time, sockets
//! included. Between two polls it yields its core to other threads. Where others took much of that time, it stops spinning for
//! a while: a server that shares the core must not pay for the generator's punctuality.

use std::time::{Duration, Instant};

/// Time before a timer at which a spinning worker is woken.
const LEAD: Duration = Duration::from_micros(80);

/// Time that other threads may take in one spin: the coordinator adds up an interval, or the system does its work.
const TOLERATED: Duration = Duration::from_millis(2);

/// Spinning time over which the share of other threads is measured.
const WINDOW: Duration = Duration::from_millis(5);

/// Other threads may take one part in this many of the window.
const TOLERATED_PART: u32 = 10;

/// Time without spinning after other threads took more.
const BACKOFF: Duration = Duration::from_millis(100);

/// Decides when a worker spins, and adds up what that costs.
#[derive(Debug, Default)]
pub(super) struct SpinPolicy {
    /// True if the worker has a core to itself and need not sleep.
    own_core: bool,
    backoff_until: Option<Instant>,
    /// Time spent spinning in the current window.
    spun: Duration,
    /// The part of it that other threads took.
    taken: Duration,
    /// Processor time spent spinning in all.
    spent: Duration,
}

/// Measures one spin.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpinTimer {
    start: Instant,
    cpu: Duration,
}

impl SpinTimer {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), cpu: thread_cpu() }
    }
}

impl SpinPolicy {
    /// The policy of a worker that has a core to itself, or has not.
    pub(super) fn new(own_core: bool) -> Self {
        Self { own_core, ..Self::default() }
    }

    /// Returns how long before a timer the worker is to be woken.
    pub(super) fn lead(&mut self, now: Instant) -> Duration {
        if self.backs_off(now) { Duration::ZERO } else { LEAD }
    }

    /// Returns true if the worker is not to sleep at all.
    pub(super) fn never_sleeps(&mut self, now: Instant) -> bool {
        self.own_core && !self.backs_off(now)
    }

    /// Ends a spin.
    pub(super) fn stop(&mut self, spin: SpinTimer) {
        self.record(spin.start.elapsed(), thread_cpu().saturating_sub(spin.cpu));
    }

    /// Returns the processor time spent spinning so far.
    pub(super) fn spent(&self) -> Duration {
        self.spent
    }

    fn backs_off(&mut self, now: Instant) -> bool {
        self.backoff_until = self.backoff_until.filter(|until| now < *until);
        self.backoff_until.is_some()
    }

    /// Records a spin of length `time`, of which this thread itself ran for `own`.
    fn record(&mut self, time: Duration, own: Duration) {
        self.spent += own;
        let others = time.saturating_sub(own);
        (self.spun, self.taken) = (self.spun + time, self.taken + others);
        if self.spun < WINDOW && others <= TOLERATED {
            return;
        }
        if others > TOLERATED || self.taken * TOLERATED_PART > self.spun {
            self.backoff_until = Some(Instant::now() + BACKOFF);
        }
        (self.spun, self.taken) = (Duration::ZERO, Duration::ZERO);
    }
}

/// Returns the processor time of this thread. Time that a hypervisor gave to another machine counts as used.
#[cfg(unix)]
fn thread_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// Returns zero: without such a clock every spin looks like time that others took, and the worker soon stops spinning.
#[cfg(not(unix))]
fn thread_cpu() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinning_stops_for_a_while_when_another_thread_needs_the_core() {
        let (mut spin, micros) = (SpinPolicy::default(), Duration::from_micros);
        assert_eq!(spin.lead(Instant::now()), LEAD);
        spin.record(micros(80), micros(79));
        assert_eq!(spin.lead(Instant::now()), LEAD, "it was alone");
        spin.record(micros(3000), micros(70));
        let now = Instant::now();
        assert_eq!(spin.lead(now), Duration::ZERO, "another thread took 2.93 ms of it");
        assert_eq!(spin.lead(now + BACKOFF), LEAD);
        assert_eq!(spin.spent(), micros(149));
    }

    #[test]
    fn spinning_stops_when_other_threads_need_a_little_again_and_again() {
        let micros = Duration::from_micros;
        let backs_off = |taken: u64| {
            let mut spin = SpinPolicy::default();
            (0..1000).any(|_| {
                spin.record(micros(100), micros(100 - taken));
                spin.lead(Instant::now()).is_zero()
            })
        };
        assert!(!backs_off(5) && backs_off(15));
    }

    #[test]
    fn on_its_own_core_a_worker_sleeps_only_if_it_is_not_alone() {
        let (micros, now) = (Duration::from_micros, Instant::now());
        assert!(!SpinPolicy::new(false).never_sleeps(now));
        let mut spin = SpinPolicy::new(true);
        spin.record(micros(5000), micros(4800));
        assert!(spin.never_sleeps(now), "what the system does on any core");
        spin.record(micros(5000), micros(4000));
        assert!(!spin.never_sleeps(now));
        assert!(spin.never_sleeps(Instant::now() + BACKOFF));
    }

    #[test]
    #[cfg(unix)]
    fn a_busy_thread_uses_processor_time() {
        let timer = SpinTimer::start();
        while thread_cpu() == timer.cpu {}
        let mut spin = SpinPolicy::default();
        spin.stop(timer);
        assert!(spin.spent() > Duration::ZERO);
    }
}
