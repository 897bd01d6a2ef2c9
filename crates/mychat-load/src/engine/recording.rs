//! The observations of one worker. Each worker has its own: nothing here is shared between threads, except the state in `shared`.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::shared::{Confirmation, SharedState};
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, GroupId, Nanos, RunTime, UserId};
use crate::record::broadcast_cache::{BroadcastCache, CachePosition};
use crate::record::common_order::Ordinal;
use crate::record::example::{Example, Examples, ViolationKind, readable};
use crate::record::failed_login::FailedLogin;
use crate::record::fanout::FanOut;
use crate::record::local_failures::LocalFailures;
use crate::record::order_log::{NewestMessage, OrderLog};
use crate::record::recorder::{Count, Latency, Place, Recorder, Shape};
use crate::record::roster::RosterLog;
use crate::record::session::UserSession;

/// The observations of one worker's users.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) shared: Arc<SharedState>,
    pub(super) recorder: Box<Recorder>,
    pub(super) examples: Examples,
    /// `ERROR` frames that no action asks for, by code.
    pub(super) errors: BTreeMap<String, u64>,
    /// `ERROR|404` frames that may answer a message to a user who was not certainly online, by who received them.
    pub(super) unreachable: FxHashMap<UserId, u64>,
    /// Sessions that are over.
    pub(super) sessions: Vec<UserSession>,
    pub(super) failed_logins: Vec<FailedLogin>,
    pub(super) receive_lag: Latency,
    /// Of some deliveries: the upper limit of the time by which the arrival was recorded too late.
    pub(super) arrival_error: Latency,
    /// The latest broadcasts, each parsed once for all its recipients.
    pub(super) broadcasts: BroadcastCache<BroadcastMeta>,
    /// By sender: one more than the highest sequence number of its cached broadcasts.
    newest: Vec<u32>,
    /// The highest ordinal of a cached broadcast.
    highest: Option<Ordinal>,
    /// Broadcasts that arrived after later ones of the common order.
    pub(super) order: OrderLog,
    /// The terminator of the server's frames.
    terminator: Vec<u8>,
    pub(super) rosters: RosterLog,
    pub(super) fanout: FanOut,
    /// Time for which connections refused bytes, summed over all connections.
    pub(super) blocked: Nanos,
    /// Longest delay of a timer.
    pub(super) stall: Nanos,
    /// Connections that this machine could not make.
    pub(super) local_failures: LocalFailures,
    /// Messages of closed loops that have arrived, to be reported to their senders.
    pub(super) confirmations: Vec<Confirmation>,
}

/// Properties of a broadcast that all its recipients share.
#[derive(Debug, Clone, Copy)]
pub(super) struct BroadcastMeta {
    pub(super) stamp: Stamp,
    /// Its cell in the recorder, up to the recipient's group.
    pub(super) place: Place,
    /// Its due time.
    pub(super) intended: RunTime,
    /// Its send time, if its sender is a user of this machine.
    pub(super) sent: Option<RunTime>,
    /// Its place in the common order; `None` for a message that is in no order, and for one that nobody sent.
    pub(super) ordinal: Option<Ordinal>,
}

impl BroadcastMeta {
    /// Returns its place in the common order, with its identity.
    #[inline]
    pub(super) fn ordered(&self) -> Option<NewestMessage> {
        Some((self.ordinal?, (&self.stamp).into()))
    }
}

/// The details of a violation. They are formatted only if it is cached as an example.
pub(super) struct ViolationDetail<'a> {
    pub(super) kind: ViolationKind,
    pub(super) sender: Option<UserId>,
    pub(super) recipient: Option<UserId>,
    pub(super) sequence: Option<u32>,
    pub(super) what: &'a dyn Fn() -> String,
    pub(super) frames: &'a [&'a [u8]],
}

impl Recording {
    pub(super) fn new(shared: Arc<SharedState>) -> Self {
        let shape = Shape { stages: shared.plan.stages.len() as u16, groups: shared.plan.scenario.groups.len() as u16 };
        let (users, mut terminator) = (shared.plan.users.len(), Vec::new());
        shared.protocol.reply_framing.end(&mut terminator, 0);
        Self {
            shared,
            terminator,
            recorder: Box::new(Recorder::new(shape)),
            examples: Examples::default(),
            errors: BTreeMap::new(),
            unreachable: FxHashMap::default(),
            sessions: Vec::new(),
            failed_logins: Vec::new(),
            receive_lag: Latency::default(),
            arrival_error: Latency::default(),
            broadcasts: BroadcastCache::default(),
            newest: vec![0; users],
            highest: None,
            order: OrderLog::default(),
            rosters: RosterLog::default(),
            fanout: FanOut::default(),
            blocked: 0,
            stall: 0,
            local_failures: LocalFailures::default(),
            confirmations: Vec::new(),
        }
    }

    /// Start of the load, once it is known.
    #[inline]
    pub(super) fn load_start(&self) -> Option<RunTime> {
        self.shared.load_start.get().copied()
    }

    /// Returns the cell of something that a user of `group` does at `now` outside any action.
    pub(super) fn place(&self, group: GroupId, now: RunTime) -> Place {
        let stage = match self.load_start() {
            Some(start) if now >= start => self.shared.plan.stage_at(now.in_load(start)),
            _ => self.recorder.shape().join(),
        };
        Place { stage, group, action: Shape::NO_ACTION }
    }

    pub(super) fn user_name(&self, user: UserId) -> &str {
        &self.shared.plan.users[user.index()].name
    }

    /// Counts a violation, and keeps it as an example while there are few of its kind.
    pub(super) fn violation(&mut self, place: Place, count: Count, detail: &ViolationDetail<'_>) {
        self.recorder.count(place, count);
        if self.examples.wants(detail.kind) {
            let name = |user: Option<UserId>| user.map(|user| self.user_name(user).to_owned());
            let example = Example {
                kind: detail.kind,
                sender: name(detail.sender),
                recipient: name(detail.recipient),
                sequence: detail.sequence,
                what: (detail.what)(),
                frames: detail.frames.iter().map(|frame| readable(frame)).collect(),
            };
            self.examples.push(example);
        }
    }

    /// Counts a reply that breaks the rules for the requests of `user`.
    pub(super) fn wrong_reply(&mut self, place: Place, user: UserId, what: &dyn Fn() -> String, frames: &[&[u8]]) {
        let detail = ViolationDetail {
            kind: ViolationKind::WrongReply,
            sender: None,
            recipient: Some(user),
            sequence: None,
            what,
            frames,
        };
        self.violation(place, Count::WrongReplies, &detail);
    }

    /// Returns the ordinal of a broadcast that is new to this worker.
    pub(super) fn ordinal(&self, meta: &BroadcastMeta) -> Option<Ordinal> {
        // The sequence number of a message that nobody sent may be any number.
        meta.sent?;
        self.shared.order.ordinal(meta.stamp.sender, meta.stamp.sequence)
    }

    /// Adds a whole broadcast to the cache. Returns the position behind it.
    pub(super) fn cache_broadcast(&mut self, frame: &[u8], meta: BroadcastMeta) -> CachePosition {
        let (sender, sequence) = (meta.stamp.sender, meta.stamp.sequence);
        let newest = &mut self.newest[sender.index()];
        let is_newest = sequence >= *newest;
        *newest = (*newest).max(sequence + 1);
        // Whoever receives a message in a room has to be a member of it, which the fast path does not look up.
        let is_broadcast = meta.stamp.to == Addressee::EVERYBODY;
        // The fast path compares no ordinals: it takes only broadcasts whose ordinals ascend.
        let is_highest = meta.ordinal.is_some() && meta.ordinal > self.highest;
        self.highest = self.highest.max(meta.ordinal);
        // The fast path takes neither messages of other shards, which have no latency here, nor those of closed loops, whose
        // senders wait for a confirmation.
        let is_unique =
            is_broadcast && is_newest && is_highest && !meta.place.is_closed() && self.shared.plan.shard.has(sender);
        self.broadcasts.insert(frame, &self.terminator, meta, is_unique)
    }
}
