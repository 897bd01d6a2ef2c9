//! One core: a thread that owns its sessions, reads, routes, and flushes once per turn.
//!
//! ```text
//!   wait ─► wakes ─► turn: door, mail ─► deadlines ─► each ready session: read, route
//!     ▲                     ─► publish ─► list, if due ─► one flush ─► bury ──┐
//!     └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It takes a turn when something is ready, does all of it, and sleeps in the kernel again: the more comes in during
//! one turn, the more goes out in one write. There is no runtime and no task here; see [`watch`](crate::net::poller) for why.

mod commands;
mod connections;
pub mod cpu_pressure;
pub mod deadlines;
mod input;
mod publisher;
mod rebalance;
pub mod roster_schedule;
pub mod sessions;
pub mod shrink_policy;
mod upkeep;

use std::io;
use std::net::TcpListener as StdListener;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::limits::{ConnectionLimiter, ConnectionPermit};
use crate::log::WarningThrottle;
use crate::metrics::Metrics;
use crate::net::acceptor::Acceptor;
use crate::net::poller::{PollEvent, Poller, ThreadWaker};
use crate::router::{Batch, Publish, SharedRouter};
use crate::session::Session;
use crate::session::framing::FramingState;
use crate::worker::cpu_pressure::CpuPressure;
use crate::worker::deadlines::Deadlines;
use crate::worker::roster_schedule::RosterSchedule;
use crate::worker::sessions::Sessions;

/// Bytes read from a session at a time. Small enough that the answers to a pile of bad frames fit into its queue.
const READ: usize = 16 * 1024;

/// Sockets that may wait for a worker; the one that accepts keeps further ones itself.
pub const CHANNEL_CAPACITY: usize = 1024;

/// What a worker is sent.
#[derive(Debug)]
pub enum WorkerMessage {
    /// A new connection.
    NewConnection(TcpStream, ConnectionPermit),
    /// Users that were another worker's, each with its place, and the version of the list that they have.
    MigrateSessions(Vec<(u32, Session)>, u64),
    /// FlushContext users out now, whatever the load.
    SpreadSessions,
    /// Limits have changed.
    UpdateConfig(Arc<Config>),
    /// Somebody wants to know whether this worker still takes turns.
    Ping(oneshot::Sender<()>),
    /// EndReason all sessions in good order, and whatever is left of them at that time.
    Drain(Instant),
}

/// What a worker shares with others.
#[derive(Debug, Clone)]
pub struct ServerShared {
    /// Every limit.
    pub config: Arc<Config>,
    /// Who is where.
    pub router: SharedRouter,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Limits repeated warnings of all workers together.
    pub throttle: Arc<WarningThrottle>,
    /// What makes each worker take a turn, by its number.
    pub bells: Arc<[Arc<ThreadWaker>]>,
}

/// What makes a worker the one that accepts.
#[derive(Debug)]
pub struct AcceptorSetup {
    /// What listens.
    pub listeners: Vec<StdListener>,
    /// Who is let in.
    pub gate: Arc<ConnectionLimiter>,
    /// The other workers, which get their share of the connections.
    pub others: Vec<mpsc::WeakSender<WorkerMessage>>,
}

/// One worker; see the [module](self).
#[derive(Debug)]
pub struct Worker {
    pub(crate) shared: ServerShared,
    pub(crate) me: u16,
    watch: Poller,
    /// Sessions that have something to do.
    pub(crate) wakes: Vec<u32>,
    pub(crate) delivery: Sessions,
    /// What was said in this turn and is not in the common order yet.
    pub(crate) stage: Batch,
    /// Batches of this worker that have their place in the order and are not in its log yet.
    unsettled: usize,
    /// Whether only worker 0 had users when this turn began.
    is_alone: bool,
    /// Whether something was taken from the others that they do not know to be written.
    is_writing: bool,
    /// Workers that have to take a turn.
    calls: Vec<usize>,
    pub(crate) roster: RosterSchedule,
    pub(crate) joiners: Vec<(u32, u32)>,
    pub(crate) users: usize,
    pub(crate) closing: Vec<u32>,
    pub(crate) deadlines: Deadlines,
    pub(crate) scratch: Vec<u8>,
    pub(crate) now: Instant,
    mail: mpsc::Receiver<WorkerMessage>,
    reception: Option<Acceptor>,
    others: Vec<mpsc::WeakSender<WorkerMessage>>,
    /// Whose turn it is to get a connection; 0 is this worker.
    next: usize,
    /// Broadcasts that are in the log and not written yet: when they were read, how many, and what is shared of them.
    fresh: Vec<(Instant, u32, Option<Arc<Batch>>)>,
    ready: Vec<u32>,
    list_at: Option<Instant>,
    told_version: u64,
    drain: Option<Instant>,
    tidy_at: Option<Instant>,
    /// Sessions that had gone when memory was last given back.
    gone_before: u32,
    /// Sessions that had gone when the exchange was last told.
    gone_told: u32,
    strain: CpuPressure,
    /// Whether there is something to do that no session is woken for.
    goes_on: bool,
}

impl Worker {
    /// Runs worker `me` on this thread until it was told to drain and has.
    pub fn run(
        shared: ServerShared,
        me: u16,
        watch: Poller,
        mail: mpsc::Receiver<WorkerMessage>,
        door: Option<AcceptorSetup>,
    ) -> io::Result<()> {
        let bell = Waker::from(Arc::clone(&shared.bells[usize::from(me)]));
        let mut worker = Self::new(shared, me, watch, mail);
        if let Some(door) = door {
            let (metrics, throttle) = (Arc::clone(&worker.shared.metrics), Arc::clone(&worker.shared.throttle));
            let framing = FramingState::new(worker.shared.config.framing).framing();
            worker.reception =
                Some(Acceptor::new(door.listeners, &worker.watch, door.gate, metrics, throttle, framing)?);
            worker.others = door.others;
        }
        let mut context = Context::from_waker(&bell);
        while worker.turn(&mut context).is_continue() {
            worker.wait()?;
        }
        Ok(())
    }

    fn new(shared: ServerShared, me: u16, watch: Poller, mail: mpsc::Receiver<WorkerMessage>) -> Self {
        let now = Instant::now();
        let is_alone = shared.router.exchange().is_alone();
        Self {
            me,
            watch,
            wakes: Vec::new(),
            delivery: Sessions::new(me, shared.config.send.of_one(sharers(&shared.config, is_alone))),
            stage: Batch::default(),
            unsettled: 0,
            is_alone,
            is_writing: false,
            calls: Vec::new(),
            roster: RosterSchedule::new(roster_budget(&shared.config, is_alone), now),
            joiners: Vec::new(),
            users: 0,
            closing: Vec::new(),
            deadlines: Deadlines::new(shared.config.admission.handshake_timeout),
            scratch: vec![0; READ],
            now,
            mail,
            reception: None,
            others: Vec::new(),
            next: 0,
            fresh: Vec::new(),
            ready: Vec::new(),
            list_at: None,
            told_version: 0,
            drain: None,
            tidy_at: None,
            gone_before: 0,
            gone_told: 0,
            strain: CpuPressure::new(now),
            goes_on: false,
            shared,
        }
    }

    /// Does all that there is to do. `context` is woken by mail.
    fn turn(&mut self, context: &mut Context<'_>) -> ControlFlow<()> {
        self.goes_on = false;
        self.now = Instant::now();
        // Before the mail is opened: users that were given away are in it by the time nobody is alone. Whoever has some
        // of them may be earlier than whoever gave them away is with saying so.
        self.is_alone = self.shared.router.exchange().is_alone() && (self.me == 0 || self.delivery.sessions.is_empty());
        self.open_door();
        self.open_mail(context);
        self.look_at_deadlines();
        self.tidy_up();
        self.serve_ready();
        self.finish_writing();
        loop {
            self.publish(Publish::Batched);
            self.tend_list();
            self.delivery.flush(self.now);
            // A burial changes the list, which changes what there is to flush.
            if !self.bury() {
                break;
            }
        }
        self.observe();
        self.tell_others();
        self.share();
        self.delivery.tell(&self.shared.metrics);
        if self.drain.is_some_and(|deadline| deadline <= self.now || self.delivery.sessions.is_empty()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Waits for the next thing to do, and notes who has something to do then.
    fn wait(&mut self) -> io::Result<()> {
        let pause = self.pause();
        let listeners = self.reception.as_ref().map_or(0, Acceptor::listeners);
        for sign in self.watch.wait(pause, listeners)? {
            match (sign, &mut self.reception) {
                (PollEvent::Session(index, change), _) => {
                    // Whoever was closed since is not told of any more.
                    let session = self.delivery.sessions.get_mut(index as usize);
                    if session.is_some_and(|session| session.notice(&change)) {
                        self.wakes.push(index);
                    }
                }
                (PollEvent::Listener(which), Some(reception)) => reception.notice(which),
                (PollEvent::Wake | PollEvent::Listener(_), _) => {}
            }
        }
        Ok(())
    }

    /// How long there is nothing to do unless something happens; `None` for as long as nothing does.
    fn pause(&self) -> Option<Duration> {
        // While a broadcast is being written, whoever is to be given out next may have arrived meanwhile.
        let is_busy = self.goes_on || self.is_writing;
        if is_busy || (!self.wakes.is_empty() && !self.shared.router.exchange().is_congested()) {
            return Some(Duration::ZERO);
        }
        let door = self.reception.as_ref().and_then(Acceptor::resume_at);
        let times = [self.deadlines.next(), self.list_at, self.tidy_at, self.drain, door];
        let at = times.into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn serve_ready(&mut self) {
        if self.shared.router.exchange().is_congested() {
            // They stay on the list; the exchange calls when it is over.
            return;
        }
        let mut ready = std::mem::replace(&mut self.wakes, std::mem::take(&mut self.ready));
        let mut left = ready.iter();
        for &index in left.by_ref() {
            self.serve(index);
            if self.delivery.is_full(self.stage.len()) {
                self.publish(Publish::Batched);
                self.delivery.flush_some(self.now);
                if self.shared.router.exchange().is_congested() {
                    break;
                }
            }
        }
        self.wakes.extend(left);
        ready.clear();
        self.ready = ready;
    }
}

/// This worker's share of the bytes for lists.
fn roster_budget(config: &Config, is_alone: bool) -> NonZeroUsize {
    NonZeroUsize::new(config.roster_budget.get() / sharers(config, is_alone)).unwrap_or(NonZeroUsize::MIN)
}

/// Among how many workers the users are shared out.
const fn sharers(config: &Config, is_alone: bool) -> usize {
    if is_alone { 1 } else { config.workers.get() }
}
