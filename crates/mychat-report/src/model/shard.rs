//! Data of a shard that `merge` needs.

use serde::{Deserialize, Serialize};

/// Number of a shard, and the deliveries to reconcile with the other shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Number of the shard, from 1.
    pub index: u32,
    /// Number of shards.
    pub of: u32,
    /// Planned messages from users of other shards that did not arrive.
    pub missing: Vec<MissingDeliveries>,
    /// Planned messages to users of other shards that were not sent.
    pub unsent: Vec<UnsentMessages>,
    /// Users of this shard whose last messages may be lost with their connection.
    #[serde(rename = "unsure")]
    pub unconfirmed: Vec<String>,
}

/// Planned messages from one user to another that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingDeliveries {
    /// Name of the sender.
    pub sender: String,
    /// Name of the recipient.
    pub recipient: String,
    /// Number of missing broadcasts.
    pub broadcasts: u64,
    /// Number of missing private messages.
    pub privates: u64,
}

/// Planned messages that were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentMessages {
    /// Name of the sender.
    pub sender: String,
    /// Name of the recipient; `None` for broadcasts.
    pub to: Option<String>,
    /// Number of messages.
    pub count: u64,
}
