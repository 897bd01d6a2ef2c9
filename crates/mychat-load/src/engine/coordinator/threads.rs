//! The coordinator: owns the handles of the worker threads, sends them commands and takes their events.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::intervals::Intervals;
use super::phases::{Phase, WorkerSet};
use super::results::RunResults;
use super::{LoadError, Observations, RunConfig, RunObserver};
use crate::engine::clock::{Clock as _, RealClock};
use crate::engine::net::affinity;
use crate::engine::net::thread::{self, WorkerCommand, WorkerContext, WorkerEvent, WorkerHandle};
use crate::engine::observations::usage;
use crate::engine::shared::SharedState;
use crate::engine::worker::{Outstanding, WorkerResult};
use crate::plan::{Nanos, RunTime, nanos};
use crate::reconcile::Accounting;
use crate::record::recorder::{Recorder, Shape};

/// Time between two calls of [`RunObserver::progress`].
const PROGRESS_EVERY: Nanos = 100_000_000;

/// The worker threads of a run, and what they have reported so far.
pub(super) struct Coordinator<'r> {
    shared: &'r Arc<SharedState>,
    observer: &'r mut dyn RunObserver,
    clock: RealClock,
    worker_count: u32,
    handles: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    events: UnboundedReceiver<WorkerEvent>,
    intervals: Intervals,
    /// Time of the next call of [`RunObserver::progress`].
    next_progress: RunTime,
    /// Replies to the last [`WorkerCommand::Outstanding`].
    outstanding: Vec<Outstanding>,
    /// Index of the `abort_if` condition that was met.
    aborted: Option<usize>,
}

impl<'r> Coordinator<'r> {
    /// Starts the worker threads. The run's clock starts here.
    pub(super) fn start(
        shared: &'r Arc<SharedState>,
        config: &RunConfig,
        observer: &'r mut dyn RunObserver,
    ) -> Result<Self, LoadError> {
        let clock = RealClock::start();
        let (sender, events) = unbounded_channel();
        let part = shared.plan.shard;
        let own_core = affinity::cores_are_dedicated(config.threads);
        let (mut handles, mut threads) = (Vec::new(), Vec::new());
        for local in 0..config.threads {
            let (handle, commands, poll) = WorkerHandle::new().map_err(LoadError::WorkerThread)?;
            // Workers of all shards are numbered together.
            let index = part.index + part.of * local;
            shared.confirmations[index as usize].set_waker(handle.waker());
            let context = WorkerContext {
                index,
                count: part.of * config.threads,
                address: config.address,
                sources: Arc::clone(&config.sources),
                arrivals: config.arrivals,
                clock,
                commands,
                events: sender.clone(),
                poll,
                own_core,
            };
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new()
                .name(format!("worker-{local}"))
                .spawn(move || thread::run(shared, context))
                .map_err(LoadError::WorkerThread)?;
            handles.push(handle);
            threads.push(thread);
        }
        let groups = shared.plan.scenario.groups.len() as u16;
        let shape = Shape { stages: shared.plan.stages.len() as u16, groups };
        Ok(Self {
            shared,
            observer,
            clock,
            worker_count: config.threads,
            handles,
            threads,
            events,
            intervals: Intervals::new(shape, nanos(config.interval)),
            next_progress: RunTime::ZERO,
            outstanding: Vec::new(),
            aborted: None,
        })
    }

    /// Ends the workers, joins their threads and assembles what they recorded.
    pub(super) async fn finish(mut self, interrupted: bool) -> Result<Observations, LoadError> {
        let end = self.clock.now();
        let mut results = RunResults::default();
        for result in WorkerSet::finish(&mut self).await? {
            self.intervals.add(&result.recorder);
            results.add(result);
        }
        self.intervals.close(self.shared, end);
        // No worker reads any more. Dropping the handles lets them close their connections.
        self.handles.clear();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| LoadError::WorkerDied)?;
        }
        let generator = usage(self.worker_count, results.busy_wait);
        let (recorder, timeline) = self.intervals.into_parts();
        let assembled = results.assemble(self.shared, recorder, end);
        Ok(Observations { timeline, aborted: self.aborted, interrupted, generator, ..assembled })
    }

    fn send_all(&self, command: impl Fn() -> WorkerCommand) {
        for handle in &self.handles {
            handle.send(command());
        }
    }

    /// Takes one event of a worker. Returns true if the event is a reply that the current phase waits for.
    fn handle_event(&mut self, event: WorkerEvent) -> Result<bool, LoadError> {
        match event {
            WorkerEvent::Interval(recorded) => {
                let length = self.intervals.current_length();
                if let Some(samples) = self.intervals.receive(&recorded) {
                    self.aborted = self.aborted.or(self.observer.interval_ended(self.shared, samples, length));
                    let slice = self.intervals.close_pending(self.shared);
                    self.observer.timeline_slice(self.shared, slice);
                }
                Ok(false)
            }
            WorkerEvent::Outstanding(count) => {
                self.outstanding.push(count);
                Ok(true)
            }
            WorkerEvent::Failed(error) => Err(LoadError::WorkerThread(error)),
            WorkerEvent::Finished(_) => Err(LoadError::WorkerDied),
        }
    }
}

impl WorkerSet for Coordinator<'_> {
    fn shared(&self) -> &Arc<SharedState> {
        self.shared
    }

    fn now(&self) -> RunTime {
        self.clock.now()
    }

    fn start_logins(&mut self) {
        self.send_all(|| WorkerCommand::Join(RunTime::ZERO));
    }

    fn end_interval(&mut self, at: RunTime) {
        self.intervals.end(at, self.handles.len());
        let shape = self.intervals.shape();
        self.send_all(|| WorkerCommand::Interval(Box::new(Recorder::new(shape))));
    }

    fn is_interval_pending(&self) -> bool {
        self.intervals.is_pending()
    }

    fn start_load(&mut self, start: RunTime) {
        self.send_all(|| WorkerCommand::Load(start));
    }

    fn is_aborted(&self) -> bool {
        self.aborted.is_some()
    }

    async fn wait(&mut self, phase: Phase) -> Result<(), LoadError> {
        let until = tokio::time::Instant::now() + self.intervals.pause(self.clock.now());
        loop {
            let event = tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                event = self.events.recv() => event.ok_or(LoadError::WorkerDied)?,
            };
            if self.handle_event(event)? {
                break;
            }
        }
        let now = self.clock.now();
        if let Some(at) = self.intervals.due(now) {
            self.end_interval(at);
        }
        if now >= self.next_progress {
            self.next_progress = now + PROGRESS_EVERY;
            self.observer.progress(phase, self.shared, self.intervals.latest());
        }
        Ok(())
    }

    async fn outstanding(&mut self, accounting: Option<&Arc<Accounting>>) -> Result<Outstanding, LoadError> {
        self.outstanding.clear();
        self.send_all(|| WorkerCommand::Outstanding(accounting.map(Arc::clone)));
        while self.outstanding.len() < self.handles.len() {
            self.wait(Phase::Draining).await?;
        }
        Ok(self.outstanding.iter().copied().sum())
    }

    async fn finish(&mut self) -> Result<Vec<WorkerResult>, LoadError> {
        self.send_all(|| WorkerCommand::Finish);
        let mut results = Vec::new();
        while results.len() < self.handles.len() {
            match self.events.recv().await.ok_or(LoadError::WorkerDied)? {
                WorkerEvent::Finished(result) => results.push(*result),
                WorkerEvent::Interval(recorded) => self.intervals.add(&recorded),
                WorkerEvent::Outstanding(_) => {}
                WorkerEvent::Failed(error) => return Err(LoadError::WorkerThread(error)),
            }
        }
        Ok(results)
    }
}
