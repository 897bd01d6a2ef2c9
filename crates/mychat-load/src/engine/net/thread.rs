//! One worker thread: takes turns over the users' sockets, and between two turns the coordinator's commands.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use mio::{Events, Poll};
use mychat_os::ThreadWaker;
use tokio::sync::mpsc::UnboundedSender;

use super::event_poller::{EventPoller, WAKER};
use super::socket_table::TcpWire;
use super::turn::{TcpWorker, turn};
use crate::engine::arrival_clock::ArrivalClock;
use crate::engine::clock::{Clock as _, RealClock};
use crate::engine::shared::SharedState;
use crate::engine::worker::{Outstanding, Worker, WorkerResult};
use crate::plan::RunTime;
use crate::reconcile::Accounting;
use crate::record::receive_figures::ArrivalSource;
use crate::record::recorder::Recorder;

/// A command of the coordinator. There are a handful a second at most, so that the channels need no bound.
#[derive(Debug)]
pub(in crate::engine) enum WorkerCommand {
    /// Log the users in, from this time on.
    Join(RunTime),
    /// Start the load at this time.
    Load(RunTime),
    /// Hand over the samples of the interval that has ended, and continue with this recorder.
    Interval(Box<Recorder>),
    /// Report what is outstanding. Without accounts the reply only says that nothing is being sent any more.
    Outstanding(Option<Arc<Accounting>>),
    /// End.
    Finish,
}

/// A report of a worker.
#[derive(Debug)]
pub(in crate::engine) enum WorkerEvent {
    /// Samples of an interval.
    Interval(Box<Recorder>),
    /// Reply to [`WorkerCommand::Outstanding`].
    Outstanding(Outstanding),
    /// Everything else, at the end.
    Finished(Box<WorkerResult>),
    /// The thread could not start, or could not wait for its sockets.
    Failed(std::io::Error),
}

/// Arguments of a worker thread.
pub(in crate::engine) struct WorkerContext {
    /// Index of the worker among the workers of all shards.
    pub(in crate::engine) index: u32,
    /// Number of workers of all shards.
    pub(in crate::engine) count: u32,
    pub(in crate::engine) address: SocketAddr,
    pub(in crate::engine) sources: Arc<[IpAddr]>,
    pub(in crate::engine) arrivals: ArrivalSource,
    pub(in crate::engine) clock: RealClock,
    pub(in crate::engine) commands: Receiver<WorkerCommand>,
    pub(in crate::engine) events: UnboundedSender<WorkerEvent>,
    pub(in crate::engine) poll: Poll,
    /// True if the thread has a core to itself.
    pub(in crate::engine) own_core: bool,
}

/// The coordinator's end of a worker. Dropping it lets the worker close its connections and end.
#[derive(Debug)]
pub(in crate::engine) struct WorkerHandle {
    commands: Option<Sender<WorkerCommand>>,
    waker: Arc<ThreadWaker>,
}

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

/// The shortest scheduler time slice that Linux grants.
const TIME_SLICE: Duration = Duration::from_micros(100);

impl WorkerHandle {
    /// A handle, and what the thread at the other end needs: its commands and the poll that the handle's waker wakes.
    pub(in crate::engine) fn new() -> std::io::Result<(Self, Receiver<WorkerCommand>, Poll)> {
        let poll = Poll::new()?;
        let waker = Arc::new(ThreadWaker::new(poll.registry(), WAKER)?);
        let (commands, received) = channel();
        Ok((Self { commands: Some(commands), waker }, received, poll))
    }

    /// Returns what wakes the worker's poll.
    pub(in crate::engine) fn waker(&self) -> &Arc<ThreadWaker> {
        &self.waker
    }

    /// Sends a command from the coordinator's thread to the worker's.
    ///
    /// The command is in the channel before the waker is used. A worker that looks at the channel and then waits is woken by
    /// the waker, which stays set until the poll has reported it: no command is left in the channel during a wait.
    pub(in crate::engine) fn send(&self, command: WorkerCommand) {
        if let Some(commands) = &self.commands {
            // A worker that has ended has reported why, or is found missing when its report is awaited.
            let _ = commands.send(command);
            self.waker.wake();
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.waker.wake();
    }
}

/// Runs a worker to its end.
pub(in crate::engine) fn run(shared: Arc<SharedState>, context: WorkerContext) {
    let events = context.events.clone();
    // A due message must not wait for the end of another thread's time slice on this core. Without the request the run is late
    // at times, and reports it.
    let _ = mychat_os::request_short_time_slice(TIME_SLICE);
    if let Err(error) = run_worker(shared, context) {
        // The coordinator keeps its receiver until every worker has reported.
        drop(events.send(WorkerEvent::Failed(error)));
    }
}

fn run_worker(shared: Arc<SharedState>, context: WorkerContext) -> std::io::Result<()> {
    let arrivals = (context.arrivals == ArrivalSource::Kernel).then(|| ArrivalClock::new(context.clock));
    let poller = EventPoller::new(context.clock, context.poll, context.own_core)?;
    let wire = TcpWire::new(context.address, context.sources, poller, arrivals);
    let mut worker = Worker::new(shared, wire, context.clock, context.index, context.count);
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match context.commands.try_recv() {
            Ok(WorkerCommand::Finish) | Err(TryRecvError::Disconnected) => break,
            Ok(command) => handle_command(&mut worker, command, &context.events),
            Err(TryRecvError::Empty) => turn(&mut worker, &mut events)?,
        }
    }
    let now = worker.clock.now();
    for lag in worker.wire.pending_lags(now) {
        worker.record_receive_lag(lag);
    }
    let mut result = worker.finish();
    result.receive = worker.wire.figures();
    result.busy_wait = worker.wire.poller.busy_wait();
    let _ = context.events.send(WorkerEvent::Finished(Box::new(result)));
    // The coordinator drops all handles at once, when every worker has reported. Until then the connections stay open.
    while context.commands.recv().is_ok() {}
    worker.close_all();
    Ok(())
}

fn handle_command(worker: &mut TcpWorker, command: WorkerCommand, events: &UnboundedSender<WorkerEvent>) {
    match command {
        WorkerCommand::Join(start) => worker.start_logins(start),
        WorkerCommand::Load(start) => worker.start_load(start),
        WorkerCommand::Interval(empty) => {
            let recorded = worker.swap_recorder(empty);
            let _ = events.send(WorkerEvent::Interval(recorded));
        }
        WorkerCommand::Outstanding(accounting) => {
            let outstanding =
                accounting.map_or_else(Outstanding::default, |accounting| worker.outstanding(&accounting));
            let _ = events.send(WorkerEvent::Outstanding(outstanding));
        }
        WorkerCommand::Finish => {}
    }
}
