//! The course of a run: everybody joins, the load, the drain, the end; on worker threads, watched once a second.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::clock::{Clock as _, RealClock};
use super::observations::usage;
pub use super::observations::{Generator, Observations, Slice};
use super::shared::Shared;
use super::thread::{self, Order, Post, Report};
use crate::observe::books::Books;
use crate::observe::example::Examples;
use crate::observe::fanout::FanOut;
use crate::observe::recorder::{Clock, Count, Latency, Place, Recorder, Shape};
use crate::observe::roster::Rosters;
use crate::observe::share::Share;
use crate::plan::{Nanos, nanos};

/// How a run is done.
#[derive(Debug, Clone)]
pub struct Conduct {
    /// Where the server is.
    pub address: SocketAddr,
    /// Addresses to connect from, in turn; empty where the system chooses.
    pub sources: Arc<[IpAddr]>,
    /// Worker threads.
    pub threads: u32,
    /// Time from one line of the timeline to the next.
    pub interval: Duration,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase {
    /// Users join.
    Joining,
    /// The load has been going on for so long.
    Load(Nanos),
    /// The load is over; what is under way may arrive.
    Draining,
}

/// The live view of a run.
pub trait Watch {
    /// Called about ten times a second.
    fn look(&mut self, phase: Phase, shared: &Shared, latest: Option<&Slice>);

    /// Called at the end of each interval with what it recorded; ends the run where it gives the index of a condition.
    fn interval(&mut self, shared: &Shared, recorded: &Recorder) -> Option<usize>;

    /// Called with each line of the timeline as it is written, but for the last one.
    fn slice(&mut self, _shared: &Shared, _slice: &Slice) {}
}

/// Why a run could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A worker thread could not start.
    #[error("cannot start a worker thread")]
    Thread(#[source] std::io::Error),
    /// The other machines' users did not come.
    #[error(
        "the other shards did not come: after {} s the server's lists showed {seen} of their {others} users",
        MEETING / 1_000_000_000
    )]
    Alone {
        /// Users of theirs that were in a list.
        seen: u64,
        /// All of their users.
        others: u64,
    },
    /// A worker thread ended without a word.
    #[error("a worker thread died: this is a bug in mychat-bench")]
    Died,
}

const TICK: Duration = Duration::from_millis(20);
const LOOK: Nanos = 100_000_000;
/// The drain gives up after so long without a delivery.
const NO_PROGRESS: Nanos = 2_000_000_000;
/// Other machines may take so long longer to start.
const MEETING: Nanos = 120_000_000_000;
/// Programs that are behind may still send for so long after the load.
const OVERTIME: Nanos = 30_000_000_000;

/// Does a whole run. Each time `stop` is notified the present part of it is cut short: the load first, then the drain.
pub async fn conduct(
    shared: Arc<Shared>,
    conduct: Conduct,
    watch: &mut dyn Watch,
    stop: &tokio::sync::Notify,
) -> Result<Observations, Fault> {
    let mut crew = Crew::start(&shared, conduct)?;
    let mut interrupted = tokio::select! {
        course = crew.course(watch) => { course?; false }
        () = stop.notified() => true,
    };
    shared.live.stop.store(true, Ordering::Relaxed);
    tokio::select! {
        drained = crew.drain(watch) => drained?,
        () = stop.notified() => interrupted = true,
    }
    crew.finish(interrupted).await
}

/// The workers, as their conductor sees them.
struct Crew<'s> {
    shared: &'s Arc<Shared>,
    conduct: Conduct,
    clock: RealClock,
    orders: Vec<UnboundedSender<Order>>,
    reports: UnboundedReceiver<Report>,
    threads: Vec<std::thread::JoinHandle<()>>,
    total: Recorder,
    timeline: Vec<Slice>,
    next_interval: Nanos,
    next_look: Nanos,
    /// Reports of an interval that are still to come.
    awaited: usize,
    interval: Recorder,
    outstanding: Vec<u64>,
    aborted: Option<usize>,
}

impl<'s> Crew<'s> {
    fn start(shared: &'s Arc<Shared>, conduct: Conduct) -> Result<Self, Fault> {
        let clock = RealClock::start();
        let (report, reports) = unbounded_channel();
        let part = shared.plan.shard;
        let (mut orders, mut threads) = (Vec::new(), Vec::new());
        for index in 0..conduct.threads {
            let (order, received) = unbounded_channel();
            let post = Post {
                index: part.index + part.of * index,
                count: part.of * conduct.threads,
                address: conduct.address,
                sources: Arc::clone(&conduct.sources),
                clock,
                orders: received,
                reports: report.clone(),
            };
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || thread::run(shared, post))
                .map_err(Fault::Thread)?;
            orders.push(order);
            threads.push(thread);
        }
        let groups = shared.plan.scenario.groups.len() as u16;
        let shape = Shape { stages: shared.plan.stages.len() as u16, groups };
        Ok(Self {
            shared,
            next_interval: nanos(conduct.interval),
            conduct,
            clock,
            orders,
            reports,
            threads,
            total: Recorder::new(shape),
            timeline: Vec::new(),
            next_look: 0,
            awaited: 0,
            interval: Recorder::new(shape),
            outstanding: Vec::new(),
            aborted: None,
        })
    }

    /// Everybody joins, and the load from its first stage to its last.
    async fn course(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        let live = &self.shared.live;
        let users = u64::from(self.shared.plan.own_users());
        self.tell(|| Order::Join(0));
        while live.settled.load(Ordering::Relaxed) < users {
            self.wait(watch, Phase::Joining).await?;
        }
        if live.connected.load(Ordering::Relaxed) == 0 {
            // Nobody is there to do anything.
            return Ok(());
        }
        self.meet(watch).await?;
        let start = self.clock.now() + nanos(TICK);
        // Where several workers send, none may hear of a message before it knows when the load began.
        self.shared.load_start.get_or_init(|| start);
        self.shared.promise(start);
        self.tell(|| Order::Load(start));
        let end = start + self.shared.plan.end();
        loop {
            let now = self.clock.now();
            let done = live.acting.load(Ordering::Relaxed) == 0 || now > end + OVERTIME;
            if now >= end && done || self.aborted.is_some() {
                return Ok(());
            }
            self.wait(watch, Phase::Load(now.saturating_sub(start))).await?;
        }
    }

    /// Waits until the server's list shows the users of all other machines: they begin together without a common clock,
    /// and whoever is in a list before the load is owed all of it.
    async fn meet(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        let others = self.shared.plan.users.len() as u64 - u64::from(self.shared.plan.own_users());
        let until = self.clock.now() + MEETING;
        loop {
            let seen = self.shared.live.others.load(Ordering::Relaxed);
            if seen >= others {
                return Ok(());
            }
            if self.clock.now() > until {
                return Err(Fault::Alone { seen, others });
            }
            self.wait(watch, Phase::Joining).await?;
        }
    }

    fn load_start(&self) -> Option<Nanos> {
        self.shared.load_start.get().copied()
    }

    /// Waits until everything owed has come, or nothing has come for a while.
    async fn drain(&mut self, watch: &mut dyn Watch) -> Result<(), Fault> {
        // Once every worker has answered this, none of them is in the middle of sending any more.
        self.outstanding(None, watch).await?;
        let books = Arc::new(Books::new(&self.shared.plan, &self.shared.sent));
        let mut last = (u64::MAX, self.clock.now());
        loop {
            let asked = self.clock.now();
            let (outstanding, now) = (self.outstanding(Some(&books), watch).await?, self.clock.now());
            if outstanding < last.0 {
                last = (outstanding, now);
            }
            if outstanding == 0 || now > last.1 + NO_PROGRESS {
                return Ok(());
            }
            // Asking takes a worker's time: nine tenths of it are left for reading.
            while self.clock.now() < now + 9 * (now - asked) {
                self.wait(watch, Phase::Draining).await?;
            }
        }
    }

    /// Asks every worker what is outstanding.
    async fn outstanding(&mut self, books: Option<&Arc<Books>>, watch: &mut dyn Watch) -> Result<u64, Fault> {
        self.outstanding.clear();
        self.tell(|| Order::Outstanding(books.map(Arc::clone)));
        while self.outstanding.len() < self.orders.len() {
            self.wait(watch, Phase::Draining).await?;
        }
        Ok(self.outstanding.iter().sum())
    }

    async fn finish(mut self, interrupted: bool) -> Result<Observations, Fault> {
        let length = self.clock.now();
        self.tell(|| Order::Finish);
        let (mut visits, mut examples) = (Vec::new(), Examples::default());
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        let (mut fanout, mut rosters) = (FanOut::default(), Rosters::default());
        let mut read_lag = Latency::default();
        let (mut blocked, mut stall, mut left) = (0, 0, self.orders.len());
        while left > 0 {
            match self.reports.recv().await.ok_or(Fault::Died)? {
                Report::Seen(seen) => {
                    self.interval.merge(&seen.recorder);
                    visits.extend(seen.visits);
                    examples.merge(seen.examples);
                    fanout.merge(seen.fanout);
                    rosters.merge(seen.rosters);
                    read_lag.merge(&seen.read_lag);
                    blocked += seen.blocked;
                    stall = stall.max(seen.stall);
                    for (code, count) in seen.errors {
                        *errors.entry(code).or_default() += count;
                    }
                    left -= 1;
                }
                Report::Interval(recorded) => self.interval.merge(&recorded),
                Report::Outstanding(_) => {}
                Report::Failed(error) => return Err(Fault::Thread(error)),
            }
        }
        self.close_interval(length);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| Fault::Died)?;
        }
        let plan = &self.shared.plan;
        fanout.record(plan, self.load_start().unwrap_or(0), &mut self.total);
        for ((user, joined), last) in rosters.joins() {
            let stage = match self.load_start().filter(|start| joined >= *start) {
                Some(start) => plan.stage_at(joined - start) as u16,
                None => self.total.shape().join(),
            };
            let place = Place { stage, group: plan.users[user as usize].group, action: Shape::NO_ACTION };
            self.total.time(place, Clock::Roster, last.saturating_sub(joined));
        }
        let books = Books::new(plan, &self.shared.sent);
        let reckoning = books.reckon(plan, &self.shared.sent, visits.iter(), self.shared.reading);
        for (place, doubled) in &reckoning.doubled {
            self.total.add(*place, Count::Duplicated, *doubled);
        }
        let share = plan.shard.is_part().then(|| Share::new(plan, &self.shared.sent, &visits));
        Ok(Observations {
            recorder: self.total,
            timeline: self.timeline,
            visits,
            reckoning,
            examples,
            blocked,
            stall,
            read_lag,
            errors,
            aborted: self.aborted,
            interrupted,
            length,
            generator: usage(self.conduct.threads),
            server: None,
            cases_failed: 0,
            share,
        })
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for worker in &self.orders {
            // A worker that is gone has said why, or is found missing when its report is awaited.
            let _ = worker.send(order());
        }
    }

    /// Lets a little time pass, takes reports, keeps the timeline and the live view up to date.
    async fn wait(&mut self, watch: &mut dyn Watch, phase: Phase) -> Result<(), Fault> {
        let until = tokio::time::Instant::now() + TICK;
        loop {
            let report = tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                report = self.reports.recv() => report.ok_or(Fault::Died)?,
            };
            match report {
                Report::Interval(recorded) => {
                    self.interval.merge(&recorded);
                    self.awaited -= 1;
                    if self.awaited == 0 {
                        self.aborted = self.aborted.or(watch.interval(self.shared, &self.interval));
                        self.close_interval(self.next_interval);
                        if let Some(slice) = self.timeline.last() {
                            watch.slice(self.shared, slice);
                        }
                        self.next_interval += nanos(self.conduct.interval);
                    }
                }
                Report::Outstanding(count) => {
                    self.outstanding.push(count);
                    break;
                }
                Report::Failed(error) => return Err(Fault::Thread(error)),
                Report::Seen(_) => return Err(Fault::Died),
            }
        }
        let now = self.clock.now();
        if self.awaited == 0 && now >= self.next_interval {
            self.awaited = self.orders.len();
            let shape = self.total.shape();
            self.tell(|| Order::Interval(Box::new(Recorder::new(shape))));
        }
        if now >= self.next_look {
            self.next_look = now + LOOK;
            watch.look(phase, self.shared, self.timeline.last());
        }
        Ok(())
    }

    /// Adds what an interval recorded to the total and to the timeline.
    fn close_interval(&mut self, at: Nanos) {
        let middle = at.saturating_sub(nanos(self.conduct.interval) / 2);
        let stage =
            self.load_start().filter(|start| middle >= *start).map(|start| self.shared.plan.stage_at(middle - start));
        self.timeline.push(Slice {
            at,
            stage,
            connected: self.shared.live.connected.load(Ordering::Relaxed),
            sent: self.interval.total(Count::Sent, |_| true),
            delivered: self.interval.total(Count::Delivered, |_| true),
            errors: self.interval.total(Count::Errors, |_| true),
            delivery: self.interval.latency(Clock::Delivery, |_| true),
            lateness: self.interval.latency(Clock::Lateness, |_| true),
        });
        self.total.merge(&self.interval);
        self.interval.clear();
    }
}
