//! The course of a run: everybody joins, the load, the drain, the end; on worker threads, watched once a second.

mod crew;
mod settle;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::clock::RealClock;
pub use super::observations::{Generator, Observations, Slice};
use super::shared::Shared;
use super::thread::{Hand, Report};
use super::worker::Outstanding;
use crate::plan::Nanos;
use crate::record::recorder::Recorder;

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
/// The drain gives up after so long without a delivery, or after the scenario's own patience where that is longer.
const NO_PROGRESS: Nanos = 2_000_000_000;
/// Once everything has come a run listens on for so long: copies may follow that nobody is owed.
const AFTERMATH: Nanos = 400_000_000;
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
    hands: Vec<Hand>,
    reports: UnboundedReceiver<Report>,
    threads: Vec<std::thread::JoinHandle<()>>,
    total: Recorder,
    timeline: Vec<Slice>,
    next_interval: Nanos,
    next_look: Nanos,
    /// Reports of an interval that are still to come.
    awaited: usize,
    interval: Recorder,
    outstanding: Vec<Outstanding>,
    aborted: Option<usize>,
}
