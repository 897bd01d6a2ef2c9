//! The state that all worker threads share: the plan, the logs of sent messages, who is online, and live counters.
//!
//! Every entry has one writer, the worker that drives its user, and is read without locks by the others. The confirmations
//! of closed loops alone need a lock, around a short list.

mod confirmations;
mod presence;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mychat_proto::Framing;
use rustc_hash::FxHashMap;

pub use self::confirmations::{Confirmation, ConfirmationQueue};
pub use self::presence::OnlineState;
use super::verbatim::VerbatimFrame;
use crate::plan::{Addressee, Plan, RunTime, UserId};
use crate::reconcile::DeliveryRules;
use crate::record::common_order::CommonOrder;
use crate::record::sent::{Sent, SentLog};

/// The state that all worker threads share.
#[derive(Debug)]
pub struct SharedState {
    /// The plan of the run.
    pub plan: Plan,
    /// Framing and timeout.
    pub protocol: ProtocolSettings,
    /// The server's choices where the protocol leaves one.
    pub rules: DeliveryRules,
    /// Frames that are sent as they stand in the scenario, by group and action.
    pub verbatim: Vec<Vec<Option<VerbatimFrame>>>,
    /// User indices by name.
    pub names: FxHashMap<Box<str>, UserId>,
    /// Messages sent, by user. The worker that drives the user appends an entry before it hands the bytes to the socket, so
    /// that a recipient on another thread finds it whenever the message arrives.
    pub sent: Vec<SentLog>,
    /// The common order of broadcasts.
    pub order: CommonOrder,
    /// Online or not, by user.
    pub presence: Vec<OnlineState>,
    /// True for each user of another shard that has appeared in a list.
    listed: Vec<AtomicBool>,
    /// Confirmations for each worker, by worker index.
    pub confirmations: Vec<ConfirmationQueue>,
    /// Start of the load. The coordinator sets it before it sends `Load` to any worker. The cell's release store and the
    /// workers' acquire loads make it visible to a worker that receives the first message, whatever thread sent that.
    pub load_start: OnceLock<RunTime>,
    /// Counters of the live view.
    pub live: LiveCounters,
}

/// Framing and timeout for one server.
#[derive(Debug, Clone, Copy)]
pub struct ProtocolSettings {
    /// Framing of the bench's own frames.
    pub framing: Framing,
    /// Framing of the server's frames.
    pub reply_framing: Framing,
    /// Longest time to wait for a reply.
    pub reply_timeout: Duration,
}

/// Counters of the live view, written by all workers and read by the coordinator. Relaxed ordering suffices: each counter is
/// read on its own, and a value that is some milliseconds old only delays a decision by one tick.
#[derive(Debug, Default)]
pub struct LiveCounters {
    /// Users that are online.
    pub connected: AtomicU64,
    /// Users whose first login was accepted or refused.
    pub logins_done: AtomicU64,
    /// Messages sent.
    pub sent: AtomicU64,
    /// Messages delivered; duplicates do not count.
    pub delivered: AtomicU64,
    /// Copies of messages that had arrived before.
    pub duplicated: AtomicU64,
    /// Users of other shards that have appeared in a list.
    pub remote_users: AtomicU64,
    /// Open loops that still have something to send.
    pub active_programs: AtomicU64,
    /// True once nothing more is to be sent. The coordinator sets it; workers look before each action.
    pub stop: AtomicBool,
}

impl SharedState {
    /// The state before anything has happened, for `workers` threads of this machine.
    pub fn new(plan: Plan, protocol: ProtocolSettings, workers: u32, rules: DeliveryRules) -> Self {
        let users = plan.users.len();
        Self {
            verbatim: VerbatimFrame::of(&plan),
            protocol,
            names: plan.users.iter().zip(0..).map(|(user, index)| (user.name.clone(), UserId(index))).collect(),
            sent: (0..users).map(|_| SentLog::default()).collect(),
            order: CommonOrder::default(),
            presence: (0..users).map(|_| OnlineState::default()).collect(),
            listed: (0..users).map(|_| AtomicBool::new(false)).collect(),
            // Workers of all shards are numbered together. The queues of other machines stay empty.
            confirmations: (0..workers * plan.shard.of).map(|_| ConfirmationQueue::default()).collect(),
            rules,
            load_start: OnceLock::new(),
            live: LiveCounters::default(),
            plan,
        }
    }

    /// Notes a user list that one of this machine's users received: the listed users of other shards are online.
    pub fn note_listed(&self, users: &[UserId]) {
        for &user in users.iter().filter(|user| !self.plan.shard.has(**user)) {
            // Several workers may see the same user. The swap lets one of them count it; no other data depends on it, so
            // that relaxed ordering suffices.
            if !self.listed[user.index()].swap(true, Ordering::Relaxed) {
                self.live.remote_users.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Adds to the logs what the users of other shards are going to send by plan: it is owed to the users of this shard.
    /// Called by the coordinator before the load, while no worker writes these logs.
    pub fn log_remote_sends(&self, load_start: RunTime) {
        let plan = &self.plan;
        for user in plan.user_ids().filter(|user| !plan.shard.has(*user)) {
            let Some(mut program) = plan.program(user) else { continue };
            for planned in std::iter::from_fn(|| program.next(plan)) {
                let to = plan.message_recipient(user, &planned).unwrap_or(Addressee::NOBODY);
                let due = planned.due().unwrap_or_default();
                let stage = plan.stage_at(due);
                self.sent[user.index()].push(Sent { at: due.in_run(load_start), to, stage });
            }
        }
    }
}
