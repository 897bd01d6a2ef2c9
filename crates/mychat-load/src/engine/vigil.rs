//! Stays awake for the last moments before something is due, or all the time on a core that is the generator's own.
//!
//! A core that sleeps takes its time to wake: 50 to 150 µs on a virtual machine and milliseconds at times, all of which would
//! be lateness, or stand in what others are said to have taken. So a worker is woken a little early and asks for the rest of
//! the time, its sockets too, which are read at once for as long. Between two questions it offers its core to whoever wants
//! it; where others took much of it, it sleeps to the end for a while. A server that shares the core with it is not to pay for
//! the generator's punctuality.

use std::time::{Duration, Instant};

/// How long before the time a worker that stays awake is woken.
const LEAD: Duration = Duration::from_micros(80);

/// What others may take at a time: this program's conductor adds up an interval, the system does its work.
const SPARED: Duration = Duration::from_millis(2);

/// And of this much watching they may take one part in so many.
const LOOK_BACK: Duration = Duration::from_millis(5);
const PART: u32 = 10;

/// For how long it sleeps to the end once they took more.
const REST: Duration = Duration::from_millis(100);

/// When a worker stays awake, and what that takes.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// Whether there is no better use for the core.
    always: bool,
    rests_until: Option<Instant>,
    /// Time watched since it last looked back, and what others took of it.
    watched: Duration,
    taken: Duration,
    /// Processor time that went into all of it.
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
    /// Of a worker that has a core of its own, or not.
    pub(super) fn new(own_core: bool) -> Self {
        Self { always: own_core, ..Self::default() }
    }

    /// How long before a time the worker is to be woken.
    pub(super) fn lead(&mut self, now: Instant) -> Duration {
        if self.rests(now) { Duration::ZERO } else { LEAD }
    }

    /// Whether it is not to sleep at all.
    pub(super) fn never_sleeps(&mut self, now: Instant) -> bool {
        self.always && !self.rests(now)
    }

    fn rests(&mut self, now: Instant) -> bool {
        self.rests_until = self.rests_until.filter(|until| now < *until);
        self.rests_until.is_some()
    }

    /// A watch is over.
    pub(super) fn end(&mut self, watch: Watch) {
        self.took(watch.began.elapsed(), thread_cpu().saturating_sub(watch.used));
    }

    /// A watch took so long, and so much of it was this thread's own.
    fn took(&mut self, time: Duration, own: Duration) {
        self.spent += own;
        let others = time.saturating_sub(own);
        (self.watched, self.taken) = (self.watched + time, self.taken + others);
        if self.watched < LOOK_BACK && others <= SPARED {
            return;
        }
        if others > SPARED || self.taken * PART > self.watched {
            self.rests_until = Some(Instant::now() + REST);
        }
        (self.watched, self.taken) = (Duration::ZERO, Duration::ZERO);
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
        let (mut vigil, micros) = (Vigil::default(), Duration::from_micros);
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
    fn so_has_whoever_needs_little_of_it_again_and_again() {
        let micros = Duration::from_micros;
        let rests = |taken: u64| {
            let mut vigil = Vigil::default();
            (0..1000).any(|_| {
                vigil.took(micros(100), micros(100 - taken));
                vigil.lead(Instant::now()).is_zero()
            })
        };
        assert!(!rests(5) && rests(15));
    }

    #[test]
    fn on_its_own_core_it_sleeps_only_where_it_is_not_alone() {
        let (micros, now) = (Duration::from_micros, Instant::now());
        assert!(!Vigil::new(false).never_sleeps(now));
        let mut vigil = Vigil::new(true);
        vigil.took(micros(5000), micros(4800));
        assert!(vigil.never_sleeps(now), "what the system does on any core");
        vigil.took(micros(5000), micros(4000));
        assert!(!vigil.never_sleeps(now));
        assert!(vigil.never_sleeps(Instant::now() + REST));
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
