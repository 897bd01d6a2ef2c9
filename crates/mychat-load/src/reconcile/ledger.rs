//! Accounting message by message: which delivery was owed to whom, and which of them never arrived.
//!
//! A pure function over what was sent ([`SentIndex`]) and what each session received ([`UserSession`]):
//!
//! - A session is owed what was sent after its welcome arrived. What was sent between login request and welcome may come.
//! - A session that lasts to the end of the run is owed everything. One that the server disconnected is owed what was sent
//!   before the close was seen here.
//! - A session whose user leaves is owed, from each sender, what precedes the last message received from that sender. The
//!   rest was in flight: *uncertain*, neither owed nor lost.
//! - A member of a room is owed what was said there after the echo of its `JOIN` arrived. If it leaves, it is owed, from each
//!   sender, what precedes the last message of the room received from that sender.
//! - A message that arrives with a destroyed stamp counts as corrupted. For each one, one missing message of the same
//!   sender is not lost; if the sender is unknown too, one missing message of any sender.
//! - The last messages of a connection that was reset, or that the server closed, may never have been read. What follows
//!   the last message that anybody received of them is uncertain too.

use super::reconciliation::{MissingFromShard, Reconciliation};
use super::rules::DeliveryRules;
use super::sent_index::{BROADCAST, Flow, PRIVATE, SentEntry, SentIndex};
use super::unconfirmed::UnconfirmedTails;
use crate::plan::{GroupId, Plan, UserId};
use crate::record::example::{Example, ViolationKind};
use crate::record::recorder::Place;
use crate::record::session::{UserSession, UserSessionEnd};
use rustc_hash::FxHashMap;

/// Compares what was sent with what arrived.
///
/// `sessions` includes those of hostile users. Nothing is owed to them, but their last messages may be unconfirmed, and
/// what they received confirms the messages of others.
pub fn reconcile<'s>(
    plan: &Plan,
    index: &SentIndex,
    sessions: impl Iterator<Item = &'s UserSession> + Clone,
    rules: DeliveryRules,
) -> Reconciliation {
    let tails = UnconfirmedTails::new(index, sessions.clone());
    let mut reconciler = Reconciler { plan, tails, result: Reconciliation::default() };
    reconciler.result.undeliverable = undelivered_privates(index, sessions.clone());
    for session in sessions.filter(|session| !plan.group(session.user).hostile) {
        let mut unattributed = session.inbox.corrupt_unattributed();
        index.for_each_flow(session, rules, |flow| reconciler.check(session, &flow, &mut unattributed));
    }
    reconciler.result
}

/// Returns the number of owed deliveries to open sessions that have not arrived yet.
///
/// This is [`reconcile`] without details, fast enough to be called repeatedly while a run drains.
pub(super) fn outstanding<'s>(
    index: &SentIndex,
    sessions: impl Iterator<Item = &'s UserSession>,
    rules: DeliveryRules,
) -> u64 {
    let mut missing = 0;
    for session in sessions {
        let mut of_session = 0;
        index.for_each_flow(session, rules, |flow| {
            let owed = flow.owed(session);
            of_session += u64::from(flow.got.missing(owed.start, owed.end).saturating_sub(flow.corrupt));
        });
        missing += of_session.saturating_sub(u64::from(session.inbox.corrupt_unattributed()));
    }
    missing
}

struct Reconciler<'p> {
    plan: &'p Plan,
    tails: UnconfirmedTails,
    result: Reconciliation,
}

impl Reconciler<'_> {
    /// Accounts for one flow. `unattributed` is how many corrupt messages of unknown senders are not yet matched with a
    /// missing one.
    fn check(&mut self, session: &UserSession, flow: &Flow<'_>, unattributed: &mut u32) {
        if !self.plan.shard.has(flow.sender) {
            self.check_remote(session, flow);
            return;
        }
        let range = flow.owed(session);
        let possible = flow.possible(session, &range);
        let owed = range.end - range.start;
        let (mut unconfirmed, mut corrupt, mut lost) = (0, flow.corrupt, Vec::new());
        if flow.got.missing(range.start, range.end) > 0 {
            let tails = self.tails.of(flow.sender);
            for index in flow.got.gaps(range.start, range.end) {
                let entry = flow.entries[index as usize];
                if tails.iter().any(|tail| tail.contains(&entry.sequence)) {
                    unconfirmed += 1;
                } else if corrupt > 0 {
                    corrupt -= 1;
                } else if *unattributed > 0 {
                    *unattributed -= 1;
                } else {
                    lost.push((index, entry));
                }
            }
        }
        for (index, entry) in lost {
            self.record_loss(session, flow, index, entry);
        }
        self.result.owed += u64::from(owed - unconfirmed);
        self.result.uncertain += u64::from(possible - owed + unconfirmed);
    }

    /// Accounts for a sender of another shard, whose plan is known and whose actual sends are not. Its messages are owed to
    /// users that are present all the time; for the others the clocks of the machines would have to agree.
    fn check_remote(&mut self, session: &UserSession, flow: &Flow<'_>) {
        let planned = flow.entries.len() as u32;
        if session.end != UserSessionEnd::Stayed || !self.plan.is_always_present(session.user) {
            self.result.uncertain += u64::from(planned);
            return;
        }
        let missing = flow.got.missing(0, planned).saturating_sub(flow.corrupt);
        self.result.owed += u64::from(planned - missing);
        self.result.uncertain += u64::from(missing);
        if missing == 0 {
            return;
        }
        let (broadcasts, privates) = if flow.action == BROADCAST { (missing, 0) } else { (0, missing) };
        let (sender, recipient) = (flow.sender, session.user);
        match self.result.missing.last_mut().filter(|last| (last.sender, last.recipient) == (sender, recipient)) {
            Some(last) => (last.broadcasts, last.privates) = (last.broadcasts + broadcasts, last.privates + privates),
            None => self.result.missing.push(MissingFromShard { sender, recipient, broadcasts, privates }),
        }
    }

    fn record_loss(&mut self, session: &UserSession, flow: &Flow<'_>, index: u32, entry: SentEntry) {
        let (sender, action, users) = (flow.sender, flow.action, &self.plan.users);
        let (from, to) = (users[sender.index()].group, users[session.user.index()].group);
        let place = |group: GroupId| Place { stage: entry.stage, group, action };
        *self.result.lost.entry(place(to)).or_default() += 1;
        let is_closed_loop = self.plan.is_closed_loop(sender);
        let timed = |place: Place| if is_closed_loop { place.closed() } else { place };
        let sent = entry.at;
        self.result.lost_latency.add_delivery(timed(place(to)), sent);
        if action == BROADCAST {
            self.result.lost_latency.add_broadcast(sender, index, sent, timed(place(from)));
        }
        *self.result.lost_by_user.entry(session.user).or_default() += 1;
        if action == PRIVATE
            && let Some(undeliverable) = self.result.undeliverable.get_mut(&sender)
        {
            *undeliverable = undeliverable.saturating_sub(1);
        }
        if self.result.examples.wants(ViolationKind::Lost) {
            let example = self.example(session, flow, entry);
            self.result.examples.push(example);
        }
    }

    fn example(&self, session: &UserSession, flow: &Flow<'_>, entry: SentEntry) -> Example {
        let name = |user: UserId| &self.plan.users[user.index()].name;
        let (from, to) = (name(flow.sender), name(session.user));
        let end = match session.end {
            UserSessionEnd::Closed => "; the server had closed this connection by then or soon after",
            _ => "",
        };
        let what = format!(
            "the {} that {from} sent {:.3} s after the run began never reached {to}{end}",
            flow.description(self.plan),
            entry.at.seconds()
        );
        Example {
            kind: ViolationKind::Lost,
            sender: Some(from.to_string()),
            recipient: Some(to.to_string()),
            sequence: Some(entry.sequence),
            what,
            frames: Vec::new(),
        }
    }
}

/// Counts, by sender, the private messages that no session received.
fn undelivered_privates<'s>(
    index: &SentIndex,
    sessions: impl Iterator<Item = &'s UserSession>,
) -> FxHashMap<UserId, u64> {
    let mut undelivered: FxHashMap<UserId, u64> = FxHashMap::default();
    for (sender, count) in index.private_counts() {
        *undelivered.entry(sender).or_default() += count;
    }
    for session in sessions {
        for sender in index.private_senders_to(session.user) {
            let received = session.inbox.from(*sender).map_or(0, |stream| stream.privates.len());
            let received = u64::from(received) + u64::from(session.inbox.corrupt_from(*sender, false));
            if let Some(left) = undelivered.get_mut(sender) {
                *left = left.saturating_sub(received);
            }
        }
    }
    undelivered
}
