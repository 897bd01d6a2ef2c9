//! One core: a current-thread runtime that owns its sessions, reads, routes, and flushes once per turn.
//!
//! ```text
//!   epoll ─► wakes ─► turn: door, mail ─► deadlines ─► each ready session: read, route
//!     ▲                     ─► publish ─► list, if due ─► one flush ─► bury ──┐
//!     └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The worker is one future. It is polled when something is ready, does all of it, and sleeps in the kernel again:
//! the more comes in during one turn, the more goes out in one write.

mod crew;
mod door;
mod share;
mod upkeep;

use std::future::poll_fn;
use std::io;
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use crate::accept::Reception;
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::delivery::Delivery;
use crate::limits::{Gate, Permit};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::raw::Manner;
use crate::roster::Roster;
use crate::router::{Batch, Haste, SharedRouter};
use crate::session::{Session, Wakes};
use crate::strain::Strain;

/// Bytes read from a session at a time. Small enough that the answers to a pile of bad frames fit into its queue.
const READ: usize = 16 * 1024;

/// Sockets that may wait for a worker; the one that accepts keeps further ones itself.
pub const MAIL: usize = 1024;

/// What a worker is sent.
#[derive(Debug)]
pub enum Mail {
    /// A new connection.
    Welcome(StdStream, Permit),
    /// Users that were another worker's, each with its place, and the version of the list that they have.
    Crowd(Vec<(u32, Session)>, u64),
    /// Share users out now, whatever the load.
    Spread,
    /// Limits have changed.
    Limits(Arc<Config>),
    /// Somebody wants to know whether this worker still takes turns.
    Ping(oneshot::Sender<()>),
    /// End all sessions in good order, and whatever is left of them at that time.
    Drain(Instant),
}

/// What a worker shares with others.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Every limit.
    pub config: Arc<Config>,
    /// Who is where.
    pub router: SharedRouter,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What happened, for people.
    pub log: Log,
    /// The wakes of all workers, by their number.
    pub wakes: Arc<[Arc<Wakes>]>,
}

/// What makes a worker the one that accepts.
#[derive(Debug)]
pub struct Door {
    /// What listens.
    pub listeners: Vec<StdListener>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// The other workers, which get their share of the connections.
    pub others: Vec<mpsc::WeakSender<Mail>>,
}

/// One worker; see the [module](self).
#[derive(Debug)]
pub struct Worker {
    pub(crate) shared: Shared,
    pub(crate) me: u16,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) delivery: Delivery,
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
    pub(crate) roster: Roster,
    pub(crate) joiners: Vec<(u32, u32)>,
    pub(crate) users: usize,
    pub(crate) closing: Vec<u32>,
    pub(crate) deadlines: Deadlines,
    pub(crate) scratch: Vec<u8>,
    pub(crate) now: Instant,
    mail: mpsc::Receiver<Mail>,
    reception: Option<Reception>,
    others: Vec<mpsc::WeakSender<Mail>>,
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
    strain: Strain,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Worker {
    /// Runs worker `me` on this thread until it was told to drain and has.
    pub fn run(shared: Shared, me: u16, mail: mpsc::Receiver<Mail>, door: Option<Door>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let _guard = runtime.enter();
        let mut worker = Self::new(shared, me, mail);
        if let Some(door) = door {
            let (metrics, log) = (Arc::clone(&worker.shared.metrics), worker.shared.log.clone());
            let framing = Manner::new(worker.shared.config.framing).framing();
            worker.reception = Some(Reception::new(door.listeners, door.gate, metrics, log, framing)?);
            worker.others = door.others;
        }
        // Outside the cooperative budget: a turn has its own bounds.
        runtime.block_on(unconstrained(poll_fn(|context| worker.turn(context))));
        Ok(())
    }

    fn new(shared: Shared, me: u16, mail: mpsc::Receiver<Mail>) -> Self {
        let now = Instant::now();
        let is_alone = shared.router.exchange().is_alone();
        Self {
            me,
            wakes: Arc::clone(&shared.wakes[usize::from(me)]),
            delivery: Delivery::new(me, shared.config.send.of_one(sharers(&shared.config, is_alone))),
            stage: Batch::default(),
            unsettled: 0,
            is_alone,
            is_writing: false,
            calls: Vec::new(),
            roster: Roster::new(roster_budget(&shared.config, is_alone), now),
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
            strain: Strain::new(now),
            sleep: None,
            shared,
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wakes.attach(context.waker());
        self.now = Instant::now();
        // Before the mail is opened: users that were given away are in it by the time nobody is alone. Whoever has some
        // of them may be earlier than whoever gave them away is with saying so.
        self.is_alone = self.shared.router.exchange().is_alone() && (self.me == 0 || self.delivery.sessions.is_empty());
        self.open_door(context);
        self.open_mail(context);
        self.look_at_deadlines();
        self.tidy_up();
        self.serve_ready();
        self.finish_writing();
        loop {
            self.publish(Haste::Patient);
            self.tend_list();
            self.delivery.flush(&self.wakes, self.now);
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
            return Poll::Ready(());
        }
        self.set_alarm(context);
        if self.is_writing {
            // Whoever is to be given out next may have arrived meanwhile.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn serve_ready(&mut self) {
        if self.shared.router.exchange().is_congested() {
            // They stay on the list; the exchange calls when it is over.
            return;
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.wakes.take(&mut ready);
        let mut left = ready.iter();
        for &index in left.by_ref() {
            self.serve(index);
            if self.delivery.is_full(self.stage.len()) {
                self.publish(Haste::Patient);
                self.delivery.flush_some(&self.wakes, self.now);
                if self.shared.router.exchange().is_congested() {
                    break;
                }
            }
        }
        left.for_each(|&index| self.wakes.push(index));
        self.ready = ready;
    }

    /// Makes sure of a turn at the next time for which there is something to do.
    fn set_alarm(&mut self, context: &mut Context<'_>) {
        let door = self.reception.as_ref().and_then(Reception::resume_at);
        let times = [self.deadlines.next(), self.list_at, self.tidy_at, self.drain, door];
        let Some(at) = times.into_iter().flatten().min() else { return };
        let (until, sleep) = self.sleep.get_or_insert_with(|| (at, Box::pin(tokio::time::sleep_until(at.into()))));
        if *until != at {
            *until = at;
            sleep.as_mut().reset(at.into());
        }
        if sleep.as_mut().poll(context).is_ready() {
            self.sleep = None;
            context.waker().wake_by_ref();
        }
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
