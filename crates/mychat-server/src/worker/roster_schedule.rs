//! When a user list goes out, and to whom: the newest one wins, within a budget of bytes (rules L2 and L3).
//!
//! One list to everybody costs recipients × its bytes: with 1,000 users 9 MB, with 10,000 a hundred times that. So
//! changes are collected while the budget is in debt, and a list that would run it into debt waits for a crowd to be
//! complete. A joiner does not wait for that: where the debt lasts, it gets a
//! list of its own (rule L1), together with the others that joined since.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::limits::ByteBudget;

/// How long a joiner waits for the list that goes to everybody before it gets its own; also how often at most such
/// lists are made.
const PATIENCE: Duration = Duration::from_millis(100);

/// An expensive list waits until nobody has come or gone for this long …
const QUIET: Duration = Duration::from_millis(50);

/// … but not longer than this.
const CROWD: Duration = Duration::from_millis(500);

/// What is to be done about the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterPlan {
    /// Everybody has the newest.
    UpToDate,
    /// Send it to everybody.
    SendToAll,
    /// Send it to those that joined and have none yet.
    SendToJoiners,
    /// Ask again then.
    WaitUntil(Instant),
}

/// The pace of lists. The list itself is whatever the caller writes when it is told to.
#[derive(Debug)]
pub struct RosterSchedule {
    budget: ByteBudget,
    announced: u64,
    /// The version of the last change that was noticed, and when; and when the first one since the last list was.
    noticed: u64,
    last_change: Instant,
    first_change: Option<Instant>,
    joiners_since: Option<Instant>,
}

impl RosterSchedule {
    /// Nothing announced yet.
    pub fn new(budget: NonZeroUsize, now: Instant) -> Self {
        let budget = ByteBudget::new(budget, now);
        Self { budget, announced: 0, noticed: 0, last_change: now, first_change: None, joiners_since: None }
    }

    /// Changes the budget from now on.
    pub const fn set_budget(&mut self, budget: NonZeroUsize) {
        self.budget.set_rate(budget);
    }

    /// Somebody joined and has no list.
    pub fn joined(&mut self, now: Instant) {
        self.joiners_since.get_or_insert(now);
    }

    /// What to do now that the set of users is at `version` and telling everybody costs about `cost` bytes.
    pub fn plan(&mut self, now: Instant, version: u64, cost: usize) -> RosterPlan {
        if version == self.announced {
            return RosterPlan::UpToDate;
        }
        if version != self.noticed {
            self.noticed = version;
            self.last_change = now;
        }
        let first_change = *self.first_change.get_or_insert(now);
        let mut open = self.budget.open_at(now);
        if !self.budget.affords(cost) {
            open = open.max((self.last_change + QUIET).min(first_change + CROWD));
        }
        if open <= now {
            return RosterPlan::SendToAll;
        }
        match self.joiners_since.map(|since| since + PATIENCE) {
            Some(due) if due < open && due <= now => RosterPlan::SendToJoiners,
            Some(due) => RosterPlan::WaitUntil(open.min(due.max(now + Duration::from_millis(1)))),
            None => RosterPlan::WaitUntil(open),
        }
    }

    /// The version that was announced last.
    pub const fn version(&self) -> u64 {
        self.announced
    }

    /// A list of this version went to everybody, at this cost.
    pub fn announced(&mut self, version: u64, bytes: usize) {
        self.announced = version;
        self.joiners_since = None;
        self.first_change = None;
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

    fn roster() -> (RosterSchedule, Instant) {
        let now = Instant::now();
        (RosterSchedule::new(NonZeroUsize::new(1000).unwrap(), now), now)
    }

    #[test]
    fn l3_a_cheap_list_goes_at_once_and_only_once() {
        let (mut roster, now) = roster();
        roster.joined(now);
        assert_eq!(roster.plan(now, 1, 100), RosterPlan::SendToAll);
        roster.announced(1, 100);
        assert_eq!(roster.plan(now, 1, 100), RosterPlan::UpToDate);
        assert_eq!(roster.plan(now, 2, 100), RosterPlan::SendToAll);
    }

    #[test]
    fn l3_in_debt_changes_are_collected_until_it_is_paid() {
        let (mut roster, now) = roster();
        roster.announced(1, 2250);
        let RosterPlan::WaitUntil(at) = roster.plan(now, 2, 1) else { panic!("in debt") };
        assert_eq!(roster.plan(now + Duration::from_secs(1), 7, 1), RosterPlan::WaitUntil(at));
        assert_eq!(roster.plan(at, 7, 1), RosterPlan::SendToAll);
        roster.announced(7, 1);
        assert_eq!(roster.plan(at, 7, 1), RosterPlan::UpToDate);
    }

    #[test]
    fn l3_an_expensive_list_waits_for_the_crowd_but_not_for_ever() {
        let (mut roster, now) = roster();
        assert_eq!(roster.plan(now, 1, 9000), RosterPlan::WaitUntil(now + QUIET));
        assert_eq!(roster.plan(now + QUIET, 1, 9000), RosterPlan::SendToAll);
        let mut version = 1;
        let end = (0..100).map(|k| now + k * QUIET / 2).find(|&at| {
            version += 1;
            roster.plan(at, version, 9000) == RosterPlan::SendToAll
        });
        assert_eq!(end, Some(now + CROWD));
    }

    #[test]
    fn l1_a_joiner_does_not_wait_for_a_long_debt() {
        let (mut roster, now) = roster();
        roster.announced(1, 2250);
        roster.joined(now);
        assert_eq!(roster.plan(now, 2, 1), RosterPlan::WaitUntil(now + PATIENCE));
        assert_eq!(roster.plan(now + PATIENCE, 2, 1), RosterPlan::SendToJoiners);
        roster.told_joiners();
        let RosterPlan::WaitUntil(at) = roster.plan(now + PATIENCE, 2, 1) else { panic!("everybody else still waits") };
        assert!(at > now + Duration::from_secs(1));
    }
}
