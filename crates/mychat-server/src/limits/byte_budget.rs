//! A budget of bytes per second that may go into debt.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Unused budget is kept for this long, so that a quiet server can afford a short burst.
const CREDIT_TIME: Duration = Duration::from_millis(250);

/// A number of bytes per second.
///
/// While the balance is positive any amount may be spent; after that nothing may until the debt is paid. So the first of
/// several large items is never late, and the average rate holds.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget {
    bytes_per_second: f64,
    balance: f64,
    balance_time: Instant,
}

impl ByteBudget {
    /// Creates a budget with full credit.
    pub(crate) fn new(bytes_per_second: NonZeroUsize, now: Instant) -> Self {
        let bytes_per_second = bytes_per_second.get() as f64;
        Self { bytes_per_second, balance: bytes_per_second * CREDIT_TIME.as_secs_f64(), balance_time: now }
    }

    /// Changes the rate from now on.
    pub(crate) const fn set_rate(&mut self, bytes_per_second: NonZeroUsize) {
        self.bytes_per_second = bytes_per_second.get() as f64;
    }

    /// Returns the time from which on bytes may be spent: `now` or later.
    pub(crate) fn next_spend_at(&mut self, now: Instant) -> Instant {
        let earned = now.saturating_duration_since(self.balance_time).as_secs_f64() * self.bytes_per_second;
        self.balance = (self.balance + earned).min(self.bytes_per_second * CREDIT_TIME.as_secs_f64());
        self.balance_time = now;
        if self.balance > 0.0 {
            return now;
        }
        // One byte more than the debt, so that rounding never gives a time that is a moment too early.
        now + Duration::from_secs_f64(((1.0 - self.balance) / self.bytes_per_second).min(3600.0))
    }

    /// Returns true if `bytes` can be spent without debt.
    pub(crate) fn can_afford(&self, bytes: usize) -> bool {
        bytes as f64 <= self.balance
    }

    /// Subtracts `bytes` from the balance.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.balance -= bytes as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes_per_second: usize) -> (ByteBudget, Instant) {
        let now = Instant::now();
        (ByteBudget::new(NonZeroUsize::new(bytes_per_second).unwrap(), now), now)
    }

    #[test]
    fn a_budget_in_credit_pays_any_amount_and_then_waits_for_the_debt() {
        let (mut budget, now) = budget(1000);
        assert_eq!(budget.next_spend_at(now), now);
        budget.spend(2250);
        let wait = budget.next_spend_at(now) - now;
        assert!(wait >= Duration::from_secs(2) && wait < Duration::from_millis(2010), "{wait:?}");
        assert_eq!(budget.next_spend_at(now + wait), now + wait);
    }

    #[test]
    fn credit_is_limited() {
        let (mut budget, now) = budget(1000);
        let later = now + Duration::from_hours(1);
        assert_eq!(budget.next_spend_at(later), later);
        budget.spend(1250);
        assert!(budget.next_spend_at(later) >= later + Duration::from_secs(1));
    }
}
