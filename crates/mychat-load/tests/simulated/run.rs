//! A whole run in simulated time: what the conductor does with threads, done with events.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mychat_load::engine::clock::Clock as _;
use mychat_load::engine::shared::{Shared, Talk};
use mychat_load::engine::wire::Ended;
use mychat_load::engine::worker::{Outstanding, Patience, Worker};
use mychat_load::plan::{Nanos, Plan};
use mychat_load::reconcile::{Accounting, record_fanout};
use mychat_load::reconcile::{DeliveryRules, Reconciliation};
use mychat_load::reconcile::{FinalRosters, MissingInRoster};
use mychat_load::record::fanout::FanOut;
use mychat_load::record::recorder::{Count, Latency, LatencyMetric, Recorder};
use mychat_load::record::session::UserSession;
use mychat_proto::Framing;

use super::chaos::Chaos;
use super::net::{Event, Net, SimClock, SimWire};
use super::server::{Manners, Model};

pub(crate) const MS: Nanos = 1_000_000;
pub(crate) const S: Nanos = 1_000_000_000;

/// A run to be done.
pub(crate) struct Run {
    scenario: String,
    manners: Manners,
    workers: u32,
    stall: Option<Range<Nanos>>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) recorder: Recorder,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) visits: Vec<UserSession>,
    pub(crate) blocked: Nanos,
    pub(crate) stall: Nanos,
    /// From the end of the load to the end of the drain.
    pub(crate) drained: Nanos,
    /// What the server sent to somebody who had got it in an earlier visit.
    pub(crate) repeated: u64,
    /// How many deliveries it mangled.
    pub(crate) mangled: u64,
    /// How many answers it left out.
    pub(crate) unanswered: u64,
    /// Where deliveries met chaos: what each user was given.
    pub(crate) given: Vec<Vec<u8>>,
    /// Who was there and missing in somebody's last list.
    pub(crate) unlisted: Vec<MissingInRoster>,
}

/// `users:` and `load:` of a scenario, against a server of these manners.
pub(crate) fn run(scenario: &str, manners: Manners) -> Run {
    Run { scenario: format!("name: simulated\nseed: 1\n{scenario}"), manners, workers: 1, stall: None }
}

impl Run {
    /// On so many workers.
    pub(crate) fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// The generator stands still during this time.
    pub(crate) fn stalled(mut self, during: Range<Nanos>) -> Self {
        self.stall = Some(during);
        self
    }

    pub(crate) fn go(self) -> Outcome {
        let loaded =
            mychat_scenario::parse("simulated.yaml", &self.scenario).unwrap_or_else(|errors| panic!("{errors}"));
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let talk = Talk { framing: Framing::Lf, replies: Framing::Lf, timeout: plan.scenario.timeout };
        let shared = Arc::new(Shared::new(plan, talk, self.workers, DeliveryRules::default()));
        let net = Rc::new(RefCell::new(Net::default()));
        net.borrow_mut().stall = self.stall;
        let clock = net.borrow().clock.clone();
        let wire = |worker| SimWire { worker, net: Rc::clone(&net) };
        let workers = (0..self.workers)
            .map(|index| Worker::new(Arc::clone(&shared), wire(index as usize), clock.clone(), index, self.workers))
            .collect();
        let server = Model::new(self.manners, &mut net.borrow_mut());
        World { shared, net, clock, workers, server }.course()
    }
}

struct World {
    shared: Arc<Shared>,
    net: Rc<RefCell<Net>>,
    clock: SimClock,
    workers: Vec<Worker<SimWire, SimClock>>,
    server: Model,
}

impl World {
    fn course(mut self) -> Outcome {
        let live = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        self.workers.iter_mut().for_each(|worker| worker.join(0));
        while live(&self.shared.live.settled) < self.shared.plan.users.len() as u64 {
            self.pass(MS);
        }
        let load_start = self.clock.now() + 20 * MS;
        self.workers.iter_mut().for_each(|worker| worker.load(load_start));
        let end = load_start + self.shared.plan.end();
        self.pass(end - self.clock.now());
        while live(&self.shared.live.acting) > 0 {
            self.pass(MS);
        }
        self.shared.live.stop.store(true, Ordering::Relaxed);
        let stopped = self.clock.now();
        let books = Accounting::new(&self.shared.plan, &self.shared.sent);
        let mut patience = Patience::new(2 * S, stopped);
        loop {
            let outstanding: Outstanding = self.workers.iter_mut().map(|worker| worker.outstanding(&books)).sum();
            if outstanding.owed == 0 || patience.is_over(outstanding, self.clock.now()) {
                break;
            }
            self.pass(20 * MS);
        }
        let drained = self.clock.now() - stopped;
        self.finish(load_start, drained)
    }

    fn finish(mut self, load_start: Nanos, drained: Nanos) -> Outcome {
        let mut recorder = *self.workers[0].empty_recorder();
        let (mut visits, mut fanout, mut blocked, mut stall) = (Vec::new(), FanOut::default(), 0, 0);
        let (quiet, mut last_lists) = (self.clock.now(), FinalRosters::default());
        for index in 0..self.workers.len() {
            let seen = self.workers[index].finish();
            // The others listen on for a moment.
            self.pass(MS);
            last_lists.merge(seen.last_lists);
            recorder.merge(&seen.recorder);
            fanout.merge(seen.fanout);
            visits.extend(seen.visits);
            blocked += seen.blocked;
            stall = stall.max(seen.stall);
        }
        self.workers.iter_mut().for_each(Worker::leave_all);
        let plan = &self.shared.plan;
        let books = Accounting::new(plan, &self.shared.sent);
        let reconciliation = books.reconcile(plan, &self.shared.sent, visits.iter(), self.shared.reading);
        let lost_latency = &reconciliation.lost_latency;
        lost_latency.record(quiet, |sender, index| fanout.has(sender, index), &mut recorder);
        record_fanout(&fanout, plan, load_start, (lost_latency, quiet), &mut recorder);
        let unlisted = last_lists.missing(&visits, quiet);
        let given = self.server.chaos.map(Chaos::given).unwrap_or_default();
        let Model { repeated, mangled, unanswered, .. } = self.server;
        Outcome {
            recorder,
            reconciliation,
            visits,
            blocked,
            stall,
            drained,
            repeated,
            mangled,
            unanswered,
            given,
            unlisted,
        }
    }

    /// Lets simulated time pass.
    fn pass(&mut self, time: Nanos) {
        let until = self.clock.now() + time;
        loop {
            let event = self.net.borrow_mut().next(until);
            let Some(event) = event else { break };
            let theirs = event.is_the_generators();
            self.happens(event);
            let now = self.clock.now();
            for worker in self.workers.iter_mut().filter(|_| theirs) {
                // Letters between workers go at once.
                worker.collect();
                worker.attend(now);
            }
        }
        self.clock.set(until);
    }

    fn happens(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Wake(worker) => self.workers[worker].run_due(),
            Event::Opened((worker, line)) => self.workers[worker].opened(line),
            Event::Writable((worker, line)) => self.workers[worker].writable(line),
            Event::AtUser(end, bytes) => {
                let mut net = self.net.borrow_mut();
                if let Some(pipe) = net.pipes.get_mut(&end) {
                    pipe.arrived.extend_from_slice(&bytes);
                    net.put(now, Event::Readable(end));
                }
            }
            Event::Readable(end) => {
                let bytes = self.net.borrow_mut().read(end);
                if let Some(bytes) = bytes {
                    self.workers[end.0].received(end.1, now, &bytes);
                }
            }
            Event::Over(end) => {
                let gone = self.net.borrow_mut().pipes.remove(&end);
                let Some(pipe) = gone else { return };
                if !pipe.arrived.is_empty() {
                    self.workers[end.0].received(end.1, now, &pipe.arrived);
                }
                self.workers[end.0].ended(end.1, &Ended::Eof);
            }
            event => self.server.takes(event, &mut self.net.borrow_mut()),
        }
    }
}

impl Outcome {
    pub(crate) fn count(&self, count: Count) -> u64 {
        self.recorder.total(count, |_| true)
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

    /// All kinds of violations: lost, duplicated, reordered, misrouted, corrupted, wrong replies, errors, disconnects.
    pub(crate) fn violations(&self) -> [u64; 8] {
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
        ]
    }
}
