//! Compares what each user was owed with what arrived: losses, duplicates, and what nobody can decide.
//!
//! [`Accounting`] is the entry. It works message by message (`ledger`) or, where that would not fit into memory, with a
//! count and a checksum per user (`totals`). Both return a [`Reconciliation`].

mod rules;
mod sent_index;
mod lost_latency;
mod reconciliation;
mod unconfirmed;
mod ledger;
mod totals;
mod disorder;
mod accounting;
mod fanout_latency;
mod missing_in_roster;
mod shard_exchange;

pub use accounting::Accounting;
pub use disorder::Disorder;
pub use fanout_latency::record_fanout;
pub use ledger::reconcile;
pub use lost_latency::LostLatency;
pub use missing_in_roster::{FinalRosters, MissingInRoster};
pub use reconciliation::{MissingFromShard, Reconciliation};
pub use rules::DeliveryRules;
pub use sent_index::SentIndex;
pub use shard_exchange::ShardExchange;
pub use totals::Totals;
