//! How fast one user may talk: a token bucket in one number.

use std::time::{Duration, Instant};

use crate::config::RateLimit;

/// A frame costs one over the rate in seconds; whoever has run up more than the burst's worth of it waits. What is
/// kept is the time at which everything said so far is paid for.
#[derive(Debug, Clone, Copy)]
pub struct RateLimiter {
    paid_at: Instant,
}

impl RateLimiter {
    /// Nothing said yet: the whole burst is there.
    pub const fn new(now: Instant) -> Self {
        Self { paid_at: now }
    }

    /// When the next frame may come, if not now.
    pub fn wait(&self, rate_limit: RateLimit, now: Instant) -> Option<Instant> {
        let cost = Duration::from_secs(1) / rate_limit.rate.get();
        // The burst is what may be owed right after a frame.
        let earliest = self.paid_at.max(now).checked_sub(cost * (rate_limit.burst.get() - 1))?;
        (earliest > now).then_some(earliest)
    }

    /// Takes one more frame, unless it comes too early. Returns whether it did.
    pub fn take(&mut self, rate_limit: RateLimit, now: Instant) -> bool {
        if self.wait(rate_limit, now).is_some() {
            return false;
        }
        self.paid_at = self.paid_at.max(now) + Duration::from_secs(1) / rate_limit.rate.get();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::config::RateAction;

    fn limit(rate: u32, burst: u32) -> RateLimit {
        let some = |n| NonZeroU32::new(n).unwrap();
        RateLimit { rate: some(rate), burst: some(burst), action: RateAction::Delay }
    }

    #[test]
    fn a_burst_at_once_and_then_one_a_step() {
        let now = Instant::now();
        let (mut meter, rate_limit) = (RateLimiter::new(now), limit(10, 5));
        assert!((0..5).all(|_| meter.take(rate_limit, now)));
        let next = now + Duration::from_millis(100);
        assert!(!meter.take(rate_limit, now));
        assert_eq!(meter.wait(rate_limit, now), Some(next));
        assert!(meter.take(rate_limit, next));
        assert_eq!(meter.wait(rate_limit, next), Some(next + Duration::from_millis(100)));
        // An hour of silence is worth no more than the burst.
        let later = now + Duration::from_hours(1);
        assert_eq!((0..99).take_while(|_| meter.take(rate_limit, later)).count(), 5);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(rate in 1..5000u32, burst in 1..100u32,
                                                  steps in proptest::collection::vec(0..20_000u64, 1..200)) {
            let start = Instant::now();
            let (mut meter, rate_limit, mut now, mut taken) = (RateLimiter::new(start), limit(rate, burst), start, 0.0);
            for micros in steps {
                now += Duration::from_micros(micros);
                taken += f64::from(u8::from(meter.take(rate_limit, now)));
                let allowed = f64::from(burst) + (now - start).as_secs_f64() * f64::from(rate);
                prop_assert!(taken <= allowed + 0.01, "{taken} of {allowed}");
            }
        }
    }
}
