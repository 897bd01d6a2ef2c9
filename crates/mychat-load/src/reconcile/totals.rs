//! Accounting with a few bytes per user, for runs with very many deliveries: the number of messages that each user
//! received, and a checksum of which ones.
//!
//! One lost message is one missing. One lost and another duplicated give the right number and the wrong checksum. Which
//! message it was, and in which order they arrived, this accounting cannot tell.

use super::reconciliation::Reconciliation;
use super::rules::DeliveryRules;
use crate::plan::{Addressee, Plan, RunTime, UserId};
use crate::record::example::{Example, ViolationKind};
use crate::record::message_sum::MessageSum;
use crate::record::recorder::{Place, Shape};
use crate::record::sent::{Sent, SentLog};
use crate::record::session::{UserSession, UserSessionEnd};

/// Sums of the sent messages by recipient. All users join before the first message: the scenario checks allow no user to
/// leave and return with this accounting.
#[derive(Debug, Default)]
pub struct Totals {
    /// All broadcasts.
    broadcasts: MessageSum,
    /// The broadcasts of each user.
    broadcasts_by: Vec<MessageSum>,
    /// The private messages to each user.
    privates_to: Vec<MessageSum>,
    /// Times of the broadcasts, in whole microseconds, sorted.
    broadcast_times: Vec<RunTime>,
}

/// Messages that may have been dropped with their sender's connection.
#[derive(Debug)]
struct Unconfirmed {
    /// Users whose broadcasts may have been dropped.
    senders: Vec<UserId>,
    /// Number of private messages to each user that may have been dropped.
    privates_to: Vec<u64>,
}

/// Deliveries that one session is owed, and what it received of them.
#[derive(Debug, Clone, Copy)]
struct Balance {
    owed: u64,
    received: u64,
    lost: u64,
    duplicated: u64,
    /// Deliveries that may or may not have happened.
    uncertain: u64,
    /// Messages sent to this user.
    sent: u64,
}

impl Totals {
    /// Sums up `logs`, where position `n` holds the log of user `n`.
    pub fn new(logs: &[SentLog]) -> Self {
        let mut totals = Self {
            broadcasts_by: vec![MessageSum::default(); logs.len()],
            privates_to: vec![MessageSum::default(); logs.len()],
            ..Self::default()
        };
        for (sender, log) in logs.iter().enumerate() {
            for (sequence, Sent { at, to, .. }) in log.iter().enumerate() {
                let (sender, sequence) = (UserId(sender as u32), sequence as u32);
                if to == Addressee::EVERYBODY {
                    totals.broadcasts.add(sender, sequence);
                    totals.broadcasts_by[sender.index()].add(sender, sequence);
                    totals.broadcast_times.push(at);
                } else if let Some(sum) = to.user(logs.len()).and_then(|to| totals.privates_to.get_mut(to.index())) {
                    sum.add(sender, sequence);
                }
            }
        }
        totals.broadcast_times.sort_unstable();
        totals
    }

    /// Returns the sum of all messages for `user`.
    fn sent_to(&self, user: UserId, rules: DeliveryRules) -> MessageSum {
        let own = if rules.broadcast_echo { MessageSum::default() } else { self.broadcasts_by[user.index()] };
        self.broadcasts.minus(own).plus(self.privates_to[user.index()])
    }

    /// Returns the number of deliveries that these sessions are owed and have not received yet.
    pub(super) fn outstanding<'s>(&self, sessions: impl Iterator<Item = &'s UserSession>, rules: DeliveryRules) -> u64 {
        let received = |session: &UserSession| session.inbox.sum().count + session.inbox.corrupt_total();
        let missing = |session: &UserSession| self.sent_to(session.user, rules).count.saturating_sub(received(session));
        sessions.map(missing).sum()
    }

    /// Compares what was sent with what arrived, as [`super::ledger::reconcile`] does message by message.
    pub fn reconcile<'s>(
        &self,
        plan: &Plan,
        logs: &[SentLog],
        sessions: impl Iterator<Item = &'s UserSession> + Clone,
        rules: DeliveryRules,
    ) -> Reconciliation {
        let unconfirmed = Unconfirmed::new(logs, sessions.clone());
        let mut result = Reconciliation::default();
        for session in sessions.filter(|session| !plan.group(session.user).hostile) {
            let balance = self.balance(session, &unconfirmed, rules);
            add_to(&mut result, plan, session.user, balance);
        }
        result
    }

    fn balance(&self, session: &UserSession, unconfirmed: &Unconfirmed, rules: DeliveryRules) -> Balance {
        let (sent, got) = (self.sent_to(session.user, rules), session.inbox.sum());
        let senders = unconfirmed.senders.iter().filter(|sender| rules.broadcast_echo || **sender != session.user);
        let may_be_dropped = senders.map(|sender| self.broadcasts_by[sender.index()].count).sum::<u64>();
        let may_be_dropped = (may_be_dropped + unconfirmed.privates_to[session.user.index()]).min(sent.count);
        let owed = match session.end {
            UserSessionEnd::Stayed => sent.count - may_be_dropped,
            // Broadcasts sent before the close was seen. The times of private messages are not known here.
            UserSessionEnd::Closed => {
                let closed = session.ended_at.map_or(RunTime::MAX, RunTime::floor_to_micros);
                let before = self.broadcast_times.partition_point(|at| *at < closed) as u64;
                let own = if rules.broadcast_echo { 0 } else { self.broadcasts_by[session.user.index()].count };
                before.saturating_sub(own + may_be_dropped)
            }
            UserSessionEnd::Left(_) | UserSessionEnd::Provoked => 0,
        };
        let mut lost = owed.saturating_sub(got.count + session.inbox.corrupt_total());
        let mut duplicated = got.count.saturating_sub(sent.count);
        if got.count == sent.count && got.checksum != sent.checksum {
            // The missing message may have been dropped with its sender's connection; the one in its place is a duplicate.
            (lost, duplicated) = (u64::from(owed == sent.count), 1);
        }
        Balance { owed, received: got.count, lost, duplicated, uncertain: sent.count - owed, sent: sent.count }
    }
}

impl Unconfirmed {
    fn new<'s>(logs: &[SentLog], sessions: impl Iterator<Item = &'s UserSession>) -> Self {
        let mut unconfirmed = Self { senders: Vec::new(), privates_to: vec![0; logs.len()] };
        for session in sessions.filter(|session| session.end.may_drop_last_messages()) {
            unconfirmed.senders.push(session.user);
            for sent in logs[session.user.index()].iter() {
                if let Some(to) = sent.to.user(logs.len()) {
                    unconfirmed.privates_to[to.index()] += 1;
                }
            }
        }
        unconfirmed
    }
}

fn add_to(result: &mut Reconciliation, plan: &Plan, user: UserId, balance: Balance) {
    let Balance { owed, received, lost, duplicated, uncertain, sent } = balance;
    result.owed += owed;
    result.uncertain += uncertain;
    let planned = &plan.users[user.index()];
    let name = &planned.name;
    // The time of sending is not known: all counts go to the last stage.
    let stage = plan.last_stage();
    let place = Place { stage, group: planned.group, action: Shape::NO_ACTION };
    let mut add_example = |kind, what: String| {
        let (sender, sequence, frames) = (None, None, Vec::new());
        result.examples.push(Example { kind, sender, recipient: Some(name.to_string()), sequence, what, frames });
    };
    if lost > 0 && duplicated > 0 {
        add_example(
            ViolationKind::Lost,
            format!("{name} got as many messages as were sent to it, but not the same ones"),
        );
    } else if lost > 0 {
        add_example(ViolationKind::Lost, format!("{name} got {received} messages of {owed}"));
    } else if duplicated > 0 {
        add_example(ViolationKind::Duplicated, format!("{name} got {received} messages, but {sent} were sent to it"));
    }
    if lost > 0 {
        *result.lost.entry(place).or_default() += lost;
        *result.lost_by_user.entry(user).or_default() += lost;
    }
    if duplicated > 0 {
        *result.duplicated.entry(place).or_default() += duplicated;
    }
}
