//! The users of one thread: how they come, act, and go. No sockets and no clock of its own: a [`Wire`] carries the bytes
//! and a [`Clock`] tells the time, both real in a run and simulated in tests.

mod accounts;
mod acting;
mod answers;
mod coming;
mod going;
mod hearing;
mod looping;
mod patience;
mod reading;

pub use self::patience::{Outstanding, Patience};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::engine::clock::Clock;
use crate::engine::connection::Connection;
use crate::engine::desk::{Desk, Due};
use crate::engine::shared::Shared;
use crate::engine::user::{State, User};
use crate::engine::wire::{Line, ReadMode, Wire};
use crate::plan::Nanos;
use crate::reconcile::FinalRosters;
use crate::record::example::Examples;
use crate::record::fanout::FanOut;
use crate::record::recorder::{Latency, Recorder};
use crate::record::roster::RosterLog;
use crate::record::session::UserSession;

/// The users of one thread.
pub struct Worker<W, C> {
    /// Carries the bytes.
    pub wire: W,
    /// Tells the time.
    pub clock: C,
    desk: Desk,
    users: Vec<User>,
    lines: Slab<Connection>,
    generations: u32,
    /// Users who have not been let in or refused yet.
    unsettled: usize,
    /// When the wire is going to call `run_due`.
    awake_at: Nanos,
    /// Which worker this is, and of how many.
    place: (u32, u32),
}

/// What a worker saw, at the end.
#[derive(Debug)]
pub struct Seen {
    /// What it recorded since the last interval.
    pub recorder: Box<Recorder>,
    /// All visits of its users.
    pub visits: Vec<UserSession>,
    /// The first violations.
    pub examples: Examples,
    /// For how long its connections did not take what was to be sent, summed up.
    pub blocked: Nanos,
    /// The latest that anything was done after its time.
    pub stall: Nanos,
    /// How long what became readable waited for its turn to be read.
    pub read_lag: Latency,
    /// The most bytes that a connection was found to hold unread, of those that are read as fast as can be.
    pub unread: u64,
    /// Processor time that went into waiting awake for what was about to be due.
    pub awake: Duration,
    /// When its users had lists with those who joined.
    pub rosters: RosterLog,
    /// The lists that those of them had who were there to the end.
    pub last_lists: FinalRosters,
    /// When broadcasts reached the first and the last of its users.
    pub fanout: FanOut,
    /// ERROR frames that no action wants, by code.
    pub errors: BTreeMap<String, u64>,
    /// ERROR frames that were taken for answers to messages to somebody who was not surely there, by who got them.
    pub unreachable: FxHashMap<u32, u64>,
}

/// A worker does something at least so often, so that a stall of its thread is always seen.
const BEAT: Nanos = 20_000_000;

/// Reading at full speed.
const READ_ON: ReadMode = ReadMode::Chunks(usize::MAX);

/// How long a user waits that came back and found its name still taken.
const RETRY: Nanos = 20_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Worker `index` of `count`: every `count`-th user is its own.
    pub fn new(shared: Arc<Shared>, wire: W, clock: C, index: u32, count: u32) -> Self {
        let ids = (index..shared.plan.users.len() as u32).step_by(count as usize);
        let users: Vec<User> = ids.map(|id| User::new(&shared.plan, id)).collect();
        let unsettled = users.len();
        let desk = Desk::new(shared);
        Self {
            wire,
            clock,
            desk,
            users,
            lines: Slab::new(),
            generations: 0,
            unsettled,
            awake_at: Nanos::MAX,
            place: (index, count),
        }
    }

    /// Lets the users join, each group at its own rate from `start` on.
    pub fn join(&mut self, start: Nanos) {
        self.put(self.clock.now(), Due::Beat);
        for index in 0..self.users.len() {
            let (user, plan) = (&self.users[index], &self.desk.shared.plan);
            let place = user.id - plan.members[usize::from(user.group)].start;
            let at = start + (f64::from(place) / plan.group(user.id).join * 1e9) as Nanos;
            self.put(at, Due::Join(index));
        }
        self.run_due();
    }

    /// Begins the load: from `start` on, users follow their programs.
    pub fn load(&mut self, start: Nanos) {
        self.desk.shared.load_start.get_or_init(|| start);
        for index in 0..self.users.len() {
            match &self.users[index].program {
                Some(program) if program.is_open() => {
                    self.desk.shared.live.acting.fetch_add(1, Ordering::Relaxed);
                    self.draw(index);
                }
                Some(_) => self.think(index, start),
                None => {}
            }
            if self.users[index].state == State::Online {
                self.plan_leave(index, start);
            }
        }
        self.run_due();
    }

    /// Does what is due, and asks to be woken for the next.
    pub fn run_due(&mut self) {
        let mut now = self.clock.now();
        while let Some((at, due)) = self.desk.take_due(now) {
            self.desk.stall = self.desk.stall.max(now - at);
            match due {
                Due::Beat => self.put(now + BEAT, Due::Beat),
                Due::Join(user) => self.connect(user, at),
                Due::Overdue(user) => self.overdue(user, now),
                Due::Rest(user, visit) => self.send_rest(user, visit, now),
                Due::StopReading { key, generation } => self.stop_reading(Line { key, generation }, now),
                Due::ReadOn { key, generation } => self.read_on(Line { key, generation }),
                Due::Act(user) => self.act(user, at, now),
                Due::Leave(user, visit) => self.leave(user, visit, now),
                Due::Patience { key, generation } => self.lose_patience(Line { key, generation }, now),
            }
            now = self.clock.now();
        }
        // Where the wire is going to wake this worker earlier than needed that is good enough, and spares a call.
        if self.awake_at <= now {
            self.awake_at = Nanos::MAX;
        }
        if let Some(next) = self.desk.next_due().filter(|next| *next < self.awake_at) {
            self.awake_at = next;
            self.wire.wake_at(next);
        }
    }

    /// Does what is due, if anything is, or asks to be woken for what came onto the agenda. Whoever called anything else
    /// here calls this afterwards; between two reads it keeps the schedule.
    pub fn attend(&mut self, now: Nanos) {
        if self.desk.next_due().is_some_and(|at| at <= now || at < self.awake_at) {
            self.run_due();
        }
    }

    /// Whether this connection is still wanted.
    pub fn has(&self, line: Line) -> bool {
        self.lines.get(line.key).is_some_and(|connection| connection.generation == line.generation)
    }

    /// Users who have not been let in or refused yet.
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }

    fn put(&mut self, at: Nanos, due: Due) {
        self.desk.put(at, due);
    }
}

/// The connection, if the line still means the same one.
fn find(lines: &mut Slab<Connection>, line: Line) -> Option<&mut Connection> {
    lines.get_mut(line.key).filter(|connection| connection.generation == line.generation)
}
