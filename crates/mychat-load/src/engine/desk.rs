//! What a worker's users write their observations on: one recorder, one set of examples, no sharing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::hear::Known;
use super::shared::{Arrived, Shared};
use super::wire::Line;
use crate::plan::Nanos;
use crate::record::broadcast_cache::{BroadcastCache, CachePosition};
use crate::record::example::{Example, Examples, ViolationKind, readable};
use crate::record::fanout::FanOut;
use crate::record::recorder::{Count, Latency, Place, Recorder, Shape};
use crate::record::roster::RosterLog;
use crate::record::session::UserSession;

/// Where a worker keeps what it saw.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    pub(super) recorder: Box<Recorder>,
    pub(super) examples: Examples,
    /// ERROR frames that no action wants, by code.
    pub(super) errors: BTreeMap<String, u64>,
    /// ERROR frames that were taken for answers to messages to somebody who was not surely there, by who got them.
    pub(super) unreachable: FxHashMap<u32, u64>,
    /// Visits that are over.
    pub(super) visits: Vec<UserSession>,
    pub(super) read_lag: Latency,
    pub(super) lately: BroadcastCache<Known>,
    /// By sender: one more than the highest sequence number of its broadcasts that were kept.
    newest: Vec<u32>,
    /// What the server ends a frame with.
    terminator: Vec<u8>,
    pub(super) rosters: RosterLog,
    pub(super) fanout: FanOut,
    pub(super) blocked: Nanos,
    /// The latest that anything was done after its time.
    pub(super) stall: Nanos,
    /// Messages of closed loops that arrived, for their senders.
    pub(super) arrived: Vec<Arrived>,
    /// Room to put a frame together.
    pub(super) frame: Vec<u8>,
    agenda: BinaryHeap<Reverse<(Nanos, Due)>>,
}

/// Something that comes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A user connects, for the first time or again.
    Join(usize),
    /// A user does the next thing of its program.
    Act(usize),
    /// A user leaves, if this is still its visit of that number.
    Leave(usize, u16),
    /// A user in a closed loop has waited long enough, perhaps.
    Overdue(usize),
    /// A user sends the second half of a frame, if this is still its visit of that number.
    Rest(usize, u16),
    /// A slow reader stops reading, if its connection is still the same one.
    StopReading { key: usize, generation: u32 },
    /// It reads on.
    ReadOn { key: usize, generation: u32 },
    /// The worker shows that it is alive.
    Beat,
    /// A connection that should have been answered or closed by now, if it is still the same one.
    Patience { key: usize, generation: u32 },
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let shape = Shape { stages: shared.plan.stages.len() as u16, groups: shared.plan.scenario.groups.len() as u16 };
        let (users, mut terminator) = (shared.plan.users.len(), Vec::new());
        shared.replies.end(&mut terminator, 0);
        Self {
            shared,
            terminator,
            recorder: Box::new(Recorder::new(shape)),
            examples: Examples::default(),
            errors: BTreeMap::new(),
            unreachable: FxHashMap::default(),
            visits: Vec::new(),
            read_lag: Latency::default(),
            lately: BroadcastCache::default(),
            newest: vec![0; users],
            rosters: RosterLog::default(),
            fanout: FanOut::default(),
            blocked: 0,
            stall: 0,
            arrived: Vec::new(),
            frame: Vec::new(),
            agenda: BinaryHeap::new(),
        }
    }

    /// When the load begins, once that is settled.
    pub(super) fn load_start(&self) -> Option<Nanos> {
        self.shared.load_start.get().copied()
    }

    /// The place of something that a group does now, outside of any action.
    pub(super) fn place(&self, group: u16, now: Nanos) -> Place {
        let stage = match self.load_start() {
            Some(start) if now >= start => self.shared.plan.stage_at(now - start) as u16,
            _ => self.recorder.shape().join(),
        };
        Place { stage, group, action: Shape::NO_ACTION }
    }

    pub(super) fn name(&self, user: u32) -> &str {
        &self.shared.plan.users[user as usize].name
    }

    pub(super) fn put(&mut self, at: Nanos, due: Due) {
        self.agenda.push(Reverse((at, due)));
    }

    pub(super) fn next_due(&self) -> Option<Nanos> {
        self.agenda.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn take_due(&mut self, now: Nanos) -> Option<(Nanos, Due)> {
        if self.next_due()? > now {
            return None;
        }
        self.agenda.pop().map(|Reverse(due)| due)
    }

    /// Counts a violation, and keeps it as an example while there are few of its kind.
    pub(super) fn violation(&mut self, place: Place, count: Count, found: &Finding<'_>) {
        self.recorder.count(place, count);
        self.example(found);
    }

    pub(super) fn example(&mut self, found: &Finding<'_>) {
        if self.examples.wants(found.kind) {
            let name = |user: Option<u32>| user.map(|user| self.name(user).to_owned());
            let example = Example {
                kind: found.kind,
                sender: name(found.sender),
                recipient: name(found.recipient),
                sequence: found.sequence,
                what: (found.what)(),
                frames: found.frames.iter().map(|frame| readable(frame)).collect(),
            };
            self.examples.push(example);
        }
    }

    /// Keeps a whole broadcast, and what it is, for the copies of it that others get.
    pub(super) fn keep(&mut self, frame: &[u8], known: Known) -> CachePosition {
        let (sender, sequence) = known.message();
        let newest = &mut self.newest[sender as usize];
        let is_newest = sequence >= *newest;
        *newest = (*newest).max(sequence + 1);
        // What another machine sent is only counted, and what a closed loop sent has to be told to its sender.
        let is_plain = is_newest && !known.is_closed() && self.shared.plan.shard.has(sender);
        self.lately.insert(frame, &self.terminator, known, is_plain)
    }

    pub(super) fn patience(&mut self, line: Line, now: Nanos) {
        let at = now + crate::plan::nanos(self.shared.timeout);
        self.put(at, Due::Patience { key: line.key, generation: line.generation });
    }
}

/// A violation, before anybody knows whether it will be kept.
pub(super) struct Finding<'a> {
    pub(super) kind: ViolationKind,
    pub(super) sender: Option<u32>,
    pub(super) recipient: Option<u32>,
    pub(super) sequence: Option<u32>,
    pub(super) what: &'a dyn Fn() -> String,
    pub(super) frames: &'a [&'a [u8]],
}
