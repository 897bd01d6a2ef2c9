//! The phases of a run: login, load, drain. One function over [`WorkerSet`], so that the simulated tests run the same code
//! as a real run over threads and sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;

use super::LoadError;
use crate::engine::shared::SharedState;
use crate::engine::worker::{DrainTimeout, Outstanding, WorkerResult};
use crate::plan::{LoadTime, Nanos, RunTime, nanos};
use crate::reconcile::Accounting;

/// Pause between two looks at the state of a run.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// The drain gives up after this long without a delivery, or after the scenario's `timeout` where that is longer.
const DRAIN_TIMEOUT: Nanos = 2_000_000_000;
/// Time for which a run keeps listening after the last owed delivery: a server may still send duplicates. After a duplicate
/// it listens for another reply timeout.
const DUPLICATE_WAIT: Nanos = 400_000_000;
/// Time for which one shard waits for the users of the others.
pub(super) const SHARD_TIMEOUT: Nanos = 120_000_000_000;
/// Time after the end of the load in which a late generator may still send what was scheduled.
const OVERTIME: Nanos = 30_000_000_000;

/// Current part of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase {
    /// Users log in.
    Joining,
    /// The load is at this time.
    Load(LoadTime),
    /// The load is over; messages in flight may still arrive.
    Draining,
}

/// The workers of one run, as its phases see them: threads with sockets in production, a simulated clock and network in
/// tests.
#[expect(async_fn_in_trait, reason = "a run stays on the task that started it, so its futures need not be `Send`")]
pub trait WorkerSet {
    /// State that all workers share.
    fn shared(&self) -> &Arc<SharedState>;
    /// Returns the time of the run.
    fn now(&self) -> RunTime;
    /// Tells every worker to log its users in.
    fn start_logins(&mut self);
    /// Ends the current interval of the timeline at `at`.
    fn end_interval(&mut self, at: RunTime);
    /// Returns true while some worker has not yet handed over its samples of the interval that ended last.
    fn is_interval_pending(&self) -> bool;
    /// Tells every worker that the load starts at `start`.
    fn start_load(&mut self, start: RunTime);
    /// Returns true once an `abort_if` condition of the scenario has been met.
    fn is_aborted(&self) -> bool;
    /// Lets a short time pass: at most 20 ms.
    async fn wait(&mut self, phase: Phase) -> Result<(), LoadError>;
    /// Adds up what every worker still waits for. Without `accounting` the answer is zero, and says only that no worker is
    /// sending any more.
    async fn outstanding(&mut self, accounting: Option<&Arc<Accounting>>) -> Result<Outstanding, LoadError>;
    /// Ends every worker and returns what each of them recorded.
    async fn finish(&mut self) -> Result<Vec<WorkerResult>, LoadError>;
}

/// Runs login, load and drain. Each notification of `stop` cuts the current part short: first login or load, then the
/// drain. Returns true if the run was interrupted.
pub async fn run_phases(workers: &mut impl WorkerSet, stop: &Notify) -> Result<bool, LoadError> {
    let mut interrupted = tokio::select! {
        result = join_and_load(workers) => { result?; false }
        () = stop.notified() => true,
    };
    // Relaxed suffices: the workers need only see the flag soon. The drain's first round trip through the command channels
    // orders their last sends before the accounts are drawn up.
    workers.shared().live.stop.store(true, Ordering::Relaxed);
    tokio::select! {
        result = drain(workers) => result?,
        () = stop.notified() => interrupted = true,
    }
    Ok(interrupted)
}

/// Logs all users in and runs the load from its first stage to its last.
async fn join_and_load(workers: &mut impl WorkerSet) -> Result<(), LoadError> {
    let shared = Arc::clone(workers.shared());
    let users = u64::from(shared.plan.own_users());
    workers.start_logins();
    while shared.live.logins_done.load(Ordering::Relaxed) < users {
        workers.wait(Phase::Joining).await?;
    }
    if shared.live.connected.load(Ordering::Relaxed) == 0 {
        // Every login failed: no user can send anything.
        return Ok(());
    }
    wait_for_shards(workers, &shared).await?;
    while workers.is_interval_pending() {
        workers.wait(Phase::Joining).await?;
    }
    let start = workers.now() + nanos(TICK);
    // An interval ends where the load begins: it holds only samples of the login phase.
    workers.end_interval(start);
    // Published before any worker receives `Load`: a recipient on another thread needs it for the first message.
    shared.load_start.get_or_init(|| start);
    shared.log_remote_sends(start);
    workers.start_load(start);
    let end = shared.plan.end().in_run(start);
    loop {
        let now = workers.now();
        let is_sent = shared.live.active_programs.load(Ordering::Relaxed) == 0 || now > end + OVERTIME;
        if now >= end && is_sent || workers.is_aborted() {
            return Ok(());
        }
        workers.wait(Phase::Load(now.in_load(start))).await?;
    }
}

/// Waits until the server's user lists have shown the users of all other shards. The shards have no common clock, and a
/// user that is listed before the load begins is owed every broadcast of it.
async fn wait_for_shards(workers: &mut impl WorkerSet, shared: &SharedState) -> Result<(), LoadError> {
    let others = shared.plan.users.len() as u64 - u64::from(shared.plan.own_users());
    let until = workers.now() + SHARD_TIMEOUT;
    loop {
        let seen = shared.live.remote_users.load(Ordering::Relaxed);
        if seen >= others {
            return Ok(());
        }
        if workers.now() > until {
            return Err(LoadError::MissingShards { seen, others });
        }
        workers.wait(Phase::Joining).await?;
    }
}

/// Waits until everything owed has arrived, or nothing has arrived for the length of the timeout.
async fn drain(workers: &mut impl WorkerSet) -> Result<(), LoadError> {
    let shared = Arc::clone(workers.shared());
    // Each worker answers between two turns. After this no worker is in the middle of a send, and the logs are complete.
    workers.outstanding(None).await?;
    let accounting = Arc::new(Accounting::new(&shared.plan, &shared.sent));
    let mut timeout = DrainTimeout::new(nanos(shared.protocol.reply_timeout).max(DRAIN_TIMEOUT), workers.now());
    loop {
        let requested_at = workers.now();
        let (outstanding, now) = (workers.outstanding(Some(&accounting)).await?, workers.now());
        if outstanding.owed == 0 {
            break;
        }
        if timeout.observe(outstanding, now) {
            return Ok(());
        }
        // Counting costs the workers time: nine tenths of it stay free for reading.
        while workers.now() < now + 9 * now.since(requested_at) {
            workers.wait(Phase::Draining).await?;
        }
    }
    if shared.load_start.get().is_some() { await_duplicates(workers, &shared).await } else { Ok(()) }
}

/// Keeps listening for copies of messages that have arrived.
async fn await_duplicates(workers: &mut impl WorkerSet, shared: &SharedState) -> Result<(), LoadError> {
    let (start, quiet) = (workers.now(), nanos(shared.protocol.reply_timeout));
    let (mut seen, mut until) = (0, start + DUPLICATE_WAIT);
    while workers.now() < until.min(start + OVERTIME) {
        workers.wait(Phase::Draining).await?;
        let duplicated = shared.live.duplicated.load(Ordering::Relaxed);
        if duplicated > seen {
            (seen, until) = (duplicated, until.max(workers.now() + quiet));
        }
    }
    Ok(())
}
