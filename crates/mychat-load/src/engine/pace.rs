//! Wakes a worker at an absolute time, more exactly than a poll's timeout, which is late by about a millisecond.
//!
//! On Linux a timerfd is a descriptor like any socket: the kernel makes it readable at the time asked for and tells of it
//! together with the sockets. Elsewhere the poll ends up to two milliseconds before the time. In either case the rest of
//! the time, if there is any, is spent asking.

use std::io::Result;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

/// What a poll's own timeout may be late by.
const COARSE: Duration = Duration::from_millis(2);

/// Wakes for the time that was asked for last.
#[derive(Debug)]
pub(super) struct Pacer {
    #[cfg(target_os = "linux")]
    timer: Option<timerfd::Timer>,
    at: Option<Instant>,
    /// It wakes so long before that.
    lead: Duration,
}

impl Pacer {
    /// The best that this system has; where that is one that tells by itself, it does so under this token.
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry, token: Token) -> Result<Self> {
        let timer = timerfd::Timer::new().ok();
        if let Some(timer) = &timer {
            timer.register(registry, token)?;
        }
        Ok(Self { timer, at: None, lead: Duration::ZERO })
    }

    /// The best that this system has.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "fails on Linux alone")]
    pub(super) fn new(_registry: &Registry, _token: Token) -> Result<Self> {
        Ok(Self { at: None, lead: Duration::ZERO })
    }

    /// Asks to be woken for `at` and so long before, in place of any time asked for before.
    pub(super) fn arm(&mut self, at: Instant, lead: Duration) {
        self.at = Some(at);
        self.lead = if self.tells() { lead } else { COARSE };
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            timer.arm(at.checked_sub(lead).unwrap_or(at));
        }
    }

    /// Asks to be woken at the time itself.
    pub(super) fn sleep_on(&mut self) {
        if let Some(at) = self.at {
            self.arm(at, Duration::ZERO);
        }
    }

    /// Whether an event tells of it when it wakes.
    pub(super) fn tells(&self) -> bool {
        #[cfg(target_os = "linux")]
        let tells = self.timer.is_some();
        #[cfg(not(target_os = "linux"))]
        let tells = false;
        tells
    }

    /// For how long at most to wait before asking whether the time has come.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.at
            .filter(|_| !self.tells())
            .map(|at| at.saturating_duration_since(Instant::now()).saturating_sub(self.lead))
    }

    /// Whether it will not wake any more before the time has come: what is left is spent asking.
    pub(super) fn is_near(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| !self.lead.is_zero() && at.saturating_duration_since(now) <= self.lead)
    }

    /// Whether the time has come.
    pub(super) fn has_come(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// The same, once for each time.
    pub(super) fn is_due(&mut self) -> bool {
        let has_come = self.has_come();
        self.at.take_if(|_| has_come).is_some()
    }
}

#[cfg(target_os = "linux")]
mod timerfd {
    use std::os::fd::{AsRawFd as _, OwnedFd};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

    use super::{Duration, Instant, Result};

    #[derive(Debug)]
    pub(in crate::engine) struct Timer(OwnedFd);

    impl Timer {
        pub(super) fn new() -> Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self(rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?))
        }

        /// Each time it fires is told of once: it need not be read.
        pub(super) fn register(&self, registry: &Registry, token: Token) -> Result<()> {
            registry.register(&mut SourceFd(&self.0.as_raw_fd()), token, Interest::READABLE)
        }

        pub(super) fn arm(&self, at: Instant) {
            // A value of zero would disarm it.
            let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let it_value = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            let value = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            // It fails for values out of range alone, and these are in it.
            let _ = rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll};

    use super::*;

    const TOKEN: Token = Token(7);

    /// Waits until its time has come.
    fn fired(pacer: &mut Pacer, poll: &mut Poll) {
        let mut events = Events::with_capacity(8);
        while !pacer.is_due() {
            let pause = if pacer.is_near(Instant::now()) { Some(Duration::ZERO) } else { pacer.pause() };
            poll.poll(&mut events, pause).unwrap();
        }
    }

    fn both(poll: &Poll) -> [Pacer; 2] {
        let mut portable = Pacer::new(poll.registry(), Token(8)).unwrap();
        #[cfg(target_os = "linux")]
        drop(portable.timer.take());
        portable.arm(Instant::now(), Duration::ZERO);
        [Pacer::new(poll.registry(), TOKEN).unwrap(), portable]
    }

    #[test]
    fn neither_kind_is_ever_early_however_often_it_is_armed() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            for (micros, lead) in [(0, 0), (300, 80), (2500, 0), (20, 80), (400, 0)] {
                let at = Instant::now() + Duration::from_micros(micros);
                pacer.arm(at, Duration::from_micros(lead));
                fired(&mut pacer, &mut poll);
                assert!(Instant::now() >= at, "{micros} µs");
                assert!(!pacer.is_due(), "told once");
            }
        }
    }

    #[test]
    fn a_nearer_time_replaces_a_farther_one() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            pacer.arm(Instant::now() + Duration::from_hours(1), Duration::ZERO);
            pacer.arm(Instant::now() + Duration::from_millis(3), Duration::ZERO);
            fired(&mut pacer, &mut poll);
        }
    }

    #[test]
    fn it_wakes_ahead_of_the_time_and_can_be_told_to_sleep_on() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            let at = Instant::now() + Duration::from_millis(40);
            pacer.arm(at, Duration::from_millis(35));
            let mut events = Events::with_capacity(8);
            poll.poll(&mut events, pacer.pause()).unwrap();
            if pacer.is_near(Instant::now()) && pacer.tells() {
                pacer.sleep_on();
                assert!(!pacer.is_near(Instant::now()) || pacer.has_come());
            }
            fired(&mut pacer, &mut poll);
            assert!(Instant::now() >= at);
        }
    }
}
