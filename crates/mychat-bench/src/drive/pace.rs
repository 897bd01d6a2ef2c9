//! Wakes a worker at an absolute time, more exactly than a poll's timeout, which is late by about a millisecond.
//!
//! On Linux a timerfd is a descriptor like any socket: the kernel makes it readable at the time asked for and tells of it
//! together with the sockets. Elsewhere the poll ends up to two milliseconds before the time, and the rest is spent asking.

use std::io::Result;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

/// How often the probe of the event loop's delay fires.
pub(super) const PROBE: Duration = Duration::from_millis(5);

/// Wakes at the time that was asked for last.
#[derive(Debug)]
pub(super) enum Pacer {
    /// Linux: by an event.
    #[cfg(target_os = "linux")]
    Timerfd(timerfd::Timer),
    /// Everywhere: by being asked.
    Portable(Option<Instant>),
}

impl Pacer {
    /// The best that this system has; where that is one that tells by itself, it does so under this token.
    #[cfg_attr(not(target_os = "linux"), expect(clippy::unnecessary_wraps, reason = "fails on Linux alone"))]
    pub(super) fn new(registry: &Registry, token: Token) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = timerfd::Timer::new() {
            timer.register(registry, token)?;
            return Ok(Self::Timerfd(timer));
        }
        let _ = (registry, token);
        Ok(Self::Portable(None))
    }

    /// Asks to be woken at `at`, in place of any time asked for before.
    pub(super) fn arm(&mut self, at: Instant) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Timerfd(timer) => timer.arm(at),
            Self::Portable(armed) => *armed = Some(at),
        }
    }

    /// For how long at most to wait before asking whether the time has come.
    pub(super) fn pause(&self) -> Option<Duration> {
        /// What a poll may be late by.
        const COARSE: Duration = Duration::from_millis(2);
        match self {
            #[cfg(target_os = "linux")]
            Self::Timerfd(_) => None,
            Self::Portable(armed) => {
                armed.map(|at| at.saturating_duration_since(Instant::now()).saturating_sub(COARSE))
            }
        }
    }

    /// Whether the time has come and no event tells of it; once for each time.
    pub(super) fn is_due(&mut self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Timerfd(_) => false,
            Self::Portable(armed) => armed.take_if(|at| *at <= Instant::now()).is_some(),
        }
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
    pub(in crate::drive) struct Timer(OwnedFd);

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

    /// Waits until it fires.
    fn fired(pacer: &mut Pacer, poll: &mut Poll) {
        let mut events = Events::with_capacity(8);
        loop {
            poll.poll(&mut events, pacer.pause()).unwrap();
            if pacer.is_due() || events.iter().any(|event| event.token() == TOKEN) {
                return;
            }
        }
    }

    fn both(poll: &Poll) -> [Pacer; 2] {
        [Pacer::new(poll.registry(), TOKEN).unwrap(), Pacer::Portable(None)]
    }

    #[test]
    fn neither_kind_is_ever_early_however_often_it_is_armed() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            for micros in [0, 300, 2500, 20] {
                let at = Instant::now() + Duration::from_micros(micros);
                pacer.arm(at);
                fired(&mut pacer, &mut poll);
                assert!(Instant::now() >= at, "{micros} µs");
            }
        }
    }

    #[test]
    fn a_nearer_time_replaces_a_farther_one() {
        let mut poll = Poll::new().unwrap();
        for mut pacer in both(&poll) {
            pacer.arm(Instant::now() + Duration::from_hours(1));
            pacer.arm(Instant::now() + Duration::from_millis(3));
            fired(&mut pacer, &mut poll);
        }
    }
}
