//! A worker: one thread that owns its sessions, reads them, routes their messages, and flushes once per turn.
//!
//! ```text
//!   wait ─► ready list ─► turn: connections, messages ─► deadlines ─► each ready session: read, execute
//!     ▲                    ─► publish ─► roster, if due ─► one flush ─► deadlines and ends it caused ──┐
//!     └────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A worker takes a turn when something is ready, does all of it, and waits in the kernel again. The more arrives in one
//! turn, the more goes out in one write. A worker has no async runtime and no tasks: a session is a slab entry.
//!
//! The parts of a worker own their data: [`Sessions`](sessions::Sessions) the sessions and their output,
//! [`Publisher`](publisher::Publisher) the order of broadcasts, [`RosterSender`](roster_sender::RosterSender) the rosters,
//! [`Reclaimer`](reclaimer::Reclaimer) the return of memory, [`ConnectionIntake`](connections::ConnectionIntake) new
//! connections. [`Worker::turn`] is the table of contents.

mod commands;
mod connections;
mod cpu_pressure;
mod deadlines;
mod ending;
mod extensions;
mod flush;
mod input;
mod message;
mod pool;
mod publisher;
mod ready_list;
mod rebalance;
mod reclaimer;
mod room_replay;
mod roster_schedule;
mod roster_sender;
mod session_writer;
mod sessions;
mod shrink_policy;
mod timers;

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use mychat_os::ThreadWaker;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::limits::RateDebts;
use crate::log::LogThrottle;
use crate::metrics::Metrics;
use crate::net::poller::{PollEvent, Poller};
use crate::router::{Publish, SharedRouter};
use crate::session::state::SessionState;
use connections::{AcceptorSetup, ConnectionIntake};
use deadlines::Deadlines;
use publisher::Publisher;
use ready_list::ReadyList;
use rebalance::Rebalancer;
use reclaimer::Reclaimer;
use roster_sender::RosterSender;
use sessions::Sessions;

pub(crate) use message::{CHANNEL_CAPACITY, WorkerMessage};
pub(crate) use pool::{PoolError, WorkerPool};

/// Bytes read from a session at a time. Few enough that the error replies to a buffer of bad frames fit into its queue.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// The state that all workers share.
#[derive(Debug, Clone)]
struct ServerShared {
    /// The limits; each worker has its own `Arc`, which a message replaces.
    config: Arc<Config>,
    router: SharedRouter,
    metrics: Arc<Metrics>,
    /// Limits repeated warnings of all workers together.
    throttle: Arc<LogThrottle>,
    /// Budgets of `--rate` that outlive their sessions.
    rate_debts: Arc<RateDebts>,
    /// The wakers of all workers, by number.
    wakers: Arc<[Arc<ThreadWaker>]>,
}

/// One worker; see the [module](self).
#[derive(Debug)]
struct Worker {
    id: u16,
    shared: ServerShared,
    poller: Poller,
    messages: mpsc::Receiver<WorkerMessage>,
    intake: ConnectionIntake,
    sessions: Sessions,
    /// Sessions that have work to do.
    ready: ReadyList,
    /// Sessions that ended in this turn and whose connections are to be closed.
    closing: Vec<u32>,
    publisher: Publisher,
    roster: RosterSender,
    deadlines: Deadlines,
    rebalancer: Rebalancer,
    reclaimer: Reclaimer,
    /// The time of the last `ROOMS` of the sessions with that index. Few sessions ask, so it is no field of a session.
    rooms_listed_at: HashMap<u32, Instant>,
    read_buffer: Vec<u8>,
    /// The time at which the turn began.
    now: Instant,
    /// The time at which the worker ends, once the server stops.
    drain_deadline: Option<Instant>,
}

impl Worker {
    /// Runs worker `id` on this thread until the server has told it to drain and it has.
    fn run(
        shared: ServerShared,
        id: u16,
        poller: Poller,
        messages: mpsc::Receiver<WorkerMessage>,
        acceptor: Option<AcceptorSetup>,
    ) -> io::Result<()> {
        let waker = Waker::from(Arc::clone(&shared.wakers[usize::from(id)]));
        let mut worker = Self::new(shared, id, poller, messages);
        if let Some(setup) = acceptor {
            worker.intake = ConnectionIntake::start(setup, &worker.poller, &worker.shared)?;
        }
        let mut context = Context::from_waker(&waker);
        while worker.turn(&mut context).is_continue() {
            worker.wait()?;
        }
        Ok(())
    }

    fn new(shared: ServerShared, id: u16, poller: Poller, messages: mpsc::Receiver<WorkerMessage>) -> Self {
        let now = Instant::now();
        let config = &shared.config;
        let publisher = Publisher::new(Arc::clone(&shared.router), id, Arc::clone(&shared.wakers), &config.rooms);
        let is_single_worker = publisher.is_single_worker();
        Self {
            id,
            poller,
            messages,
            intake: ConnectionIntake::default(),
            sessions: Sessions::new(id, config.send.share_of_one(sharing_workers(config, is_single_worker))),
            ready: ReadyList::default(),
            closing: Vec::new(),
            publisher,
            roster: RosterSender::new(roster_budget(config, is_single_worker), now),
            deadlines: Deadlines::new(config.admission.handshake_timeout),
            rebalancer: Rebalancer::new(now),
            reclaimer: Reclaimer::default(),
            rooms_listed_at: HashMap::new(),
            read_buffer: vec![0; READ_BUFFER_BYTES],
            now,
            drain_deadline: None,
            shared,
        }
    }

    /// Does everything that there is to do. `context` is woken by messages.
    fn turn(&mut self, context: &mut Context<'_>) -> ControlFlow<()> {
        self.now = Instant::now();
        self.publisher.begin_turn(!self.sessions.is_empty());
        self.accept_connections();
        self.receive_messages(context);
        self.handle_deadlines();
        self.shrink_if_due();
        self.serve_ready_sessions();
        self.publisher.report_written();
        loop {
            self.publisher.publish(Publish::Batched, &mut self.sessions);
            self.send_roster_if_due();
            self.sessions.flush(self.now);
            // A closed session changes the roster, which may be due to the others at once.
            if !self.apply_flush_outcome() {
                break;
            }
        }
        self.publisher.record_latencies(&mut self.sessions.counts);
        self.publisher.announce_user_changes();
        self.rebalance();
        self.sessions.report_counts(&self.shared.metrics);
        if self.drain_deadline.is_some_and(|deadline| deadline <= self.now || self.sessions.is_empty()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Waits for the next event or deadline, and adds the sessions with events to the ready list.
    fn wait(&mut self) -> io::Result<()> {
        let timeout = self.wait_timeout();
        for event in self.poller.wait(timeout, self.intake.listeners())? {
            match event {
                PollEvent::Session(index, change) => {
                    // The kernel reports no event for a socket that was closed since.
                    let session = self.sessions.get_mut(index);
                    if session.is_some_and(|session| session.apply_change(&change)) {
                        self.ready.push(index);
                    }
                }
                PollEvent::Listener(number) => self.intake.mark_ready(number),
                PollEvent::Woken => {}
            }
        }
        Ok(())
    }

    /// Returns the time until something is to be done without an event; `None` if nothing is.
    fn wait_timeout(&self) -> Option<Duration> {
        // After a write the sockets are polled once more before the write is reported; see `Publisher::report_written`.
        let has_work = self.intake.has_more() || self.publisher.has_unreported_write();
        if has_work || (!self.ready.is_empty() && !self.shared.router.exchange().pause_if_congested()) {
            return Some(Duration::ZERO);
        }
        let times = [
            self.deadlines.next_at(),
            self.roster.next_at(),
            self.reclaimer.next_at(),
            self.drain_deadline,
            self.intake.paused_until(),
        ];
        let at = times.into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn serve_ready_sessions(&mut self) {
        if self.shared.router.exchange().pause_if_congested() {
            // The sessions stay in the list. The exchange wakes this worker when the congestion is over.
            return;
        }
        let ready = self.ready.take();
        let mut done = ready.len();
        for (position, &index) in ready.iter().enumerate() {
            self.serve(index);
            if self.sessions.should_flush_early(self.publisher.batch.len()) {
                self.publisher.publish(Publish::Batched, &mut self.sessions);
                self.sessions.flush_early(self.now);
                if self.shared.router.exchange().pause_if_congested() {
                    done = position + 1;
                    break;
                }
            }
        }
        self.ready.put_back(ready, done);
    }

    /// Serves a session whose socket became ready.
    fn serve(&mut self, index: u32) {
        let Some(session) = self.sessions.get(index) else { return };
        if session.outbox.is_blocked() {
            if self.sessions.resume(index, self.now) {
                self.closing.push(index);
            } else if self.has_much_queued(index) {
                return;
            }
        }
        let session = &self.sessions[index];
        match session.state {
            SessionState::Closing if session.is_write_closed => self.discard_input(index),
            SessionState::Closing => {}
            SessionState::Anonymous | SessionState::Connected => self.read(index),
        }
    }

    /// Returns true if more than a quarter of the queue limit waits for a session. It is then not read from, so that TCP
    /// slows down a peer that sends faster than it reads the replies.
    fn has_much_queued(&self, index: u32) -> bool {
        let outbox = &self.sessions[index].outbox;
        outbox.is_blocked() && outbox.queued_bytes() > self.shared.config.send.queue / 4
    }

    fn send_roster_if_due(&mut self) {
        if self.drain_deadline.is_some() {
            self.roster.stop();
        } else {
            self.roster.send_if_due(self.now, &mut self.sessions, &self.shared.router);
        }
    }

    /// Returns unused memory to the system when it is time.
    fn shrink_if_due(&mut self) {
        if !self.reclaimer.take_due(self.now, self.sessions.removed()) {
            return;
        }
        // The stored roster may list many users who have left, and the next one may not be written for long.
        roster_sender::write_roster(&mut self.sessions, &self.shared.router);
        self.sessions.shrink();
        let sessions = &self.sessions;
        self.deadlines.shrink(|key| sessions.find(key).is_none());
        self.shared.router.shrink();
        self.ready.shrink();
        self.closing.shrink_to_fit();
        self.publisher.shrink();
        self.roster.shrink();
        mychat_os::trim_heap();
    }
}

/// Returns one worker's share of the bytes per second for rosters.
fn roster_budget(config: &Config, is_single_worker: bool) -> NonZeroUsize {
    let share = config.roster_budget.get() / sharing_workers(config, is_single_worker);
    NonZeroUsize::new(share).unwrap_or(NonZeroUsize::MIN)
}

/// Returns the number of workers that share the users and the limits for all of them.
const fn sharing_workers(config: &Config, is_single_worker: bool) -> usize {
    if is_single_worker { 1 } else { config.workers.get() }
}
