//! Of a part of a run that several machines share: what `merge` needs to make one of them.

use serde::{Deserialize, Serialize};

/// Which part of a run this is, and what `merge` needs to settle what one part sent and another one received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Which part, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// What was planned by users of other parts for users of this one, and did not come.
    pub missing: Vec<MissingDeliveries>,
    /// What users of this part planned for users of others and did not send.
    pub unsent: Vec<UnsentMessages>,
    /// Users of this part whose last messages may have died with a connection.
    pub unsure: Vec<String>,
}

/// Messages that one user expected of another by plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingDeliveries {
    /// Who was to send them.
    pub sender: String,
    /// Who was to get them.
    pub recipient: String,
    /// Of those to everybody.
    pub broadcasts: u64,
    /// Of those to the recipient alone.
    pub privates: u64,
}

/// Messages that were planned and not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentMessages {
    /// Who was to send them.
    pub sender: String,
    /// Who was to get them; `None` for everybody.
    pub to: Option<String>,
    /// How many.
    pub count: u64,
}
