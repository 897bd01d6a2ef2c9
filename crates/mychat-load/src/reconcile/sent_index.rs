//! The sent messages, indexed by sender and recipient.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::rules::DeliveryRules;
use crate::plan::{Addressee, Nanos, RunTime, StageId, UserId};
use crate::record::inbox::{IndexSet, SenderStream};
use crate::record::sent::{Sent, SentLog};
use crate::record::session::{UserSession, UserSessionEnd};

/// Index of `broadcast` in [`mychat_scenario::model::Action::NAMES`].
pub(super) const BROADCAST: u16 = 0;
/// Index of `private` in [`mychat_scenario::model::Action::NAMES`].
pub(super) const PRIVATE: u16 = 1;

/// All messages of a run, by sender and recipient.
#[derive(Debug, Default)]
pub struct SentIndex {
    /// The broadcasts of each user, in order.
    broadcasts: Vec<Vec<SentEntry>>,
    /// The private messages of each pair (sender, recipient), in order.
    privates: FxHashMap<(UserId, UserId), Vec<SentEntry>>,
    /// Users with at least one broadcast.
    broadcasters: Vec<UserId>,
    /// Senders of private messages, by recipient.
    senders_to: FxHashMap<UserId, Vec<UserId>>,
}

/// The precision of the times in a log, in nanoseconds.
const MICROSECOND: Nanos = 1000;

/// One message of a sender's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentEntry {
    /// Time of sending, in whole microseconds.
    pub(super) at: RunTime,
    /// Position among all messages of the sender.
    pub(super) sequence: u32,
    /// Index of the stage in which it was scheduled.
    pub(super) stage: StageId,
}

// There is one for every message of a run.
const _: () = assert!(size_of::<SentEntry>() == 16);

impl SentIndex {
    /// Indexes `logs`, where position `n` holds the log of user `n`.
    pub fn new(logs: &[SentLog]) -> Self {
        let mut index = Self { broadcasts: logs.iter().map(|_| Vec::new()).collect(), ..Self::default() };
        for (sender, log) in logs.iter().enumerate() {
            for (sequence, Sent { at, to, stage }) in log.iter().enumerate() {
                let entry = SentEntry { at, sequence: sequence as u32, stage };
                match to.user() {
                    Some(to) => index.privates.entry((UserId(sender as u32), to)).or_default().push(entry),
                    None if to == Addressee::EVERYBODY => index.broadcasts[sender].push(entry),
                    None => {}
                }
            }
        }
        index.broadcasters =
            (0..logs.len() as u32).map(UserId).filter(|&sender| !index.broadcasts[sender.index()].is_empty()).collect();
        for &(sender, recipient) in index.privates.keys() {
            index.senders_to.entry(recipient).or_default().push(sender);
        }
        index
    }

    /// Returns the broadcasts of `sender`.
    pub(super) fn broadcasts_of(&self, sender: UserId) -> &[SentEntry] {
        self.broadcasts.get(sender.index()).map_or(&[], Vec::as_slice)
    }

    /// Returns the private messages of `sender` to `recipient`.
    pub(super) fn privates_of(&self, sender: UserId, recipient: UserId) -> &[SentEntry] {
        self.privates.get(&(sender, recipient)).map_or(&[], Vec::as_slice)
    }

    /// Returns the users that sent private messages to `recipient`.
    pub(super) fn private_senders_to(&self, recipient: UserId) -> &[UserId] {
        self.senders_to.get(&recipient).map_or(&[], Vec::as_slice)
    }

    /// Returns each sender of private messages, once per recipient, with the number of messages.
    pub(super) fn private_counts(&self) -> impl Iterator<Item = (UserId, u64)> {
        self.privates.iter().map(|((sender, _), entries)| (*sender, entries.len() as u64))
    }

    /// Calls `take` for each stream of messages that this session may have received.
    pub(super) fn for_each_flow(&self, session: &UserSession, rules: DeliveryRules, mut take: impl FnMut(Flow<'_>)) {
        let empty = IndexSet::default();
        let mut flow = |sender: UserId, action: u16, entries: &[SentEntry], kind: fn(&SenderStream) -> &IndexSet| {
            let stream = session.inbox.from(sender);
            let got = stream.map_or(&empty, kind);
            let corrupt = session.inbox.corrupt_from(sender, action == BROADCAST);
            let next_sequence = stream.map_or(0, SenderStream::next_sequence);
            take(Flow { sender, action, entries, got, corrupt, next_sequence });
        };
        for &sender in &self.broadcasters {
            if sender != session.user || rules.broadcast_echo {
                flow(sender, BROADCAST, &self.broadcasts[sender.index()], |stream| &stream.broadcasts);
            }
        }
        for &sender in self.private_senders_to(session.user) {
            flow(sender, PRIVATE, &self.privates[&(sender, session.user)], |stream| &stream.privates);
        }
    }
}

/// The broadcasts or the private messages of one sender, and those of them that one session received.
pub(super) struct Flow<'a> {
    pub(super) sender: UserId,
    pub(super) action: u16,
    /// The messages that were sent.
    pub(super) entries: &'a [SentEntry],
    /// Indices into `entries` of what was received.
    pub(super) got: &'a IndexSet,
    /// Received messages whose stamp was destroyed, so that their index is unknown.
    pub(super) corrupt: u32,
    /// One more than the highest sequence number received from this sender, broadcasts and private messages together.
    next_sequence: u32,
}

impl Flow<'_> {
    /// Returns the number of entries sent before the microsecond of `at`.
    fn sent_before(&self, at: RunTime) -> u32 {
        let at = at.floor_to_micros();
        self.entries.partition_point(|entry| entry.at < at) as u32
    }

    /// Returns the indices of the messages that this session had to receive.
    pub(super) fn owed(&self, session: &UserSession) -> Range<u32> {
        // A message of the same microsecond as the welcome may have been sent first.
        let from = self.sent_before(session.online_at + MICROSECOND);
        let to = match session.end {
            UserSessionEnd::Stayed => self.entries.len() as u32,
            UserSessionEnd::Closed => self.sent_before(session.ended_at.unwrap_or(RunTime::MAX)),
            UserSessionEnd::Left(_) | UserSessionEnd::Provoked => {
                // The last message may have been of the other kind: order holds across both (rule M5).
                let seen = self.entries.partition_point(|entry| entry.sequence < self.next_sequence) as u32;
                self.sent_before(session.leaving_at.unwrap_or(RunTime::MAX)).min(seen)
            }
        };
        from..to.max(from)
    }

    /// Returns the number of messages sent from login request to the end of the session: the upper bound of `owed`.
    pub(super) fn possible(&self, session: &UserSession, owed: &Range<u32>) -> u32 {
        let first = self.sent_before(session.requested_at);
        let end = self.sent_before(session.ended_at.unwrap_or(RunTime::MAX));
        let end = if owed.is_empty() { end } else { end.max(owed.end) };
        end.saturating_sub(first)
    }
}
