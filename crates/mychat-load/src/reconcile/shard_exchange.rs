//! The figures that the shards of a run exchange at its end, so that messages between their users can be accounted for.
//!
//! Each shard expects, by plan, what the users of the others send. A message that did not arrive was lost, was never sent,
//! or was dropped with its sender's connection: the sender's shard knows which.

use rustc_hash::FxHashMap;

use crate::plan::{Addressee, Plan, UserId};
use crate::record::sent::SentLog;
use crate::record::session::UserSession;

/// Messages that this shard's users planned and did not send, or that may not have been delivered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ShardExchange {
    /// Planned messages that were never sent: the sender, the recipient, the number.
    pub unsent: Vec<(UserId, Addressee, u32)>,
    /// Users whose last messages may have been dropped with a connection.
    pub unconfirmed: Vec<UserId>,
}

impl ShardExchange {
    /// Compares the plan of this shard's users with what they sent.
    pub fn new(plan: &Plan, logs: &[SentLog], sessions: &[UserSession]) -> Self {
        let mut unsent = Vec::new();
        for user in plan.own_user_ids() {
            let mut remaining = planned_messages(plan, user);
            for message in logs[user.index()].iter() {
                if let Some(remaining) = remaining.get_mut(&message.to) {
                    *remaining = remaining.saturating_sub(1);
                }
            }
            let is_remote = |to: Addressee| to.user(plan.users.len()).is_none_or(|user| !plan.shard.has(user));
            let mut remaining: Vec<_> =
                remaining.into_iter().filter(|(to, count)| *count > 0 && is_remote(*to)).collect();
            remaining.sort_unstable();
            unsent.extend(remaining.into_iter().map(|(to, count)| (user, to, count)));
        }
        let abrupt = sessions.iter().filter(|session| session.end.may_drop_last_messages());
        let mut unconfirmed: Vec<UserId> = abrupt.map(|session| session.user).collect();
        unconfirmed.sort_unstable();
        unconfirmed.dedup();
        Self { unsent, unconfirmed }
    }
}

/// Counts the planned messages of `user` by recipient.
fn planned_messages(plan: &Plan, user: UserId) -> FxHashMap<Addressee, u32> {
    let mut counts = FxHashMap::default();
    let Some(mut program) = plan.program(user) else { return counts };
    for planned in std::iter::from_fn(|| program.next(plan)) {
        if let Some(to) = plan.message_recipient(user, &planned) {
            *counts.entry(to).or_default() += 1;
        }
    }
    counts
}
