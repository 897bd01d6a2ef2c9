//! The time at which a roster is sent, and its recipients: the newest one, within a budget of bytes (rules L2 and L3).
//!
//! A roster for everybody costs recipients × its bytes: 9 MB with 1,000 users, a hundred times that with 10,000. Changes
//! are therefore collected while the budget is in debt. A roster that would put it into debt waits until no users have
//! come or gone for a moment. A user who has just logged in does not wait for a long debt: it gets a roster of its own
//! (rule L1), together with the others who logged in since.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::limits::ByteBudget;

/// The time that a new user waits for the roster to everybody before it gets its own, and the shortest time between two
/// such rosters.
const JOINER_WAIT: Duration = Duration::from_millis(100);

/// An expensive roster waits until the set of users has not changed for this time …
const QUIET_TIME: Duration = Duration::from_millis(50);

/// … but not longer than this after the first change.
const MAX_COLLECT_TIME: Duration = Duration::from_millis(500);

/// The next step for the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RosterPlan {
    /// Everybody has the newest roster.
    UpToDate,
    /// Send it to every user.
    SendToAll,
    /// Send it to the users who logged in since the last roster to everybody.
    SendToJoiners,
    /// Ask again at this time.
    WaitUntil(Instant),
}

/// The schedule of rosters. It decides only; the caller writes and sends.
#[derive(Debug)]
pub(crate) struct RosterSchedule {
    budget: ByteBudget,
    /// The version that was last sent to everybody.
    sent_version: u64,
    /// The newest version seen, and the time at which it was first seen.
    seen_version: u64,
    last_change: Instant,
    /// The time of the first change since the last roster to everybody.
    first_change: Option<Instant>,
    /// The time of the first login since the last roster.
    first_joiner: Option<Instant>,
}

impl RosterSchedule {
    /// Creates a schedule with a budget in bytes per second over all recipients.
    pub(crate) fn new(budget: NonZeroUsize, now: Instant) -> Self {
        let budget = ByteBudget::new(budget, now);
        Self { budget, sent_version: 0, seen_version: 0, last_change: now, first_change: None, first_joiner: None }
    }

    /// Changes the budget from now on.
    pub(crate) const fn set_budget(&mut self, budget: NonZeroUsize) {
        self.budget.set_rate(budget);
    }

    /// Records a login.
    pub(crate) fn record_join(&mut self, now: Instant) {
        self.first_joiner.get_or_insert(now);
    }

    /// Returns the next step if the set of users is at `version` and a roster to everybody costs about `cost` bytes.
    pub(crate) fn plan(&mut self, now: Instant, version: u64, cost: usize) -> RosterPlan {
        if version == self.sent_version {
            return RosterPlan::UpToDate;
        }
        if version != self.seen_version {
            self.seen_version = version;
            self.last_change = now;
        }
        let first_change = *self.first_change.get_or_insert(now);
        let mut send_at = self.budget.next_spend_at(now);
        if !self.budget.can_afford(cost) {
            send_at = send_at.max((self.last_change + QUIET_TIME).min(first_change + MAX_COLLECT_TIME));
        }
        if send_at <= now {
            return RosterPlan::SendToAll;
        }
        match self.first_joiner.map(|joined| joined + JOINER_WAIT) {
            Some(due) if due < send_at && due <= now => RosterPlan::SendToJoiners,
            Some(due) => RosterPlan::WaitUntil(send_at.min(due.max(now + Duration::from_millis(1)))),
            None => RosterPlan::WaitUntil(send_at),
        }
    }

    /// Returns the version that was last sent to everybody.
    pub(crate) const fn sent_version(&self) -> u64 {
        self.sent_version
    }

    /// Records that a roster of `version` was sent to everybody, `bytes` over all recipients.
    pub(crate) fn record_sent_to_all(&mut self, version: u64, bytes: usize) {
        self.sent_version = version;
        self.first_joiner = None;
        self.first_change = None;
        self.budget.spend(bytes);
    }

    /// Records that a roster was sent to the new users. It is not charged: the budget is for repetition, and each user
    /// causes such a roster once.
    pub(crate) const fn record_sent_to_joiners(&mut self) {
        self.first_joiner = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> (RosterSchedule, Instant) {
        let now = Instant::now();
        (RosterSchedule::new(NonZeroUsize::new(1000).unwrap(), now), now)
    }

    #[test]
    fn l3_a_cheap_roster_is_sent_at_once_and_only_once() {
        let (mut schedule, now) = schedule();
        schedule.record_join(now);
        assert_eq!(schedule.plan(now, 1, 100), RosterPlan::SendToAll);
        schedule.record_sent_to_all(1, 100);
        assert_eq!(schedule.plan(now, 1, 100), RosterPlan::UpToDate);
        assert_eq!(schedule.plan(now, 2, 100), RosterPlan::SendToAll);
    }

    #[test]
    fn l3_in_debt_changes_are_collected_until_it_is_paid() {
        let (mut schedule, now) = schedule();
        schedule.record_sent_to_all(1, 2250);
        let RosterPlan::WaitUntil(at) = schedule.plan(now, 2, 1) else { panic!("in debt") };
        assert_eq!(schedule.plan(now + Duration::from_secs(1), 7, 1), RosterPlan::WaitUntil(at));
        assert_eq!(schedule.plan(at, 7, 1), RosterPlan::SendToAll);
        schedule.record_sent_to_all(7, 1);
        assert_eq!(schedule.plan(at, 7, 1), RosterPlan::UpToDate);
    }

    #[test]
    fn l3_an_expensive_roster_waits_for_a_quiet_time_but_not_for_ever() {
        let (mut schedule, now) = schedule();
        assert_eq!(schedule.plan(now, 1, 9000), RosterPlan::WaitUntil(now + QUIET_TIME));
        assert_eq!(schedule.plan(now + QUIET_TIME, 1, 9000), RosterPlan::SendToAll);
        let mut version = 1;
        let sent_at = (0..100).map(|k| now + k * QUIET_TIME / 2).find(|&at| {
            version += 1;
            schedule.plan(at, version, 9000) == RosterPlan::SendToAll
        });
        assert_eq!(sent_at, Some(now + MAX_COLLECT_TIME));
    }

    #[test]
    fn l1_a_new_user_does_not_wait_for_a_long_debt() {
        let (mut schedule, now) = schedule();
        schedule.record_sent_to_all(1, 2250);
        schedule.record_join(now);
        assert_eq!(schedule.plan(now, 2, 1), RosterPlan::WaitUntil(now + JOINER_WAIT));
        assert_eq!(schedule.plan(now + JOINER_WAIT, 2, 1), RosterPlan::SendToJoiners);
        schedule.record_sent_to_joiners();
        let RosterPlan::WaitUntil(at) = schedule.plan(now + JOINER_WAIT, 2, 1) else { panic!("the others still wait") };
        assert!(at > now + Duration::from_secs(1));
    }
}
