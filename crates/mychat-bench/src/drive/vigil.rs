//! Stays awake for the last moments before something is due.
//!
//! A core that sleeps takes its time to wake: 50 to 150 µs on a virtual machine, all of which would be lateness. So a worker
//! is woken a little early and asks for the rest of the time, its sockets too, which are read at once for as long. Between
//! two questions it offers its core to whoever wants it; where somebody took it, it sleeps to the end for a while. A server
//! that shares the core with it is not to pay for the generator's punctuality.

use std::time::{Duration, Instant};

/// How long before the time a worker that stays awake is woken.
const LEAD: Duration = Duration::from_micros(80);

/// What somebody else may take of it, in passing.
const SPARED: Duration = Duration::from_micros(20);

/// For how long it sleeps to the end once somebody took more.
const REST: Duration = Duration::from_millis(100);

/// When a worker stays awake, and what that takes.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    rests_until: Option<Instant>,
    spent: Duration,
}

/// A moment of waiting awake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    began: Instant,
    used: Duration,
}

impl Watch {
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), used: thread_cpu() }
    }
}

impl Vigil {
    /// How long before a time the worker is to be woken.
    pub(super) fn lead(&mut self, now: Instant) -> Duration {
        if self.rests_until.is_some_and(|until| now < until) {
            return Duration::ZERO;
        }
        self.rests_until = None;
        LEAD
    }

    /// A watch is over.
    pub(super) fn end(&mut self, watch: Watch) {
        self.took(watch.began.elapsed(), thread_cpu().saturating_sub(watch.used));
    }

    /// A watch took so long, and so much of it was this thread's own.
    fn took(&mut self, time: Duration, own: Duration) {
        self.spent += own;
        if time.saturating_sub(own) > SPARED {
            self.rests_until = Some(Instant::now() + REST);
        }
    }

    /// The processor time that went into it so far.
    pub(super) fn spent(&self) -> Duration {
        self.spent
    }
}

/// What this thread has used of its core. Time that a hypervisor gave to another machine counts as used.
#[cfg(unix)]
fn thread_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// Where there is no such clock nobody stays awake for long either.
#[cfg(not(unix))]
fn thread_cpu() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_needs_the_core_has_it_for_a_while() {
        let mut vigil = Vigil::default();
        let micros = Duration::from_micros;
        assert_eq!(vigil.lead(Instant::now()), LEAD);
        vigil.took(micros(80), micros(79));
        assert_eq!(vigil.lead(Instant::now()), LEAD, "it was alone");
        vigil.took(micros(3000), micros(70));
        let now = Instant::now();
        assert_eq!(vigil.lead(now), Duration::ZERO, "somebody had 2.9 ms of it");
        assert_eq!(vigil.lead(now + REST), LEAD);
        assert_eq!(vigil.spent(), micros(149));
    }

    #[test]
    #[cfg(unix)]
    fn a_thread_that_is_at_work_uses_its_clock() {
        let watch = Watch::begin();
        while thread_cpu() == watch.used {}
        let mut vigil = Vigil::default();
        vigil.end(watch);
        assert!(vigil.spent() > Duration::ZERO);
    }
}
