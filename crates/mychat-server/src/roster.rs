//! When a user list goes out, and to whom: the newest one wins, within a budget of bytes (rules L2 and L3).
//!
//! One list to everybody costs recipients × its bytes: with 1,000 users 9 MB, with 10,000 a hundred times that. So
//! changes are collected while the budget is in debt. A joiner does not wait for that: where the debt lasts, it gets a
//! list of its own (rule L1), together with the others that joined since.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::limits::Budget;

/// How long a joiner waits for the list that goes to everybody before it gets its own; also how often at most such
/// lists are made.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is to be done about the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Everybody has the newest.
    Nothing,
    /// Send it to everybody.
    Everyone,
    /// Send it to those that joined and have none yet.
    Joiners,
    /// Ask again then.
    Wait(Instant),
}

/// The pace of lists. The list itself is whatever the caller writes when it is told to.
#[derive(Debug)]
pub struct Roster {
    budget: Budget,
    announced: u64,
    joiners_since: Option<Instant>,
}

impl Roster {
    /// Nothing announced yet.
    pub fn new(budget: NonZeroUsize, now: Instant) -> Self {
        Self { budget: Budget::new(budget, now), announced: 0, joiners_since: None }
    }

    /// Somebody joined and has no list.
    pub fn joined(&mut self, now: Instant) {
        self.joiners_since.get_or_insert(now);
    }

    /// What to do now that the set of users is at `version`.
    pub fn plan(&mut self, now: Instant, version: u64) -> Plan {
        if version == self.announced {
            return Plan::Nothing;
        }
        let open = self.budget.open_at(now);
        if open <= now {
            return Plan::Everyone;
        }
        match self.joiners_since.map(|since| since + PATIENCE) {
            Some(due) if due < open && due <= now => Plan::Joiners,
            Some(due) => Plan::Wait(open.min(due.max(now + Duration::from_millis(1)))),
            None => Plan::Wait(open),
        }
    }

    /// A list of this version went to everybody, at this cost.
    pub fn announced(&mut self, version: u64, bytes: usize) {
        self.announced = version;
        self.joiners_since = None;
        self.budget.spend(bytes);
    }

    /// A list went to the joiners. Each of them caused its own cost once, so the budget for repeating it to everybody
    /// is left alone.
    pub const fn told_joiners(&mut self) {
        self.joiners_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> (Roster, Instant) {
        let now = Instant::now();
        (Roster::new(NonZeroUsize::new(1000).unwrap(), now), now)
    }

    #[test]
    fn l3_a_cheap_list_goes_at_once_and_only_once() {
        let (mut roster, now) = roster();
        roster.joined(now);
        assert_eq!(roster.plan(now, 1), Plan::Everyone);
        roster.announced(1, 100);
        assert_eq!(roster.plan(now, 1), Plan::Nothing);
        assert_eq!(roster.plan(now, 2), Plan::Everyone);
    }

    #[test]
    fn l3_in_debt_changes_are_collected_until_it_is_paid() {
        let (mut roster, now) = roster();
        roster.announced(1, 2250);
        let Plan::Wait(at) = roster.plan(now, 2) else { panic!("in debt") };
        assert_eq!(roster.plan(now + Duration::from_secs(1), 7), Plan::Wait(at));
        assert_eq!(roster.plan(at, 7), Plan::Everyone);
        roster.announced(7, 1);
        assert_eq!(roster.plan(at, 7), Plan::Nothing);
    }

    #[test]
    fn l1_a_joiner_does_not_wait_for_a_long_debt() {
        let (mut roster, now) = roster();
        roster.announced(1, 2250);
        roster.joined(now);
        assert_eq!(roster.plan(now, 2), Plan::Wait(now + PATIENCE));
        assert_eq!(roster.plan(now + PATIENCE, 2), Plan::Joiners);
        roster.told_joiners();
        let Plan::Wait(at) = roster.plan(now + PATIENCE, 2) else { panic!("everybody else still waits") };
        assert!(at > now + Duration::from_secs(1));
    }
}
