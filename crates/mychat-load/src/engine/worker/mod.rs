//! The users of one thread: how they log in, act, receive and leave. A worker has no sockets and no clock of its own. A
//! [`Wire`] carries its bytes and a [`Clock`] supplies the time: real ones in a run, simulated ones in tests.

mod closed_loop;
mod collect;
mod drain_timeout;
mod inbound;
mod local_limit;
mod login;
mod logout;
mod missing_replies;
mod open_loop;
mod read_rate;
mod rooms;

pub use self::collect::WorkerResult;
pub use self::drain_timeout::{DrainTimeout, Outstanding};

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::clock::Clock;
use crate::engine::connection::ConnectionTable;
use crate::engine::recording::Recording;
use crate::engine::shared::SharedState;
use crate::engine::timer_queue::{TimerEvent, TimerQueue};
use crate::engine::user::{LoadLoop, User};
use crate::engine::wire::{ConnId, Wire};
use crate::plan::{Nanos, RunTime, UserId, nanos};

/// The users of one thread.
pub struct Worker<W, C> {
    /// Carries the bytes.
    pub wire: W,
    /// Source of the time.
    pub clock: C,
    recording: Recording,
    timers: TimerQueue,
    users: Vec<User>,
    connections: ConnectionTable,
    /// Buffer in which frames are built.
    frame: Vec<u8>,
    /// Index of this worker among the workers of all shards.
    index: u32,
    /// Number of workers of all shards.
    count: u32,
}

/// Time between two timers that do nothing, so that a stall of the thread is noticed even without work.
const HEARTBEAT: Nanos = 20_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Worker `index` of `count`. It drives every `count`-th user of the plan.
    pub fn new(shared: Arc<SharedState>, wire: W, clock: C, index: u32, count: u32) -> Self {
        let ids = (index..shared.plan.users.len() as u32).step_by(count as usize);
        Self {
            wire,
            clock,
            users: ids.map(|id| User::new(&shared.plan, UserId(id))).collect(),
            recording: Recording::new(shared),
            timers: TimerQueue::new(),
            connections: ConnectionTable::default(),
            frame: Vec::new(),
            index,
            count,
        }
    }

    /// Logs the users in from `start` on, each group at its own rate.
    pub fn start_logins(&mut self, start: RunTime) {
        self.timers.push(self.clock.now(), TimerEvent::Heartbeat);
        for index in 0..self.users.len() {
            let (user, plan) = (&self.users[index], &self.recording.shared.plan);
            let place = user.id.0 - plan.members[user.group.index()].start;
            let at = start + (f64::from(place) / plan.group(user.id).join * 1e9) as Nanos;
            self.timers.push(at, TimerEvent::Login(index));
        }
        self.run_timers();
    }

    /// Starts the load: from `start` on, users follow their programs.
    pub fn start_load(&mut self, start: RunTime) {
        self.recording.shared.load_start.get_or_init(|| start);
        for index in 0..self.users.len() {
            match self.users[index].load {
                Some(LoadLoop::Open(_)) => {
                    self.recording.shared.live.active_programs.fetch_add(1, Ordering::Relaxed);
                    self.schedule_next(index);
                }
                Some(LoadLoop::Closed(_)) => self.start_thinking(index, start),
                None => {}
            }
            if self.users[index].is_online() {
                self.schedule_logout(index, start);
            }
        }
        self.run_timers();
    }

    /// Runs all timers that are due, and asks the transport for a wake-up at the next one.
    pub fn run_timers(&mut self) {
        let mut now = self.clock.now();
        while let Some((at, event)) = self.timers.pop_due(now) {
            self.recording.stall = self.recording.stall.max(now.since(at));
            match event {
                TimerEvent::Heartbeat => self.timers.push(now + HEARTBEAT, TimerEvent::Heartbeat),
                TimerEvent::Login(user) => self.start_login(user, at),
                TimerEvent::LoopTimeout(user) => self.check_loop_timeout(user, now),
                TimerEvent::SecondHalf(user, session) => self.send_second_half(user, session, now),
                TimerEvent::PauseReading(conn) => self.pause_reading(conn, now),
                TimerEvent::ResumeReading(conn) => self.resume_reading(conn),
                TimerEvent::Act(user) => self.run_action(user, at, now),
                TimerEvent::EnterTimeout(user, session) => self.check_enter_timeout(user, session),
                TimerEvent::Logout(user, session) => self.log_out(user, session, now),
                TimerEvent::ConnTimeout(conn) => self.connection_timed_out(conn, now),
            }
            now = self.clock.now();
        }
        if let Some(at) = self.timers.wake_request(now) {
            self.wire.wake_at(at);
        }
    }

    /// Runs the timers if one is due or was added. The caller of any other method calls this afterwards: between two reads it
    /// keeps the schedule.
    pub fn run_timers_if_due(&mut self, now: RunTime) {
        if self.timers.needs_run(now) {
            self.run_timers();
        }
    }

    /// Reply timeout of the scenario.
    fn reply_timeout(&self) -> Nanos {
        nanos(self.recording.shared.protocol.reply_timeout)
    }

    /// Sets the timer that ends the waiting for the server on this connection.
    fn start_connection_timeout(&mut self, conn: ConnId, now: RunTime) {
        self.timers.push(now + self.reply_timeout(), TimerEvent::ConnTimeout(conn));
    }
}
