//! The sent messages, indexed by sender and recipient.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::rules::DeliveryRules;
use crate::plan::{Addressee, Nanos, Plan, RunTime, StageId, UserId};
use crate::record::inbox::{IndexSet, SenderStream};
use crate::record::room_stay::RoomStay;
use crate::record::sent::{Sent, SentLog};
use crate::record::session::{UserSession, UserSessionEnd};
use mychat_scenario::model::Action;

/// Index of `broadcast` in [`mychat_scenario::model::Action::NAMES`].
pub(super) const BROADCAST: u16 = 0;
/// Index of `private` in [`mychat_scenario::model::Action::NAMES`].
pub(super) const PRIVATE: u16 = 1;
/// Index of `say` in [`mychat_scenario::model::Action::NAMES`].
pub(super) const SAY: u16 = 8;

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
    /// The messages of each sender in each room, in order.
    says: FxHashMap<(UserId, Addressee), Vec<SentEntry>>,
    /// Users that spoke in a room, by room.
    speakers: FxHashMap<Addressee, Vec<UserId>>,
    /// Rooms in which a user spoke, by user.
    spoke_in: FxHashMap<UserId, Vec<Addressee>>,
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
                match (to.user(logs.len()), to.room(logs.len())) {
                    (Some(to), _) => index.privates.entry((UserId(sender as u32), to)).or_default().push(entry),
                    (None, Some(_)) => index.says.entry((UserId(sender as u32), to)).or_default().push(entry),
                    _ if to == Addressee::EVERYBODY => index.broadcasts[sender].push(entry),
                    _ => {}
                }
            }
        }
        index.broadcasters =
            (0..logs.len() as u32).map(UserId).filter(|&sender| !index.broadcasts[sender.index()].is_empty()).collect();
        for &(sender, recipient) in index.privates.keys() {
            index.senders_to.entry(recipient).or_default().push(sender);
        }
        for &(sender, room) in index.says.keys() {
            index.speakers.entry(room).or_default().push(sender);
            index.spoke_in.entry(sender).or_default().push(room);
        }
        index
    }

    /// Returns the messages of `sender` in each room in which it spoke.
    pub(super) fn says_of(&self, sender: UserId) -> impl Iterator<Item = (Addressee, &[SentEntry])> {
        let rooms = self.spoke_in.get(&sender).map_or(&[][..], Vec::as_slice);
        rooms.iter().map(move |room| (*room, self.says[&(sender, *room)].as_slice()))
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
            take(Flow { sender, action, entries, got, corrupt, next_sequence, stay: None });
        };
        for &sender in &self.broadcasters {
            if sender != session.user || rules.broadcast_echo {
                flow(sender, BROADCAST, &self.broadcasts[sender.index()], |stream| &stream.broadcasts);
            }
        }
        for &sender in self.private_senders_to(session.user) {
            flow(sender, PRIVATE, &self.privates[&(sender, session.user)], |stream| &stream.privates);
        }
        for (number, stay) in session.rooms.iter().enumerate() {
            for &sender in self.speakers.get(&stay.room).map_or(&[][..], Vec::as_slice) {
                let stream = session.inbox.from(sender);
                let got = stream.and_then(|stream| stream.in_stay(stay.room, number)).unwrap_or(&empty);
                let next_sequence = stream.map_or(0, SenderStream::next_sequence);
                let entries = &self.says[&(sender, stay.room)];
                take(Flow { sender, action: SAY, entries, got, corrupt: 0, next_sequence, stay: Some(stay) });
            }
        }
    }
}

/// The broadcasts, the private messages or the messages in one room of one sender, and those of them that one session
/// received.
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
    /// The stay in the room, for messages in a room.
    stay: Option<&'a RoomStay>,
}

impl Flow<'_> {
    /// Returns the kind of the messages in words.
    pub(super) fn description(&self, plan: &Plan) -> String {
        let room = self.stay.and_then(|stay| plan.room_of(stay.room));
        match room {
            Some(room) => format!("message in the room {}", plan.rooms.name(room)),
            None => Action::NAMES[usize::from(self.action)].to_owned(),
        }
    }

    /// Returns the number of entries sent before the microsecond of `at`.
    fn sent_before(&self, at: RunTime) -> u32 {
        let at = at.floor_to_micros();
        self.entries.partition_point(|entry| entry.at < at) as u32
    }

    /// Returns the indices of the messages that this session had to receive.
    pub(super) fn owed(&self, session: &UserSession) -> Range<u32> {
        let begin = match self.stay {
            None => session.online_at,
            Some(RoomStay { joined_at: Some(joined_at), .. }) => *joined_at,
            Some(_) => return 0..0,
        };
        // A message of the same microsecond as the welcome, or the echo of `JOIN`, may have been sent first.
        let from = self.sent_before(begin + MICROSECOND);
        if let Some(leaving_at) = self.stay.and_then(|stay| stay.leaving_at) {
            // What follows the last message received in the stay may have come after the `LEAVE` in the server's order.
            let last = self.got.last_before(self.sent_before(leaving_at)).filter(|last| *last >= from);
            return from..last.map_or(from, |last| last + 1);
        }
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

    /// Returns the number of messages sent from login request to the end of the session, or during a stay: the upper bound of
    /// `owed`.
    pub(super) fn possible(&self, session: &UserSession, owed: &Range<u32>) -> u32 {
        let first = self.sent_before(self.stay.map_or(session.requested_at, |stay| stay.requested_at));
        let left_at = self.stay.and_then(|stay| stay.left_at);
        let end = self.sent_before(left_at.or(session.ended_at).unwrap_or(RunTime::MAX));
        let end = if owed.is_empty() { end } else { end.max(owed.end) };
        end.saturating_sub(first)
    }
}
