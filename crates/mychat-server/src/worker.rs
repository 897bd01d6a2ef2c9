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

use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use crate::accept::{Arrival, Reception};
use crate::config::Config;
use crate::deadlines::{Deadlines, Due};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::limits::{Entry, Gate, Permit};
use crate::log::Log;
use crate::metrics::{Count, End, Metrics};
use crate::pace::Meter;
use crate::roster::{Plan, Roster};
use crate::router::{Batch, SharedRouter};
use crate::session::{Paced, Session, Wakes};
use crate::state::State;

/// Bytes read from a session at a time. Small enough that the answers to a pile of bad frames fit into its queue.
const READ: usize = 16 * 1024;

/// Sockets that may wait for a worker; the one that accepts keeps further ones itself.
pub const MAIL: usize = 1024;

/// Connections accepted in one turn: those that are in must not wait long for those that come.
const ACCEPTS: usize = 256;

/// How long a peer may take to close its side after this one is closed.
const LINGER: Duration = Duration::from_secs(1);

/// The same while the server stops.
const LAST_LINGER: Duration = Duration::from_millis(200);

/// What a worker is sent.
#[derive(Debug)]
pub enum Mail {
    /// A new connection.
    Welcome(StdStream, Permit),
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
    generation: u32,
    list_at: Option<Instant>,
    told_version: u64,
    drain: Option<Instant>,
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
            worker.reception = Some(Reception::new(door.listeners, door.gate, metrics, log)?);
            worker.others = door.others;
        }
        // Outside the cooperative budget: a turn has its own bounds.
        runtime.block_on(unconstrained(poll_fn(|context| worker.turn(context))));
        Ok(())
    }

    fn new(shared: Shared, me: u16, mail: mpsc::Receiver<Mail>) -> Self {
        let now = Instant::now();
        let budget = roster_budget(&shared.config);
        Self {
            me,
            wakes: Arc::clone(&shared.wakes[usize::from(me)]),
            delivery: Delivery::new(me, shared.config.send),
            stage: Batch::default(),
            roster: Roster::new(budget, now),
            joiners: Vec::new(),
            users: 0,
            closing: Vec::new(),
            deadlines: Deadlines::default(),
            scratch: vec![0; READ],
            now,
            mail,
            reception: None,
            others: Vec::new(),
            next: 0,
            fresh: Vec::new(),
            ready: Vec::new(),
            generation: 0,
            list_at: None,
            told_version: 0,
            drain: None,
            sleep: None,
            shared,
        }
    }

    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wakes.attach(context.waker());
        self.now = Instant::now();
        self.open_door(context);
        self.open_mail(context);
        self.look_at_deadlines();
        self.serve_ready();
        loop {
            self.publish();
            self.tend_list();
            self.delivery.flush(&self.wakes, self.now);
            // A burial changes the list, which changes what there is to flush.
            if !self.bury() {
                break;
            }
        }
        self.observe();
        self.tell_others();
        self.shared.metrics.absorb(&mut self.delivery.tally);
        if self.drain.is_some_and(|deadline| deadline <= self.now || self.delivery.sessions.is_empty()) {
            return Poll::Ready(());
        }
        self.set_alarm(context);
        Poll::Pending
    }

    fn open_mail(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(mail) = self.mail.poll_recv(context) {
            // Whoever started this worker is gone: nobody waits for what is left.
            let Some(mail) = mail else {
                if self.drain.is_none() {
                    self.start_drain(self.now);
                }
                return;
            };
            match mail {
                Mail::Welcome(socket, permit) => {
                    if let Ok(socket) = TcpStream::from_std(socket) {
                        self.welcome(socket, permit);
                    }
                }
                Mail::Limits(config) => {
                    self.delivery.limit = config.send;
                    self.roster.set_budget(roster_budget(&config));
                    self.shared.config = config;
                }
                // Whoever asked may have stopped waiting.
                Mail::Ping(pong) => drop(pong.send(())),
                Mail::Drain(deadline) => self.start_drain(deadline),
            }
        }
    }

    /// Takes in who waits outside, and gives the other workers their share.
    fn open_door(&mut self, context: &mut Context<'_>) {
        let Some(mut reception) = self.reception.take() else { return };
        for left in (0..ACCEPTS).rev() {
            let Some(Arrival { socket, entry }) = reception.poll(context, self.now) else { break };
            match entry {
                Entry::Welcome(permit) => self.place(socket, permit),
                Entry::NoRoom(permit) => self.turn_away(socket, permit, Fault::NoRoom),
                Entry::AddressFull(permit) => self.turn_away(socket, permit, Fault::AddressFull),
                Entry::Overrun => {}
            }
            if left == 0 {
                context.waker().wake_by_ref();
            }
        }
        self.reception = Some(reception);
    }

    /// Gives a connection to the worker whose turn it is, or keeps it where that one has too much mail.
    fn place(&mut self, socket: TcpStream, permit: Permit) {
        self.next = (self.next + 1) % (self.others.len() + 1);
        let other = self.next.checked_sub(1).and_then(|other| self.others[other].upgrade());
        match other.as_ref().map(mpsc::Sender::try_reserve) {
            Some(Ok(room)) => {
                if let Ok(socket) = socket.into_std() {
                    room.send(Mail::Welcome(socket, permit));
                }
            }
            Some(Err(_)) | None => self.welcome(socket, permit),
        }
    }

    /// A connection that has its place here.
    fn welcome(&mut self, socket: TcpStream, permit: Permit) {
        if self.drain.is_some() {
            return self.turn_away(socket, permit, Fault::ShuttingDown);
        }
        let (index, generation) = self.seat_socket(socket, permit);
        let at = self.now + self.shared.config.admission.handshake_timeout;
        self.deadlines.push(at, index, generation, Due::Handshake);
        self.wakes.push(index);
    }

    /// A connection that is told why it cannot stay.
    fn turn_away(&mut self, socket: TcpStream, permit: Permit, fault: Fault<'static>) {
        let (index, _) = self.seat_socket(socket, permit);
        self.reject(index, fault);
        self.dismiss(index, End::Refused);
    }

    fn seat_socket(&mut self, socket: TcpStream, permit: Permit) -> (u32, u32) {
        self.generation = self.generation.wrapping_add(1);
        self.delivery.tally.add(Count::Connections, 1);
        let entry = self.delivery.sessions.vacant_entry();
        let index = entry.key() as u32;
        let config = &self.shared.config;
        let paced = config.pace.map(|_| Box::new(Paced { meter: Meter::new(self.now), held: Vec::new() }));
        entry.insert(Session::new(socket, permit, &self.wakes, index, self.generation, config.framing, paced));
        (index, self.generation)
    }

    fn look_at_deadlines(&mut self) {
        let sessions = &self.delivery.sessions;
        self.deadlines.forget_handshakes(|index, generation| {
            let session = sessions.get(index as usize).filter(|session| session.generation == generation);
            session.is_none_or(|session| session.state != State::Anonymous)
        });
        while let Some((index, generation, due)) = self.deadlines.pop(self.now) {
            let timeout = self.shared.config.send.timeout;
            let now = self.now;
            let Some(session) = self.delivery.get(index, generation) else { continue };
            match due {
                Due::Handshake if session.state == State::Anonymous => {
                    self.reject(index, Fault::HandshakeTimeout);
                    self.dismiss(index, End::Handshake);
                }
                Due::Stalled if session.outbox.is_blocked() => {
                    let last = session.outbox.progress().unwrap_or(now) + timeout;
                    if last <= now {
                        self.close(index, End::Stalled);
                    } else {
                        self.deadlines.push(last, index, generation, Due::Stalled);
                    }
                }
                Due::Linger => self.close(index, End::Closed),
                Due::Pace if session.state != State::Closing => self.hear_held(index),
                Due::Pace => {}
                Due::Stalled => session.is_watched = false,
                Due::Handshake => {}
            }
        }
    }

    fn serve_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        self.wakes.take(&mut ready);
        if self.shared.router.exchange().is_congested() {
            for index in ready.drain(..) {
                self.wakes.push(index);
            }
        }
        for &index in &ready {
            self.serve(index);
            if self.delivery.is_full(self.stage.len()) {
                self.publish();
                self.delivery.flush_some(&self.wakes, self.now);
            }
        }
        self.ready = ready;
    }

    /// Puts what was said here, and what was said elsewhere before that, into the log.
    pub(crate) fn publish(&mut self) {
        let exchange = self.shared.router.exchange();
        if exchange.is_idle() {
            if let Some(since) = self.stage.since() {
                self.fresh.push((since, self.stage.broadcasts(), None));
            }
            self.stage.replay(&mut self.delivery);
            return self.stage.clear();
        }
        let mine = (!self.stage.is_empty()).then(|| {
            self.stage.expect(self.shared.wakes.len());
            Arc::new(std::mem::take(&mut self.stage))
        });
        let before = exchange.publish(self.me, mine.as_ref());
        for batch in before.iter().chain(&mine) {
            if let Some(since) = batch.since() {
                self.fresh.push((since, batch.broadcasts(), Some(Arc::clone(batch))));
            }
            batch.replay(&mut self.delivery);
        }
        if mine.is_some() {
            self.wake_others();
        }
    }

    /// Measures the broadcasts that were just written, where nobody has still to write them.
    fn observe(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        for (since, count, batch) in self.fresh.drain(..) {
            if batch.is_none_or(|batch| batch.is_done()) {
                self.delivery.tally.broadcasts_took(u64::from(count), now.saturating_duration_since(since));
            }
        }
    }

    /// Sends the list where it is due and can be afforded (rules L2 and L3).
    fn tend_list(&mut self) {
        self.list_at = None;
        if self.drain.is_some() {
            return;
        }
        let cost = self.users * self.shared.router.list_bytes();
        match self.roster.plan(self.now, self.shared.router.version(), cost) {
            Plan::Nothing => {}
            Plan::Wait(at) => self.list_at = Some(at),
            Plan::Everyone => {
                let version = self.write_list();
                let cost = self.delivery.announce(self.users);
                self.roster.announced(version, cost);
                self.joiners.clear();
            }
            Plan::Joiners => {
                self.write_list();
                for (index, generation) in self.joiners.drain(..) {
                    self.delivery.owe_list(index, generation);
                }
                self.roster.told_joiners();
                self.list_at = Some(self.now);
            }
        }
    }

    fn write_list(&mut self) -> u64 {
        self.delivery.list.clear();
        self.shared.router.write_list(&mut self.delivery.list, self.shared.config.framing)
    }

    /// Acts on what the flush found out. Returns whether somebody left.
    fn bury(&mut self) -> bool {
        let outcome = self.delivery.outcome();
        for index in outcome.blocked {
            // It may have ended since, and it may be watched already for having been blocked before.
            let Some(session) = self.delivery.sessions.get_mut(index as usize) else { continue };
            if !std::mem::replace(&mut session.is_watched, true) {
                let at = self.now + self.shared.config.send.timeout;
                self.deadlines.push(at, index, session.generation, Due::Stalled);
            }
        }
        let buried = !outcome.failed.is_empty();
        for (index, end) in outcome.failed {
            self.close(index, end);
        }
        for index in std::mem::take(&mut self.closing) {
            self.part(index);
        }
        buried
    }

    /// A session that is over and has everything that waited for it: closes this side, and leaves the peer a moment to
    /// close its own. A close with unread input would make the kernel reset the connection and could destroy what
    /// the peer has not read yet.
    fn part(&mut self, index: u32) {
        let Some(session) = self.delivery.sessions.get_mut(index as usize) else { return };
        if session.state != State::Closing || session.outbox.is_blocked() || session.is_shut {
            return;
        }
        session.shut();
        if session.heard_fin {
            return self.close(index, End::Closed);
        }
        let linger = if self.drain.is_some() { LAST_LINGER } else { LINGER };
        self.deadlines.push(self.now + linger, index, session.generation, Due::Linger);
        self.wakes.push(index);
    }

    fn start_drain(&mut self, deadline: Instant) {
        self.publish();
        // Closes the ports: a successor may open them while the last answers here are still being read.
        self.reception = None;
        self.drain = Some(deadline);
        let open = |(index, session): (usize, &Session)| (session.state != State::Closing).then_some(index as u32);
        let indices: Vec<u32> = self.delivery.sessions.iter().filter_map(open).collect();
        for index in indices {
            self.reject(index, Fault::ShuttingDown);
            self.dismiss(index, End::Shutdown);
        }
    }

    fn tell_others(&mut self) {
        let version = self.shared.router.version();
        if self.told_version != version {
            self.told_version = version;
            self.wake_others();
        }
    }

    fn wake_others(&self) {
        for (worker, wakes) in self.shared.wakes.iter().enumerate() {
            if worker != usize::from(self.me) {
                wakes.wake_worker();
            }
        }
    }

    /// Makes sure of a turn at the next time for which there is something to do.
    fn set_alarm(&mut self, context: &mut Context<'_>) {
        let door = self.reception.as_ref().and_then(Reception::resume_at);
        let times = [self.deadlines.next(), self.list_at, self.drain, door];
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
fn roster_budget(config: &Config) -> NonZeroUsize {
    NonZeroUsize::new(config.roster_budget.get() / config.workers.get()).unwrap_or(NonZeroUsize::MIN)
}
