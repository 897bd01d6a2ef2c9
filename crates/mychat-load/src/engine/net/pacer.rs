//! Wakes a worker at an absolute time. A poll's own timeout would be about a millisecond late.
//!
//! On Linux a timerfd is a descriptor like any socket: the kernel makes it readable at that time and reports it together with
//! the sockets. On other systems the poll's timeout ends two milliseconds before the time. In both cases the worker spins for
//! the rest.

use std::io::Result;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

/// Upper limit of how late a poll's own timeout is.
const COARSE: Duration = Duration::from_millis(2);

/// One timer.
#[derive(Debug)]
pub(super) struct Pacer {
    #[cfg(target_os = "linux")]
    timer: Option<timerfd::Timer>,
    at: Option<Instant>,
    /// It wakes this long before `at`.
    lead: Duration,
}

impl Pacer {
    /// A timerfd that reports under `token`, or a poll timeout where none can be made.
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry, token: Token) -> Result<Self> {
        let timer = timerfd::Timer::new().ok();
        if let Some(timer) = &timer {
            timer.register(registry, token)?;
        }
        Ok(Self { timer, at: None, lead: Duration::ZERO })
    }

    /// A poll timeout: other systems have no timerfd.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "fails on Linux alone")]
    pub(super) fn new(_registry: &Registry, _token: Token) -> Result<Self> {
        Ok(Self { at: None, lead: Duration::ZERO })
    }

    /// Sets the timer to `at`, in place of any time set before. It wakes the worker `lead` before that.
    pub(super) fn arm(&mut self, at: Instant, lead: Duration) {
        self.at = Some(at);
        self.lead = if self.has_events() { lead } else { COARSE };
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            timer.arm(at.checked_sub(lead).unwrap_or(at));
        }
    }

    /// Drops the lead: the timer wakes the worker at the time itself.
    pub(super) fn sleep_on(&mut self) {
        if let Some(at) = self.at {
            self.arm(at, Duration::ZERO);
        }
    }

    /// Returns true if the poll reports an event when the timer fires.
    pub(super) fn has_events(&self) -> bool {
        #[cfg(target_os = "linux")]
        let has_events = self.timer.is_some();
        #[cfg(not(target_os = "linux"))]
        let has_events = false;
        has_events
    }

    /// Returns the longest timeout for a poll, where no event reports the timer.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.at
            .filter(|_| !self.has_events())
            .map(|at| at.saturating_duration_since(Instant::now()).saturating_sub(self.lead))
    }

    /// Returns true if the lead has begun: the worker spins until the time has come.
    pub(super) fn is_near(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| !self.lead.is_zero() && at.saturating_duration_since(now) <= self.lead)
    }

    /// Returns for how long the time has passed; zero before it, and where none is set.
    pub(super) fn overdue(&self) -> Duration {
        self.at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Returns true if the time has come.
    pub(super) fn has_come(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// Returns true if the time has come; once for each time that was set.
    pub(super) fn take_due(&mut self) -> bool {
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

        /// Registers the descriptor. Edge-triggered polls report each expiry once, so that it need not be read.
        pub(super) fn register(&self, registry: &Registry, token: Token) -> Result<()> {
            registry.register(&mut SourceFd(&self.0.as_raw_fd()), token, Interest::READABLE)
        }

        pub(super) fn arm(&self, at: Instant) {
            // A value of zero would disarm it.
            let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let it_value = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            let value = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            // Fails only for values out of range, which these are not.
            let _ = rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll};

    use super::*;

    const TOKEN: Token = Token(7);

    /// Waits until the timer is due.
    fn wait_for(pacer: &mut Pacer, poll: &mut Poll) {
        let mut events = Events::with_capacity(8);
        while !pacer.take_due() {
            let timeout = if pacer.is_near(Instant::now()) { Some(Duration::ZERO) } else { pacer.timeout() };
            poll.poll(&mut events, timeout).unwrap();
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
                wait_for(&mut pacer, &mut poll);
                assert!(Instant::now() >= at, "{micros} µs");
                assert!(!pacer.take_due(), "reported once");
            }
        }
    }

    #[test]
    fn a_nearer_time_replaces_a_farther_one() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            pacer.arm(Instant::now() + Duration::from_hours(1), Duration::ZERO);
            pacer.arm(Instant::now() + Duration::from_millis(3), Duration::ZERO);
            wait_for(&mut pacer, &mut poll);
        }
    }

    #[test]
    fn a_lead_wakes_early_and_can_be_dropped() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            let at = Instant::now() + Duration::from_millis(40);
            pacer.arm(at, Duration::from_millis(35));
            let mut events = Events::with_capacity(8);
            poll.poll(&mut events, pacer.timeout()).unwrap();
            if pacer.is_near(Instant::now()) && pacer.has_events() {
                pacer.sleep_on();
                assert!(!pacer.is_near(Instant::now()) || pacer.has_come());
            }
            wait_for(&mut pacer, &mut poll);
            assert!(Instant::now() >= at);
        }
    }
}
