//! Sends the roster to one worker's users when the schedule allows it.

use std::num::NonZeroUsize;
use std::time::Instant;

use super::roster_schedule::{RosterPlan, RosterSchedule};
use super::sessions::Sessions;
use crate::router::{Router, SessionKey};

/// The rosters of one worker.
#[derive(Debug)]
pub(crate) struct RosterSender {
    schedule: RosterSchedule,
    /// Users who logged in since the last roster and have none yet.
    joiners: Vec<SessionKey>,
    /// The time at which the schedule must be asked again.
    next_at: Option<Instant>,
}

impl RosterSender {
    /// Creates a sender with a budget in bytes per second over all recipients.
    pub(crate) fn new(budget: NonZeroUsize, now: Instant) -> Self {
        Self { schedule: RosterSchedule::new(budget, now), joiners: Vec::new(), next_at: None }
    }

    /// Changes the budget from now on.
    pub(crate) const fn set_budget(&mut self, budget: NonZeroUsize) {
        self.schedule.set_budget(budget);
    }

    /// Records a login.
    pub(crate) fn record_join(&mut self, key: SessionKey, now: Instant) {
        self.joiners.push(key);
        self.schedule.record_join(now);
    }

    /// Returns the time at which [`send_if_due`](Self::send_if_due) has to be called again.
    pub(crate) const fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Cancels the next roster: a stopping server sends none.
    pub(crate) const fn stop(&mut self) {
        self.next_at = None;
    }

    /// Returns the version of the roster that every user here has, except the joiners.
    pub(crate) const fn sent_version(&self) -> u64 {
        self.schedule.sent_version()
    }

    /// Records that the users who moved here already have the roster of `version`.
    pub(crate) fn adopt_version(&mut self, version: u64) {
        self.schedule.record_sent_to_all(version, 0);
    }

    /// Returns the users who have no roster yet.
    pub(crate) fn joiners(&self) -> &[SessionKey] {
        &self.joiners
    }

    /// Makes the next flush include the roster where it is due and within the budget (rules L2 and L3).
    pub(crate) fn send_if_due(&mut self, now: Instant, sessions: &mut Sessions, router: &Router) {
        self.next_at = None;
        let cost = sessions.users() * router.roster_bytes();
        match self.schedule.plan(now, router.version(), cost) {
            RosterPlan::UpToDate => {}
            RosterPlan::WaitUntil(at) => self.next_at = Some(at),
            RosterPlan::SendToAll => {
                let version = write_roster(sessions, router);
                let cost = sessions.send_roster_to_all();
                self.schedule.record_sent_to_all(version, cost);
                self.joiners.clear();
            }
            RosterPlan::SendToJoiners => {
                write_roster(sessions, router);
                for key in self.joiners.drain(..) {
                    sessions.send_roster_to(key);
                }
                self.schedule.record_sent_to_joiners();
                self.next_at = Some(now);
            }
        }
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.joiners.shrink_to_fit();
    }
}

/// Replaces the roster of `sessions` by the newest, and returns its version.
pub(super) fn write_roster(sessions: &mut Sessions, router: &Router) -> u64 {
    sessions.roster.clear();
    router.write_roster(&mut sessions.roster)
}
