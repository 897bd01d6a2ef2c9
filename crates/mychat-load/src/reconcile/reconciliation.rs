//! The result of a comparison of what was owed with what arrived.

use rustc_hash::FxHashMap;

use super::lost_latency::LostLatency;
use crate::plan::UserId;
use crate::record::example::Examples;
use crate::record::recorder::Place;

/// Deliveries that were owed, lost, duplicated or undecidable.
#[derive(Debug, Default)]
pub struct Reconciliation {
    /// Deliveries that were owed.
    pub owed: u64,
    /// Owed deliveries that did not arrive, by the recipient's place.
    pub lost: FxHashMap<Place, u64>,
    /// Deliveries beyond the owed ones. Only checksum accounting fills this; otherwise each inbox counts its duplicates.
    pub duplicated: FxHashMap<Place, u64>,
    /// Deliveries that may or may not have happened, because a user was logging in or out.
    pub uncertain: u64,
    /// The first few losses.
    pub examples: Examples,
    /// Ages of the lost deliveries.
    pub lost_latency: LostLatency,
    /// Lost deliveries by recipient.
    pub lost_by_user: FxHashMap<UserId, u64>,
    /// By sender: private messages that no user received and no user was owed. The server may have answered them by 404.
    pub undeliverable: FxHashMap<UserId, u64>,
    /// Messages planned for users of other shards that did not arrive here. Only the sender's shard knows if they were sent.
    pub missing: Vec<MissingFromShard>,
}

impl Reconciliation {
    /// Returns the number of losses at the places that `filter` accepts.
    pub fn lost(&self, filter: impl Fn(Place) -> bool) -> u64 {
        self.lost.iter().filter(|(place, _)| filter(**place)).map(|(_, lost)| lost).sum()
    }
}

/// Messages that a user of another shard was to send to a user of this one, and that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingFromShard {
    /// The sender.
    pub sender: UserId,
    /// The recipient.
    pub recipient: UserId,
    /// Missing broadcasts.
    pub broadcasts: u32,
    /// Missing private messages.
    pub privates: u32,
}
