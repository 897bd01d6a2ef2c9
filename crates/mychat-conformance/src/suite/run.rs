//! Runs the selected checks. After each check the server's liveness is tested; checks of all connections are judged last.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::abilities::keep_first_transcripts;
use super::catalogue::Check;
use super::end_of_run::judge;
use super::instance::Instance;
use super::jobs::{CheckResults, Queue};
use super::schedule::Schedule;
use super::server_death::rank_exceptions;
use crate::diagnosis::causes;
use crate::harness::outcome::{Outcome, Status};
use crate::harness::{TestEnv, join_all};
use mychat_scenario::model::Case;

/// The check that fails if the server accepts no user.
pub const CONNECT_CHECK: &str = "conn.ack-ok";
/// The reason of checks that were not run because the user interrupted the run.
pub const INTERRUPTED: &str = "the run was interrupted";

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// One environment per job: the server, or an instance of it.
    pub instances: Vec<TestEnv>,
    /// True if checks that flood the server may run.
    pub may_flood: bool,
    /// The longest duration of the run. Checks that are not finished by then are inconclusive.
    pub max_duration: Duration,
    /// Notified to interrupt the run.
    pub stop: Arc<Notify>,
}

/// Progress of a run.
#[derive(Debug)]
pub enum Event<'o> {
    /// A check begins.
    Started(&'o Case),
    /// A check is finished.
    Done(&'o Outcome),
}

/// The reason for the end of a run.
enum RunEnd {
    Completed,
    Interrupted,
    TimedOut,
}

/// Runs checks and returns one outcome for each, in their order.
pub async fn run(checks: &[&Check], options: &Options, events: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<Outcome> {
    let can_restart = options.instances.iter().all(|env| env.watch.is_some());
    let schedule = Schedule::of(checks, can_restart);
    let shared = CheckResults::new(options.may_flood);
    let events = Mutex::new(events);
    let report = |event: Event<'_>| events.lock().unwrap_or_else(PoisonError::into_inner)(event);
    let end = tokio::select! {
        () = run_scheduled(schedule, &options.instances, &shared, &report) => RunEnd::Completed,
        () = options.stop.notified() => RunEnd::Interrupted,
        () = tokio::time::sleep(options.max_duration) => RunEnd::TimedOut,
    };
    let reason = match end {
        RunEnd::Completed => "no instance of the server was left to run it on".to_owned(),
        RunEnd::Interrupted => INTERRUPTED.to_owned(),
        RunEnd::TimedOut => format!("the whole run took longer than {} s", options.max_duration.as_secs()),
    };
    let mut outcomes = shared.take();
    // Checks that were not finished or not started.
    for (index, check) in checks.iter().enumerate() {
        if !outcomes.iter().any(|(done, _)| *done == index) {
            let outcome = Outcome::not_run(&check.case, Status::Inconclusive, &reason);
            report(Event::Done(&outcome));
            outcomes.push((index, outcome));
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    keep_first_transcripts(&mut outcomes);
    rank_exceptions(&mut outcomes);
    causes::choose(&mut outcomes);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Runs the checks of a schedule on all instances of the server.
async fn run_scheduled(
    schedule: Schedule<'_>,
    instances: &[TestEnv],
    shared: &CheckResults,
    report: &impl Fn(Event<'_>),
) {
    let mut servers: Vec<Instance<'_>> = instances.iter().map(Instance::new).collect();
    // Measure all instances before the first check: a dead one must not take a check that another one could run.
    join_all(servers.iter_mut().map(Instance::measure).collect()).await;
    let queue = Queue::new(schedule.parallel, servers.len());
    // With several instances, the last one runs the slow checks first.
    let has_slow_instance = instances.len() > 1 && !schedule.slow.is_empty();
    let (fast, slow) = servers.split_at_mut(instances.len() - usize::from(has_slow_instance));
    let (slow_checks, checks) = (&schedule.slow, &queue);
    let slow_jobs = slow.iter_mut().map(|server| async move {
        server.run_side_by_side(slow_checks, shared, report).await;
        server.job(checks, shared, report).await;
    });
    let fast_jobs = async {
        join_all(fast.iter_mut().map(|server| server.job(checks, shared, report)).collect()).await;
        checks.finished().await;
        // Checks that measure time or use the whole machine run alone, on an instance that still serves users.
        fast.sort_by_key(|server| server.unusable.is_some());
        if let Some(server) = fast.first_mut() {
            if !has_slow_instance {
                server.run_side_by_side(slow_checks, shared, report).await;
            }
            server.job(&Queue::new(schedule.exclusive, 1), shared, report).await;
        }
    };
    tokio::join!(join_all(slow_jobs.collect()), fast_jobs);
    if let Some(server) = servers.first() {
        let mut unusable = server.unusable.clone();
        for (index, check) in schedule.end_of_run {
            let outcome = judge(&check.case, server.env(), &mut unusable, shared).await;
            report(Event::Done(&outcome));
            shared.done(index, outcome);
        }
    }
}
