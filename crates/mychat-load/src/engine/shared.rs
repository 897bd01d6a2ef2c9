//! What all workers see: the plan, the log of what was sent, who is online, and the counters of the live view. Written
//! without locks, each entry by one thread. Closed loops across threads alone need a lock, around a short list.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mychat_os::ThreadWaker;
use mychat_proto::Framing;
use rustc_hash::FxHashMap;

use super::spoken::Spoken;
use crate::plan::{MAX_USERS, Nanos, Plan};
use crate::reconcile::DeliveryRules;
use crate::record::sent::{Sent, SentLog, micros};

/// What all workers see.
#[derive(Debug)]
pub struct Shared {
    /// What is to be done.
    pub plan: Plan,
    /// How frames end on the way to this server.
    pub framing: Framing,
    /// How they end on the way from it.
    pub replies: Framing,
    /// Frames that are sent as they stand, by group and action.
    pub spoken: Vec<Vec<Option<Spoken>>>,
    /// How the server reads the protocol.
    pub reading: DeliveryRules,
    /// Patience for an answer.
    pub timeout: Duration,
    /// Users by their names.
    pub names: FxHashMap<Box<str>, u32>,
    /// What each user sent.
    pub sent: Vec<SentLog>,
    /// Where each user is.
    pub presence: Vec<Presence>,
    /// Users of other machines that were seen in a list.
    listed: Vec<AtomicBool>,
    /// For each worker, what others have to tell it.
    pub mail: Vec<Mailbox>,
    /// When the load begins: known to every worker before any of them sends.
    pub load_start: OnceLock<Nanos>,
    /// For the live view.
    pub live: Live,
}

/// How to talk to a server.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    /// How frames end on the way to it.
    pub framing: Framing,
    /// How they end on the way from it.
    pub replies: Framing,
    /// Patience for an answer.
    pub timeout: Duration,
}

impl Shared {
    /// Before anything has happened.
    pub fn new(plan: Plan, talk: Talk, workers: u32, reading: DeliveryRules) -> Self {
        let users = plan.users.len();
        Self {
            spoken: Spoken::of(&plan),
            framing: talk.framing,
            replies: talk.replies,
            timeout: talk.timeout,
            names: plan.users.iter().zip(0..).map(|(user, index)| (user.name.clone(), index)).collect(),
            sent: (0..users).map(|_| SentLog::default()).collect(),
            presence: (0..users).map(|_| Presence::default()).collect(),
            listed: (0..users).map(|_| AtomicBool::new(false)).collect(),
            // Workers of all machines are numbered together; the boxes of the others stay empty.
            mail: (0..workers * plan.shard.of).map(|_| Mailbox::default()).collect(),
            reading,
            load_start: OnceLock::new(),
            live: Live::default(),
            plan,
        }
    }

    /// Takes note of a list with these users: those of other machines are there.
    pub fn note_listed(&self, users: &[u32]) {
        for &user in users.iter().filter(|user| !self.plan.shard.has(**user)) {
            if !self.listed[user as usize].swap(true, Ordering::Relaxed) {
                self.live.others.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Writes down what the users of other machines are going to send, by plan: it is owed to the users here.
    pub fn promise(&self, load_start: Nanos) {
        let plan = &self.plan;
        for user in (0..plan.users.len() as u32).filter(|user| !plan.shard.has(*user)) {
            let Some(mut program) = plan.program(user) else { continue };
            for planned in std::iter::from_fn(|| program.next(plan)) {
                let to = plan.message_recipient(user, &planned).unwrap_or(MAX_USERS);
                let stage = plan.stage_at(planned.at) as u16;
                self.sent[user as usize].push(Sent { at: micros(load_start + planned.at), to, stage });
            }
        }
    }
}

/// Whether a user is online, and since when it is or is not.
#[derive(Debug, Default)]
pub struct Presence(AtomicU64);

impl Presence {
    /// Notes a change.
    pub fn set(&self, online: bool, at: Nanos) {
        self.0.store(at << 1 | u64::from(online), Ordering::Release);
    }

    /// Whether the user has been online from `at` until now without a break. A message sent at a time when it was not
    /// may be answered by 404.
    pub fn was_online_since(&self, at: Nanos) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word & 1 == 1 && word >> 1 <= at
    }

    /// Since when the user has been online, if it is.
    pub fn online_since(&self) -> Option<Nanos> {
        let word = self.0.load(Ordering::Acquire);
        (word & 1 == 1).then_some(word >> 1)
    }
}

/// A message that arrived, told to its sender in a closed loop: the sender's index, and which of its messages.
pub type Arrived = (u32, u32);

/// What other workers have to tell one.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: Mutex<Vec<Arrived>>,
    bell: OnceLock<Arc<ThreadWaker>>,
}

impl Mailbox {
    /// From now on this waker is used when there is something where there was nothing.
    pub fn hang(&self, bell: &Arc<ThreadWaker>) {
        self.bell.get_or_init(|| Arc::clone(bell));
    }

    /// Leaves something for the worker.
    pub fn post(&self, arrived: Arrived) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(arrived);
        let is_first = letters.len() == 1;
        drop(letters);
        if let Some(bell) = self.bell.get().filter(|_| is_first) {
            bell.wake();
        }
    }

    /// Takes what is there.
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counters of the live view; approximate while the run goes on.
#[derive(Debug, Default)]
pub struct Live {
    /// Users that are online.
    pub connected: AtomicU64,
    /// Users that tried once and were let in or refused.
    pub settled: AtomicU64,
    /// Messages handed over.
    pub sent: AtomicU64,
    /// First copies that arrived.
    pub delivered: AtomicU64,
    /// Users of other machines that were seen in a list.
    pub others: AtomicU64,
    /// Users who still have something to send.
    pub acting: AtomicU64,
    /// Set when no more is to be sent.
    pub stop: AtomicBool,
}
