//! Accounting at the precision that the plan asks for (`verify`).

use super::ledger;
use super::reconciliation::Reconciliation;
use super::rules::DeliveryRules;
use super::sent_index::SentIndex;
use super::totals::Totals;
use crate::plan::Plan;
use crate::record::sent::SentLog;
use crate::record::session::UserSession;
use mychat_scenario::model::Verify;

/// The sent messages, prepared for comparison with the deliveries.
#[derive(Debug)]
pub enum Accounting {
    /// Message by message.
    Full(SentIndex),
    /// A count and a checksum per user.
    Counts(Totals),
    /// A count per user, so that a run knows when it has drained. Nothing is reported.
    Nothing(Totals),
}

impl Accounting {
    /// Prepares what is in `logs` at the precision of `plan.verify`.
    pub fn new(plan: &Plan, logs: &[SentLog]) -> Self {
        match plan.verify {
            Verify::Full => Self::Full(SentIndex::new(logs)),
            Verify::Counts => Self::Counts(Totals::new(logs)),
            Verify::None => Self::Nothing(Totals::new(logs)),
        }
    }

    /// Returns the number of owed deliveries to open sessions that have not arrived yet.
    pub fn outstanding<'s>(&self, sessions: impl Iterator<Item = &'s UserSession>, rules: DeliveryRules) -> u64 {
        match self {
            Self::Full(index) => ledger::outstanding(index, sessions, rules),
            Self::Counts(totals) | Self::Nothing(totals) => totals.outstanding(sessions, rules),
        }
    }

    /// Compares what was sent with what arrived.
    pub fn reconcile<'s>(
        self,
        plan: &Plan,
        logs: &[SentLog],
        sessions: impl Iterator<Item = &'s UserSession> + Clone,
        rules: DeliveryRules,
    ) -> Reconciliation {
        match self {
            Self::Full(index) => ledger::reconcile(plan, &index, sessions, rules),
            Self::Counts(totals) => totals.reconcile(plan, logs, sessions, rules),
            Self::Nothing(_) => Reconciliation::default(),
        }
    }
}
