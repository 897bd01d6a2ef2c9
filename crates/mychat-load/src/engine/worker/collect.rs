//! Hands over what a worker has recorded: samples of each interval, outstanding deliveries during the drain, everything at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Outstanding, Worker};
use crate::engine::clock::Clock;
use crate::engine::connection::{ConnRole, UserConnection};
use crate::engine::receive;
use crate::engine::user::{User, UserState};
use crate::engine::wire::{CloseMode, Wire};
use crate::plan::{Nanos, UserId};
use crate::reconcile::Accounting;
use crate::reconcile::FinalRosters;
use crate::record::example::Examples;
use crate::record::failed_login::FailedLogin;
use crate::record::fanout::FanOut;
use crate::record::local_failures::LocalFailures;
use crate::record::order_log::OrderLog;
use crate::record::receive_figures::ReceiveFigures;
use crate::record::recorder::{Latency, Recorder};
use crate::record::roster::RosterLog;
use crate::record::session::UserSession;
use mychat_scenario::model::ReadPolicy;

/// Everything that a worker recorded. Times are nanoseconds.
#[derive(Debug)]
pub struct WorkerResult {
    /// Samples since the last interval.
    pub recorder: Box<Recorder>,
    /// All sessions of its users.
    pub sessions: Vec<UserSession>,
    /// Logins that failed for good.
    pub failed_logins: Vec<FailedLogin>,
    /// The first violations of each kind.
    pub examples: Examples,
    /// Time for which connections refused bytes, summed over all connections.
    pub blocked: Nanos,
    /// Longest delay of a timer.
    pub stall: Nanos,
    /// Time for which readable sockets waited to be read.
    pub receive_lag: Latency,
    /// Upper limits of the time by which arrivals were recorded too late.
    pub arrival_error: Latency,
    /// The clock of arrivals and the state of the receive buffers.
    pub receive: ReceiveFigures,
    /// Processor time spent spinning.
    pub busy_wait: Duration,
    /// Times at which its users received lists with newly joined users.
    pub rosters: RosterLog,
    /// The last lists of the users that were online at the end.
    pub last_lists: FinalRosters,
    /// Times at which each broadcast reached the first and the last of its users.
    pub fanout: FanOut,
    /// Broadcasts that reached its users after later ones of the common order.
    pub order: OrderLog,
    /// `ERROR` frames that no action asks for, by code.
    pub errors: BTreeMap<String, u64>,
    /// Connections that this machine could not make.
    pub local_failures: LocalFailures,
    /// `ERROR|404` frames that may answer a message to a user who was not certainly online, by who received them.
    pub unreachable: FxHashMap<UserId, u64>,
}

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Records that something readable waited for `lag` until it was read.
    pub fn record_receive_lag(&mut self, lag: Nanos) {
        if self.recording.load_start().is_some() {
            self.recording.receive_lag.record(lag);
        }
    }

    /// Records that the arrivals of `deliveries` messages may have been recorded as later than they were, by `error` at most.
    pub fn record_arrival_error(&mut self, error: Nanos, deliveries: u64) {
        if self.recording.load_start().is_some() && deliveries > 0 {
            self.recording.arrival_error.record_all(error, deliveries);
        }
    }

    /// Hands over the samples recorded so far, and continues with an empty recorder.
    pub fn swap_recorder(&mut self, empty: Box<Recorder>) -> Box<Recorder> {
        std::mem::replace(&mut self.recording.recorder, empty)
    }

    /// Returns what this worker's users are owed at present.
    pub fn outstanding(&mut self, accounting: &Accounting) -> Outstanding {
        for user in &mut self.users {
            receive::flush_deferred(user, &self.recording);
        }
        let plan = &self.recording.shared.plan;
        let sessions = self.users.iter().filter_map(|user| user.session.as_deref());
        let counted = sessions.filter(|session| !plan.group(session.user).hostile);
        let missing = accounting.outstanding(counted, self.recording.shared.rules);
        let requests = |user: &User| user.rooms.as_ref().map_or(0, |rooms| rooms.requests.len());
        let replies: usize = self.users.iter().map(|user| user.replies.len() + requests(user)).sum();
        let is_duplicate = |connection: &&UserConnection| matches!(connection.role, ConnRole::Duplicate(_));
        let duplicates = self.connections.iter().filter(is_duplicate).count();
        let is_moving = |state| {
            matches!(state, UserState::Leaving | UserState::Connecting | UserState::LoggingIn | UserState::Retrying)
        };
        let moving = self.users.iter().filter(|user| is_moving(user.login.state)).count();
        let is_awaited = |connection: &&UserConnection| match connection.role {
            ConnRole::User(index) => !self.users[index].hostile,
            ConnRole::Duplicate(_) => true,
        };
        let awaited = self.connections.iter().filter(is_awaited);
        Outstanding {
            owed: missing + (replies + duplicates + moving) as u64,
            partial_bytes: awaited.map(|connection| connection.deframer.pending() as u64).sum(),
        }
    }

    /// Ends all sessions and returns what was recorded. The connections stay open: the server reports each close to the
    /// others, and a worker that still reads would record that. [`close_all`](Self::close_all) closes them later.
    pub fn finish(&mut self) -> WorkerResult {
        let now = self.clock.now();
        self.give_up_overdue_logins(now);
        let mut last_lists = FinalRosters::default();
        for (index, user) in self.users.iter().enumerate() {
            // A slow reader may not have read its last list yet.
            if user.is_online() && !user.hostile && self.read_policy(index) == ReadPolicy::Fast {
                last_lists.add(user.id, &self.recording.rosters, &user.listed);
            }
        }
        for index in 0..self.users.len() {
            self.end_session(index, now);
        }
        let recording = &mut self.recording;
        let empty = Box::new(Recorder::new(recording.recorder.shape()));
        WorkerResult {
            recorder: std::mem::replace(&mut recording.recorder, empty),
            sessions: std::mem::take(&mut recording.sessions),
            failed_logins: std::mem::take(&mut recording.failed_logins),
            examples: std::mem::take(&mut recording.examples),
            blocked: recording.blocked,
            stall: recording.stall,
            receive_lag: std::mem::take(&mut recording.receive_lag),
            arrival_error: std::mem::take(&mut recording.arrival_error),
            // The transport knows these two.
            receive: ReceiveFigures::default(),
            busy_wait: Duration::ZERO,
            rosters: std::mem::take(&mut recording.rosters),
            last_lists,
            fanout: std::mem::take(&mut recording.fanout),
            order: std::mem::take(&mut recording.order),
            errors: std::mem::take(&mut recording.errors),
            local_failures: recording.local_failures,
            unreachable: std::mem::take(&mut recording.unreachable),
        }
    }

    /// Closes all connections, once no worker reads any more.
    pub fn close_all(&mut self) {
        for conn in self.connections.ids() {
            self.close_connection(conn, CloseMode::Close);
        }
    }
}
