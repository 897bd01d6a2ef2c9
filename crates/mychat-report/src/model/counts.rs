//! Counts of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Number of users in the scenario.
    pub users: u64,
    /// Number of successful logins, repeated logins included.
    pub connected: u64,
    /// Number of users that could not log in.
    pub refused: u64,
    /// Connections of well-behaved users that the server ended.
    pub disconnects: u64,
    /// Online users that were missing in the last roster of another user.
    #[serde(default)]
    pub unlisted: u64,
    /// Number of performed actions.
    pub sent: u64,
    /// Number of actions that came due.
    pub scheduled: u64,
    /// `sent` in percent of `scheduled`; `None` if nothing was scheduled.
    pub achieved: Option<f64>,
    /// Number of owed deliveries.
    pub expected_deliveries: u64,
    /// Number of first copies that arrived.
    pub delivered: u64,
    /// Number of owed deliveries that did not arrive.
    pub lost: u64,
    /// Number of further copies.
    pub duplicated: u64,
    /// Messages that arrived after a later message of the same sender.
    pub reordered: u64,
    /// Messages that arrived in an order that another recipient contradicts.
    #[serde(default)]
    pub disordered: u64,
    /// Messages that arrived at a user they were not addressed to.
    pub misrouted: u64,
    /// Messages with changed content, and frames that are no reply.
    pub corrupted: u64,
    /// Deliveries that may or may not be owed, because a user was logging in or out.
    pub uncertain: u64,
    /// Repeated logins that were refused because the name was still in use.
    pub refused_returns: u64,
    /// Total time in seconds for which connections accepted no bytes to send.
    pub blocked_seconds: f64,
    /// Replies that were wrong or missing.
    pub wrong_replies: u64,
    /// Unexpected ERROR frames by code.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// Returns the integer counts with their names, in report order.
    pub fn named(&self) -> [(&'static str, u64); 18] {
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
            ("disordered", self.disordered),
            ("misrouted", self.misrouted),
            ("corrupted", self.corrupted),
            ("uncertain", self.uncertain),
            ("refused_returns", self.refused_returns),
            ("wrong_replies", self.wrong_replies),
        ]
    }
}
