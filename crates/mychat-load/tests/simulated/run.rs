//! A whole run in simulated time. The phases are the ones of a real run ([`run_phases`]); the workers and the network are
//! driven by a queue of events instead of threads and sockets.

use std::cell::RefCell;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mychat_load::engine::arrival_clock::{ArrivalClock, ClockPair as _};
use mychat_load::engine::clock::Clock as _;
use mychat_load::engine::coordinator::{Intervals, LoadError, Phase, RunResults, TimelineSlice, WorkerSet, run_phases};
use mychat_load::engine::shared::{ProtocolSettings, SharedState};
use mychat_load::engine::wire::DisconnectReason;
use mychat_load::engine::worker::{Outstanding, Worker, WorkerResult};
use mychat_load::plan::{Nanos, Plan, RunTime};
use mychat_load::reconcile::Accounting;
use mychat_load::reconcile::MissingInRoster;
use mychat_load::reconcile::{DeliveryRules, Reconciliation};
use mychat_load::record::recorder::{Count, Latency, LatencyMetric, Recorder, Shape};
use mychat_load::record::session::UserSession;
use mychat_load::verdict::{Assessment, assess};
use mychat_proto::Framing;
use tokio::sync::Notify;

use super::chaos::Chaos;
use super::net::{Endpoint, Event, Net, SimClock, SimWire, TwoClocks};
use super::server::{Behaviour, Model};

pub(crate) const MS: Nanos = 1_000_000;
pub(crate) const S: Nanos = 1_000_000_000;

/// A run to be done.
pub(crate) struct Run {
    scenario: String,
    behaviour: Behaviour,
    workers: u32,
    stall: Option<Range<RunTime>>,
    /// Time between two looks of the generator at its sockets; zero where it reads at once.
    reads_every: Nanos,
    /// A step of the real-time clock. With it the kernel's clock gives the arrivals.
    clock_step: Option<(RunTime, i64)>,
}

/// The result of a run.
pub(crate) struct Outcome {
    pub(crate) recorder: Recorder,
    pub(crate) timeline: Vec<TimelineSlice>,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) sessions: Vec<UserSession>,
    pub(crate) assessment: Assessment,
    pub(crate) blocked: Nanos,
    pub(crate) stall: Nanos,
    pub(crate) receive_lag: Latency,
    /// Number of steps of the real-time clock that the generator noticed.
    pub(crate) clock_steps: u64,
    /// Time from the end of the load until everything owed had arrived; zero if some of it never did.
    pub(crate) drained: Nanos,
    /// Messages that the server sent to users who had received them in an earlier session.
    pub(crate) repeated: u64,
    /// Deliveries that the server corrupted.
    pub(crate) corrupted: u64,
    /// Deliveries that the server made after a later broadcast.
    pub(crate) disordered: u64,
    /// Deliveries and answers that a fault of the server's rooms concerned.
    pub(crate) room_faults: u64,
    /// Replies that the server left out.
    pub(crate) unanswered: u64,
    /// With chaos: all bytes written to each user.
    pub(crate) written: Vec<Vec<u8>>,
    /// Descriptions of the first few violations of each kind.
    pub(crate) examples: Vec<String>,
    /// Users who were online and missing in another user's last list.
    pub(crate) missing_in_roster: Vec<MissingInRoster>,
}

/// Takes `users:` and `load:` of a scenario, against a server of this behaviour.
pub(crate) fn run(scenario: &str, behaviour: Behaviour) -> Run {
    Run {
        scenario: format!("name: simulated\nseed: 1\n{scenario}"),
        behaviour,
        workers: 1,
        stall: None,
        reads_every: 0,
        clock_step: None,
    }
}

impl Run {
    /// Sets the number of workers.
    pub(crate) fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Stalls the generator during this time.
    pub(crate) fn stalled(mut self, during: Range<Nanos>) -> Self {
        self.stall = Some(RunTime::from_nanos(during.start)..RunTime::from_nanos(during.end));
        self
    }

    /// Lets the generator read only at multiples of this time, in nanoseconds.
    pub(crate) fn reads_every(mut self, period: Nanos) -> Self {
        self.reads_every = period;
        self
    }

    /// Times arrivals by the real-time clock, which is set by `by` nanoseconds `at` this time.
    pub(crate) fn wall_clock_set(mut self, at: Nanos, by: i64) -> Self {
        self.clock_step = Some((RunTime::from_nanos(at), by));
        self
    }

    pub(crate) fn go(self) -> Outcome {
        let loaded =
            mychat_scenario::parse("simulated.yaml", &self.scenario).unwrap_or_else(|errors| panic!("{errors}"));
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let reply_timeout = plan.scenario.timeout;
        let protocol = ProtocolSettings { framing: Framing::Lf, reply_framing: Framing::Lf, reply_timeout };
        let shared = Arc::new(SharedState::new(plan, protocol, self.workers, DeliveryRules::default()));
        let net = Rc::new(RefCell::new(Net::default()));
        net.borrow_mut().stall = self.stall;
        let clock = net.borrow().clock.clone();
        let wire = |worker| SimWire { worker, net: Rc::clone(&net) };
        let workers = (0..self.workers)
            .map(|index| Worker::new(Arc::clone(&shared), wire(index as usize), clock.clone(), index, self.workers))
            .collect();
        let wall = self.clock_step.map(|step| TwoClocks { clock: clock.clone(), step });
        let arrivals = wall.clone().map(ArrivalClock::new);
        let server = Model::new(self.behaviour, &mut net.borrow_mut());
        let groups = shared.plan.scenario.groups.len() as u16;
        let intervals = Intervals::new(Shape { stages: shared.plan.stages.len() as u16, groups }, S);
        World {
            shared,
            net,
            clock,
            workers,
            server,
            intervals,
            draining_since: None,
            drained: 0,
            reads_every: self.reads_every,
            wall,
            arrivals,
        }
        .run()
    }
}

struct World {
    shared: Arc<SharedState>,
    net: Rc<RefCell<Net>>,
    clock: SimClock,
    workers: Vec<Worker<SimWire, SimClock>>,
    server: Model,
    intervals: Intervals,
    /// Start of the drain.
    draining_since: Option<RunTime>,
    drained: Nanos,
    reads_every: Nanos,
    wall: Option<TwoClocks>,
    /// One for all workers: they run in one thread.
    arrivals: Option<ArrivalClock<TwoClocks>>,
}

impl WorkerSet for World {
    fn shared(&self) -> &Arc<SharedState> {
        &self.shared
    }

    fn now(&self) -> RunTime {
        self.clock.now()
    }

    fn start_logins(&mut self) {
        self.workers.iter_mut().for_each(|worker| worker.start_logins(RunTime::ZERO));
    }

    fn end_interval(&mut self, at: RunTime) {
        self.intervals.end(at, self.workers.len());
    }

    fn is_interval_pending(&self) -> bool {
        self.intervals.is_pending()
    }

    fn start_load(&mut self, start: RunTime) {
        self.workers.iter_mut().for_each(|worker| worker.start_load(start));
    }

    fn is_aborted(&self) -> bool {
        false
    }

    async fn wait(&mut self, _phase: Phase) -> Result<(), LoadError> {
        if self.intervals.is_pending() {
            self.close_interval();
        }
        self.advance(MS);
        if let Some(at) = self.intervals.due(self.clock.now()) {
            self.end_interval(at);
            self.close_interval();
        }
        Ok(())
    }

    async fn outstanding(&mut self, accounting: Option<&Arc<Accounting>>) -> Result<Outstanding, LoadError> {
        let since = *self.draining_since.get_or_insert(self.clock.now());
        let Some(accounting) = accounting else { return Ok(Outstanding::default()) };
        // As in a real run, the workers take some time to answer.
        self.advance(2 * MS);
        let outstanding: Outstanding = self.workers.iter_mut().map(|worker| worker.outstanding(accounting)).sum();
        if outstanding.owed == 0 {
            self.drained = self.clock.now().since(since);
        }
        Ok(outstanding)
    }

    async fn finish(&mut self) -> Result<Vec<WorkerResult>, LoadError> {
        let mut results = Vec::new();
        for index in 0..self.workers.len() {
            results.push(self.workers[index].finish());
            // The other workers go on reading for a moment.
            self.advance(MS);
        }
        self.workers.iter_mut().for_each(Worker::close_all);
        Ok(results)
    }
}

/// Completes a future that never waits: simulated time passes inside of it.
fn complete<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing in a simulated run waits"),
    }
}

impl World {
    fn run(mut self) -> Outcome {
        let interrupted = complete(run_phases(&mut self, &Notify::new())).expect("no thread can fail");
        assert!(!interrupted);
        let length = self.clock.now();
        let mut results = RunResults::default();
        for result in complete(WorkerSet::finish(&mut self)).expect("no thread can fail") {
            self.intervals.add(&result.recorder);
            results.add(result);
        }
        self.intervals.close(&self.shared, length);
        let (recorder, timeline) = self.intervals.into_parts();
        // Stricter than a real run, which gives a list the time of the reply timeout.
        let missing_in_roster = results.last_lists.missing(&results.sessions, length);
        let seen = results.assemble(&self.shared, recorder, length);
        let assessment = assess(&self.shared.plan, &seen);
        let written = self.server.chaos.map(Chaos::written).unwrap_or_default();
        let Model { repeated, corrupted, unanswered, disordered, rooms, .. } = self.server;
        Outcome {
            recorder: seen.recorder,
            timeline,
            reconciliation: seen.reconciliation,
            examples: seen.examples.into_sorted().into_iter().map(|example| example.what).collect(),
            assessment,
            sessions: seen.sessions,
            blocked: seen.blocked,
            stall: seen.stall,
            receive_lag: seen.receive_lag,
            clock_steps: self.arrivals.map_or(0, |clock| clock.steps()),
            drained: self.drained,
            repeated,
            corrupted,
            unanswered,
            disordered,
            room_faults: rooms.committed,
            written,
            missing_in_roster,
        }
    }

    /// Takes every worker's samples of the interval that is over.
    fn close_interval(&mut self) {
        let shape = self.intervals.shape();
        for worker in &mut self.workers {
            self.intervals.receive(&worker.swap_recorder(Box::new(Recorder::new(shape))));
        }
        self.intervals.close_pending(&self.shared);
    }

    /// Lets simulated time pass.
    fn advance(&mut self, time: Nanos) {
        let until = self.clock.now() + time;
        loop {
            let event = self.net.borrow_mut().next(until);
            let Some(event) = event else { break };
            let is_for_generator = event.is_for_generator();
            self.handle(event);
            let now = self.clock.now();
            for worker in self.workers.iter_mut().filter(|_| is_for_generator) {
                // Confirmations reach the other workers at once.
                worker.take_confirmations();
                worker.run_timers_if_due(now);
            }
        }
        self.clock.set(until);
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Wake(worker) => self.workers[worker].run_timers(),
            Event::Opened((worker, conn)) => self.workers[worker].opened(conn),
            Event::Writable((worker, conn)) => self.workers[worker].writable(conn),
            Event::AtUser(end, bytes) => {
                let mut net = self.net.borrow_mut();
                if let Some(pipe) = net.pipes.get_mut(&end) {
                    pipe.arrived.extend_from_slice(&bytes);
                    pipe.stamp = self.wall.as_ref().map(TwoClocks::wall).unwrap_or_default();
                    let read = now.nanos().next_multiple_of(self.reads_every.max(1));
                    net.put(RunTime::from_nanos(read), Event::Readable(end));
                }
            }
            Event::Readable(end) => {
                let read = self.net.borrow_mut().read(end);
                if let Some((bytes, stamp)) = read {
                    self.received(end, stamp, &bytes);
                }
            }
            Event::Over(end) => {
                let pipe = self.net.borrow_mut().pipes.remove(&end);
                let Some(pipe) = pipe else { return };
                if !pipe.arrived.is_empty() {
                    self.received(end, pipe.stamp, &pipe.arrived);
                }
                self.workers[end.0].closed(end.1, &DisconnectReason::Eof);
            }
            event => self.server.handle_event(event, &mut self.net.borrow_mut()),
        }
    }

    /// Hands over bytes that are read now. The last of them arrived at `stamp`.
    fn received(&mut self, end: Endpoint, stamp: Duration, bytes: &[u8]) {
        let now = self.clock.now();
        let arrived = self.arrivals.as_mut().map_or(now, |clock| clock.arrival(stamp, now));
        self.workers[end.0].record_receive_lag(now.since(arrived));
        self.workers[end.0].received(end.1, now, arrived, bytes);
    }
}

impl Outcome {
    pub(crate) fn count(&self, count: Count) -> u64 {
        self.recorder.total(count, |_| true)
    }

    /// The expectations that do not hold, each with its note.
    pub(crate) fn broken(&self) -> Vec<(&str, &str)> {
        let broken = self.assessment.expectations.iter().filter(|expectation| expectation.ok == Some(false));
        broken.map(|expectation| (expectation.text.as_str(), expectation.note.as_deref().unwrap_or_default())).collect()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.reconciliation.lost(|_| true)
    }

    pub(crate) fn latency(&self, metric: LatencyMetric) -> Latency {
        self.recorder.latency(metric, |_| true)
    }

    /// A quantile in microseconds.
    pub(crate) fn quantile(&self, metric: LatencyMetric, quantile: f64) -> f64 {
        self.latency(metric).histogram.value_at_quantile(quantile) as f64
    }

    /// The longest in microseconds.
    pub(crate) fn longest(&self, metric: LatencyMetric) -> f64 {
        self.latency(metric).histogram.max() as f64
    }

    /// All kinds of violations: lost, duplicated, reordered, misrouted, corrupted, wrong replies, errors, disconnects, disordered.
    pub(crate) fn violations(&self) -> [u64; 9] {
        let count = |count| self.count(count);
        [
            self.lost(),
            count(Count::Duplicated),
            count(Count::Reordered),
            count(Count::Misrouted),
            count(Count::Corrupted),
            count(Count::WrongReplies),
            count(Count::Errors),
            count(Count::Disconnects),
            count(Count::Disordered),
        ]
    }
}
