//! Everything that was counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Users of the scenario.
    pub users: u64,
    /// Welcomes, returns included.
    pub connected: u64,
    /// Users that were not let in.
    pub refused: u64,
    /// Connections of well-behaved users that the server ended.
    pub disconnects: u64,
    /// Users that were there, and missing in the last list of somebody else.
    #[serde(default)]
    pub unlisted: u64,
    /// Actions done.
    pub sent: u64,
    /// Actions that came due.
    pub scheduled: u64,
    /// `sent` in percent of `scheduled`; `None` where nothing was scheduled.
    pub achieved: Option<f64>,
    /// Deliveries that had to happen.
    pub expected_deliveries: u64,
    /// First copies that arrived.
    pub delivered: u64,
    /// Deliveries that had to happen and did not.
    pub lost: u64,
    /// Further copies.
    pub duplicated: u64,
    /// Messages that came after a later one of the same sender.
    pub reordered: u64,
    /// Messages that came to somebody they were not for.
    pub misrouted: u64,
    /// Messages that came changed, and frames that are no reply.
    pub corrupted: u64,
    /// Deliveries that could have happened or not, because somebody was coming or going.
    pub uncertain: u64,
    /// Returns that were refused because the name was not free yet.
    pub refused_returns: u64,
    /// For how long connections did not take what was to be sent, summed up.
    pub blocked_seconds: f64,
    /// Answers that were wrong or never came.
    pub wrong_replies: u64,
    /// ERROR frames that no action wants, by code.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// The whole numbers with their names, in the order in which reports list them.
    pub fn named(&self) -> [(&'static str, u64); 17] {
        [
            ("users", self.users),
            ("connected", self.connected),
            ("refused", self.refused),
            ("disconnects", self.disconnects),
            ("unlisted", self.unlisted),
            ("scheduled", self.scheduled),
            ("sent", self.sent),
            ("expected_deliveries", self.expected_deliveries),
            ("delivered", self.delivered),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("misrouted", self.misrouted),
            ("corrupted", self.corrupted),
            ("uncertain", self.uncertain),
            ("refused_returns", self.refused_returns),
            ("wrong_replies", self.wrong_replies),
        ]
    }
}
