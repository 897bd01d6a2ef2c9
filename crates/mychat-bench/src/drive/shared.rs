//! What all workers see: the plan, the log of what was sent, who is online, and the counters of the live view. Written
//! without locks, each entry by one thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mychat_proto::Framing;

use crate::observe::sent::SentLog;
use crate::plan::{Nanos, Plan};

/// What all workers see.
#[derive(Debug)]
pub struct Shared {
    /// What is to be done.
    pub plan: Plan,
    /// How frames end at this server.
    pub framing: Framing,
    /// Patience for an answer.
    pub timeout: Duration,
    /// What each user sent.
    pub sent: Vec<SentLog>,
    /// Where each user is.
    pub presence: Vec<Presence>,
    /// For the live view.
    pub live: Live,
}

impl Shared {
    /// Before anything has happened.
    pub fn new(plan: Plan, framing: Framing) -> Self {
        let users = plan.users.len();
        Self {
            framing,
            timeout: plan.scenario.timeout,
            sent: (0..users).map(|_| SentLog::default()).collect(),
            presence: (0..users).map(|_| Presence::default()).collect(),
            live: Live::default(),
            plan,
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
    /// Users who still have something to send.
    pub acting: AtomicU64,
    /// Set when no more is to be sent.
    pub stop: AtomicBool,
}
