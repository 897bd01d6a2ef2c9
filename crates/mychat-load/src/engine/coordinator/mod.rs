//! A run from the first login to the last reply: starts the worker threads, takes them through the phases, and turns what
//! they recorded into [`Observations`].

mod intervals;
mod phases;
mod results;
mod threads;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

pub use self::intervals::Intervals;
pub use self::phases::{Phase, WorkerSet, run_phases};
pub use self::results::RunResults;
use self::threads::Coordinator;
pub use super::observations::{GeneratorUsage, Liveness, Observations, TimelinePart, TimelineSlice};
use super::shared::SharedState;
use crate::record::receive_figures::ArrivalSource;
use crate::record::recorder::Recorder;

/// Settings of a run that are not part of its plan.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Address of the server.
    pub address: SocketAddr,
    /// Local addresses to connect from, in rotation; empty leaves the choice to the system.
    pub sources: Arc<[IpAddr]>,
    /// The clock of arrivals. Where the kernel keeps no arrival times, reads count anyway.
    pub arrivals: ArrivalSource,
    /// Number of worker threads.
    pub threads: u32,
    /// Length of one interval of the timeline.
    pub interval: Duration,
}

/// Receives the progress of a run while it goes on.
pub trait RunObserver {
    /// Called about ten times a second.
    fn progress(&mut self, phase: Phase, shared: &SharedState, latest: Option<&TimelineSlice>);

    /// Called at the end of each interval with its samples and its length. Returns the index of the `abort_if` condition that ends the
    /// run, if one is met.
    fn interval_ended(&mut self, shared: &SharedState, recorded: &Recorder, length: Duration) -> Option<usize>;

    /// Called with each line of the timeline when it is complete, except the last one.
    fn timeline_slice(&mut self, _shared: &SharedState, _slice: &TimelineSlice) {}
}

/// A run that ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A worker thread could not be started, or could not wait for its sockets.
    #[error("cannot start a worker thread")]
    WorkerThread(#[source] std::io::Error),
    /// Users of other shards did not log in within two minutes.
    #[error(
        "the other shards did not connect, or the server did not accept all of their users: after {} s its lists showed \
         {seen} of \
         their {others} users",
        phases::SHARD_TIMEOUT / 1_000_000_000
    )]
    MissingShards {
        /// Users of other shards that appeared in a list.
        seen: u64,
        /// All users of other shards.
        others: u64,
    },
    /// A worker thread ended without a result.
    #[error("a worker thread died: this is a bug in mychat-bench")]
    WorkerDied,
}

/// Runs a whole plan. Each notification of `stop` cuts the current part short: first login or load, then the drain.
///
/// # Errors
///
/// See [`LoadError`].
pub async fn run(
    shared: Arc<SharedState>,
    config: RunConfig,
    observer: &mut dyn RunObserver,
    stop: &Notify,
) -> Result<Observations, LoadError> {
    let mut coordinator = Coordinator::start(&shared, &config, observer)?;
    let interrupted = run_phases(&mut coordinator, stop).await?;
    coordinator.finish(interrupted).await
}
