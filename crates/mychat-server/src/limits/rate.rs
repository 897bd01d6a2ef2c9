//! The rate limit of one user: a token bucket in one number.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Deserialize;

/// The rate of frames that one user may send. Empty frames do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Frames per second in the long run.
    pub rate: NonZeroU32,
    /// Frames that may arrive at once after a pause.
    pub burst: NonZeroU32,
    /// The handling of frames above the rate.
    pub action: RateAction,
}

/// The handling of a frame above the rate: the values of `--rate-action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateAction {
    /// The frame waits, and nothing more is read from its sender until then: TCP slows the sender down
    #[default]
    Delay,
    /// The frame is dropped and answered with ERROR|429
    Error,
}

/// The frames of one user against a [`RateLimit`].
///
/// Each frame costs `1 / rate` seconds. The limiter stores the time at which all frames so far are paid for; a frame is
/// early if that time is more than the burst ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimiter {
    paid_at: Instant,
}

impl RateLimiter {
    /// Starts with the whole burst available.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { paid_at: now }
    }

    /// Returns the time at which all frames so far are paid for.
    pub(crate) const fn paid_at(&self) -> Instant {
        self.paid_at
    }

    /// Adds the frames of an earlier session, which are paid for at `paid_at`. The sum is at most the whole burst: more
    /// than that would punish a user that only reconnects.
    pub(crate) fn add_debt(&mut self, paid_at: Instant, limit: RateLimit, now: Instant) {
        let own = self.paid_at.saturating_duration_since(now);
        let whole_burst = Duration::from_secs(1) / limit.rate.get() * limit.burst.get();
        let debt = own + paid_at.saturating_duration_since(now);
        self.paid_at = now + debt.min(whole_burst);
    }

    /// Returns the time at which the next frame may come, or `None` if it may come now.
    pub(crate) fn wait_until(&self, limit: RateLimit, now: Instant) -> Option<Instant> {
        let cost = Duration::from_secs(1) / limit.rate.get();
        let earliest = self.paid_at.max(now).checked_sub(cost * (limit.burst.get() - 1))?;
        (earliest > now).then_some(earliest)
    }

    /// Counts one more frame. Returns false, and counts nothing, if the frame comes too early.
    pub(crate) fn take(&mut self, limit: RateLimit, now: Instant) -> bool {
        if self.wait_until(limit, now).is_some() {
            return false;
        }
        self.paid_at = self.paid_at.max(now) + Duration::from_secs(1) / limit.rate.get();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate_limit(rate: u32, burst: u32) -> RateLimit {
        let some = |n| NonZeroU32::new(n).unwrap();
        RateLimit { rate: some(rate), burst: some(burst), action: RateAction::Delay }
    }

    #[test]
    fn a_whole_burst_passes_at_once_and_then_one_frame_per_interval() {
        let now = Instant::now();
        let (mut limiter, limit) = (RateLimiter::new(now), rate_limit(10, 5));
        assert!((0..5).all(|_| limiter.take(limit, now)));
        let next = now + Duration::from_millis(100);
        assert!(!limiter.take(limit, now));
        assert_eq!(limiter.wait_until(limit, now), Some(next));
        assert!(limiter.take(limit, next));
        assert_eq!(limiter.wait_until(limit, next), Some(next + Duration::from_millis(100)));
        // An hour without frames earns no more than the burst.
        let later = now + Duration::from_hours(1);
        assert_eq!((0..99).take_while(|_| limiter.take(limit, later)).count(), 5);
    }

    #[test]
    fn a_debt_adds_to_what_the_new_session_has_sent() {
        let (now, limit) = (Instant::now(), rate_limit(10, 5));
        let rest_of = |debt: u64| {
            let mut limiter = RateLimiter::new(now);
            assert!(limiter.take(limit, now), "the CONNECT");
            limiter.add_debt(now + Duration::from_millis(debt), limit, now);
            (0..9).take_while(|_| limiter.take(limit, now)).count()
        };
        assert_eq!([rest_of(0), rest_of(200), rest_of(500), rest_of(100_000)], [4, 2, 0, 0]);
        let mut limiter = RateLimiter::new(now);
        limiter.add_debt(now + Duration::from_hours(9), limit, now);
        assert_eq!(limiter.wait_until(limit, now), Some(now + Duration::from_millis(100)), "no more than the burst");
    }

    proptest! {
        #[test]
        fn never_more_frames_than_burst_plus_rate(rate in 1..5000u32, burst in 1..100u32,
                                                  steps in proptest::collection::vec(0..20_000u64, 1..200)) {
            let start = Instant::now();
            let (mut limiter, limit, mut now, mut taken) = (RateLimiter::new(start), rate_limit(rate, burst), start, 0.0);
            for micros in steps {
                now += Duration::from_micros(micros);
                taken += f64::from(u8::from(limiter.take(limit, now)));
                let allowed = f64::from(burst) + (now - start).as_secs_f64() * f64::from(rate);
                prop_assert!(taken <= allowed + 0.01, "{taken} of {allowed}");
            }
        }
    }
}
