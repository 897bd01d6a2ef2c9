//! The accounts of a run, as exact as the scenario asks for and memory allows.

use super::ledger::{Dispatch, Reading, Reckoning, outstanding, reckon};
use super::sent::SentLog;
use super::totals::Totals;
use super::visit::Visit;
use crate::plan::Plan;
use mychat_scenario::model::Verify;

/// What was sent, by who is to get it.
#[derive(Debug)]
pub enum Books {
    /// Message by message.
    Full(Dispatch),
    /// A count and a sum a user.
    Counts(Totals),
    /// A count a user, so that a run knows when it is over; nothing is judged by it.
    Nothing(Totals),
}

impl Books {
    /// Closes the books of what was sent.
    pub fn new(plan: &Plan, logs: &[SentLog]) -> Self {
        match plan.verify {
            Verify::Full => Self::Full(Dispatch::new(logs, plan.users.len() as u32)),
            Verify::Counts => Self::Counts(Totals::new(logs)),
            Verify::None => Self::Nothing(Totals::new(logs)),
        }
    }

    /// How many deliveries are owed to users that are still there and have not come yet.
    pub fn outstanding<'v>(&self, visits: impl Iterator<Item = &'v Visit>, reading: Reading) -> u64 {
        match self {
            Self::Full(dispatch) => outstanding(dispatch, visits, reading),
            Self::Counts(totals) | Self::Nothing(totals) => totals.outstanding(visits, reading),
        }
    }

    /// Holds what was sent against what came.
    pub fn reckon<'v>(
        self,
        plan: &Plan,
        logs: &[SentLog],
        visits: impl Iterator<Item = &'v Visit> + Clone,
        reading: Reading,
    ) -> Reckoning {
        match self {
            Self::Full(dispatch) => reckon(plan, &dispatch, visits, reading),
            Self::Counts(totals) => totals.reckon(plan, logs, visits, reading),
            Self::Nothing(_) => Reckoning::default(),
        }
    }
}
