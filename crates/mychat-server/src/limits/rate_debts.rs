//! The part of the rate budget that users had spent when they left. It is kept until it would have been refilled, so that a
//! user gains nothing by reconnecting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Maximum number of debts. Above it, those that would be refilled first are dropped.
const MAX_DEBTS: usize = 65_536;

/// Spent budgets by name and address of their users. All workers share them; they are touched at logins and at the end of
/// sessions alone.
///
/// The key has both parts: users behind one address do not share a budget, and nobody can spend the budget of a name from
/// another address.
#[derive(Debug, Default)]
pub(crate) struct RateDebts {
    paid_at: Mutex<HashMap<(Box<str>, IpAddr), Instant>>,
}

impl RateDebts {
    /// Keeps the budget of a user that leaves at `now`. `paid_at` is the time at which its frames are paid for.
    pub(crate) fn keep(&self, name: &str, address: IpAddr, paid_at: Instant, now: Instant) {
        if paid_at <= now {
            return;
        }
        let mut debts = self.lock();
        if debts.len() >= MAX_DEBTS {
            make_room(&mut debts, now);
        }
        debts.insert((name.into(), address.to_canonical()), paid_at);
    }

    /// Removes the debt of a user that logs in and returns the time at which its earlier frames are paid for.
    pub(crate) fn take(&self, name: &str, address: IpAddr) -> Option<Instant> {
        let mut debts = self.lock();
        if debts.is_empty() { None } else { debts.remove(&(name.into(), address.to_canonical())) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Box<str>, IpAddr), Instant>> {
        // No change of the map panics halfway, so a poisoned lock guards sound data.
        self.paid_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the debts that are paid, and if these are few, the half that would be paid first.
fn make_room(debts: &mut HashMap<(Box<str>, IpAddr), Instant>, now: Instant) {
    debts.retain(|_, paid_at| *paid_at > now);
    if debts.len() > MAX_DEBTS / 2 {
        let mut times: Vec<Instant> = debts.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        debts.retain(|_, paid_at| *paid_at > median);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_debt_belongs_to_name_and_address_and_is_taken_once() {
        let (debts, now) = (RateDebts::default(), Instant::now());
        let paid_at = now + Duration::from_secs(3);
        debts.keep("ana", HOME, paid_at, now);
        assert_eq!(debts.take("ana", "10.0.0.1".parse().unwrap()), None);
        assert_eq!(debts.take("bob", HOME), None);
        assert_eq!(debts.take("ana", "::ffff:127.0.0.1".parse().unwrap()), Some(paid_at));
        assert_eq!(debts.take("ana", HOME), None);
        debts.keep("ana", HOME, now, now);
        assert_eq!(debts.take("ana", HOME), None, "a full budget is no debt");
    }

    #[test]
    fn the_number_of_debts_is_bounded_and_the_largest_stay() {
        let (debts, now) = (RateDebts::default(), Instant::now());
        for number in 0..3 * MAX_DEBTS as u64 {
            debts.keep(&number.to_string(), HOME, now + Duration::from_millis(1 + number), now);
            assert!(debts.lock().len() <= MAX_DEBTS);
        }
        let last = (3 * MAX_DEBTS - 1).to_string();
        assert!(debts.take(&last, HOME).is_some());
        assert!(debts.take("0", HOME).is_none());
        // Equal times are dropped together, because there is no reason to prefer one of them.
        let same = RateDebts::default();
        (0..=MAX_DEBTS).for_each(|number| same.keep(&number.to_string(), HOME, now + Duration::from_secs(1), now));
        assert!(same.lock().len() <= MAX_DEBTS);
    }
}
