//! Wakes a worker at an absolute time, more exactly than the runtime's timer, which is late by about a millisecond.
//!
//! On Linux a timerfd is a descriptor like any socket: the kernel makes it readable at the time asked for and the
//! runtime hears of it together with the sockets. Elsewhere the runtime's timer is used up to two milliseconds before
//! the time, and the rest is spent yielding.

use std::time::{Duration, Instant};

/// How often the probe of the event loop's delay fires.
pub(super) const PROBE: Duration = Duration::from_millis(5);

/// Wakes one task at the time that was asked for last.
#[derive(Debug)]
pub(super) enum Pacer {
    /// Linux.
    #[cfg(target_os = "linux")]
    Timerfd(timerfd::Pacer),
    /// Everywhere.
    Portable(portable::Pacer),
}

impl Pacer {
    /// The best that this system has. Must be called inside a runtime.
    pub(super) fn new() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(pacer) = timerfd::Pacer::new() {
            return Self::Timerfd(pacer);
        }
        Self::Portable(portable::Pacer::default())
    }

    /// Asks to be woken at `at`, in place of any time asked for before.
    pub(super) fn arm(&self, at: Instant) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Timerfd(pacer) => pacer.arm(at),
            Self::Portable(pacer) => pacer.arm(at),
        }
    }

    /// Waits for it.
    pub(super) async fn fired(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Timerfd(pacer) => pacer.fired().await,
            Self::Portable(pacer) => pacer.fired().await,
        }
    }
}

#[cfg(target_os = "linux")]
mod timerfd {
    use std::os::fd::OwnedFd;

    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::{Duration, Instant};

    #[derive(Debug)]
    pub(in crate::drive) struct Pacer(AsyncFd<OwnedFd>);

    impl Pacer {
        pub(super) fn new() -> std::io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "unsound for types whose descriptor changes under it, which an OwnedFd's cannot; \
                          its replacement is an unsafe function, and this workspace has none"
            )]
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self(timer))
        }

        pub(super) fn arm(&self, at: Instant) {
            // A value of zero would disarm it.
            let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let it_value = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            let value = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            // It fails for values out of range alone, and these are in it.
            let _ = rustix::time::timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &value);
        }

        pub(super) async fn fired(&self) {
            loop {
                let Ok(mut ready) = self.0.readable().await else { return };
                let mut count = [0; 8];
                match ready.try_io(|timer| rustix::io::read(timer, &mut count).map_err(std::io::Error::from)) {
                    Ok(_) => return,
                    // Armed anew since it became readable: not yet.
                    Err(_would_block) => {}
                }
            }
        }
    }
}

mod portable {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::{Duration, Instant};

    #[derive(Debug, Default)]
    pub(in crate::drive) struct Pacer {
        at: Cell<Option<Instant>>,
        changed: Notify,
    }

    impl Pacer {
        pub(super) fn arm(&self, at: Instant) {
            self.at.set(Some(at));
            self.changed.notify_one();
        }

        pub(super) async fn fired(&self) {
            const COARSE: Duration = Duration::from_millis(2);
            loop {
                let Some(at) = self.at.get() else {
                    self.changed.notified().await;
                    continue;
                };
                let now = Instant::now();
                if now >= at {
                    self.at.set(None);
                    return;
                }
                let coarse = at.saturating_duration_since(now).saturating_sub(COARSE);
                if coarse.is_zero() {
                    tokio::task::yield_now().await;
                    continue;
                }
                tokio::select! {
                    () = tokio::time::sleep(coarse) => {}
                    () = self.changed.notified() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_never_early(pacer: &Pacer) {
        for micros in [0, 300, 2500, 20] {
            let at = Instant::now() + Duration::from_micros(micros);
            pacer.arm(at);
            pacer.fired().await;
            assert!(Instant::now() >= at, "{micros} µs");
        }
    }

    #[tokio::test]
    async fn neither_kind_is_ever_early() {
        is_never_early(&Pacer::new()).await;
        is_never_early(&Pacer::Portable(portable::Pacer::default())).await;
    }

    #[tokio::test]
    async fn a_nearer_time_replaces_a_farther_one() {
        for pacer in [Pacer::new(), Pacer::Portable(portable::Pacer::default())] {
            pacer.arm(Instant::now() + Duration::from_hours(1));
            let waiting = pacer.fired();
            let nearer = async { pacer.arm(Instant::now() + Duration::from_millis(3)) };
            tokio::join!(waiting, nearer);
        }
    }
}
