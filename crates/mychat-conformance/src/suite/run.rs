//! Runs the selected checks. After each check the server's liveness is tested; checks of all connections are judged last.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::abilities::{MissingAbilities, keep_first_transcripts};
use super::catalogue::Check;
use super::end_of_run::{self, judge};
use super::schedule::Schedule;
use super::server_death::{ServerDeath, attach_server_output, output_mark, rank_exceptions};
use crate::diagnosis::causes;
use crate::harness::liveness::{Serving, check_liveness};
use crate::harness::monitor::FrameRule;
use crate::harness::outcome::{Outcome, Status};
use crate::harness::{TestEnv, join_all};
use crate::runner::run_case;
use mychat_scenario::model::{Case, Need};
use mychat_target::spawn::OutputMark;

/// The check that fails if the server accepts no user.
pub const CONNECT_CHECK: &str = "conn.ack-ok";
/// The reason of checks that were not run because the user interrupted the run.
pub const INTERRUPTED: &str = "the run was interrupted";

/// The time for a busy server to finish earlier work and serve new users again.
const CATCHING_UP: Duration = Duration::from_secs(40);

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

/// The results that the jobs of a run share.
pub(super) struct CheckResults {
    outcomes: Mutex<Vec<(usize, Outcome)>>,
    /// The first check after which the server served no user, and the part that did not work.
    pub(super) first_death: Mutex<Option<(String, String)>>,
    may_flood: bool,
}

/// Checks that wait for a free job.
struct Queue<'c> {
    checks: Mutex<VecDeque<(usize, &'c Check)>>,
    /// The number of jobs whose server still serves users.
    serving: AtomicUsize,
}

impl<'c> Queue<'c> {
    fn new(checks: Vec<(usize, &'c Check)>, jobs: usize) -> Self {
        Self { checks: Mutex::new(checks.into()), serving: AtomicUsize::new(jobs) }
    }

    fn next(&self) -> Option<(usize, &'c Check)> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Removes a job whose server no longer serves users. Returns false, and keeps it, if it is the last one.
    fn leave(&self) -> bool {
        let others = self.serving.load(Ordering::Relaxed) > 1;
        if others {
            self.serving.fetch_sub(1, Ordering::Relaxed);
        }
        others
    }
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
    let schedule = Schedule::of(checks, options.instances.len(), can_restart);
    let shared =
        CheckResults { outcomes: Mutex::default(), first_death: Mutex::default(), may_flood: options.may_flood };
    let events = Mutex::new(events);
    let report = |event: Event<'_>| events.lock().unwrap_or_else(PoisonError::into_inner)(event);
    let jobs = async {
        let mut servers: Vec<Instance<'_>> = options.instances.iter().map(Instance::new).collect();
        // Measure all instances before the first check: a dead one must not take a check that another one could run.
        join_all(servers.iter_mut().map(Instance::measure).collect()).await;
        let (fast, slow_instances) = servers.split_at_mut(options.instances.len() - schedule.slow_instances);
        let slow = async {
            let queue = Queue::new(schedule.slow, slow_instances.len());
            join_all(slow_instances.iter_mut().map(|server| server.job(&queue, &shared, &report)).collect()).await;
        };
        let fast_jobs = async {
            let queue = Queue::new(schedule.parallel, fast.len());
            join_all(fast.iter_mut().map(|server| server.job(&queue, &shared, &report)).collect()).await;
            // Checks that measure time or use the whole machine run alone, on an instance that still serves users.
            fast.sort_by_key(|server| server.unusable.is_some());
            if let Some(server) = fast.first_mut() {
                server.job(&Queue::new(schedule.exclusive, 1), &shared, &report).await;
            }
        };
        tokio::join!(slow, fast_jobs);
        if let Some(server) = servers.first() {
            for (index, check) in schedule.end_of_run {
                let outcome = judge(&check.case, server.env(), server.unusable.as_deref(), &shared).await;
                report(Event::Done(&outcome));
                shared.done(index, outcome);
            }
        }
    };
    let end = tokio::select! {
        () = jobs => RunEnd::Completed,
        () = options.stop.notified() => RunEnd::Interrupted,
        () = tokio::time::sleep(options.max_duration) => RunEnd::TimedOut,
    };
    let reason = match end {
        RunEnd::Completed => "no instance of the server was left to run it on".to_owned(),
        RunEnd::Interrupted => INTERRUPTED.to_owned(),
        RunEnd::TimedOut => format!("the whole run took longer than {} s", options.max_duration.as_secs()),
    };
    let mut outcomes = std::mem::take(&mut *shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
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

impl CheckResults {
    /// Records the first check after which the server served no user.
    fn record_death(&self, check: &str, what: String) {
        let mut first_death = self.first_death.lock().unwrap_or_else(PoisonError::into_inner);
        first_death.get_or_insert((check.to_owned(), what));
    }

    fn done(&self, index: usize, outcome: Outcome) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
    }
}

/// One instance of the server under test.
struct Instance<'o> {
    env: &'o TestEnv,
    /// The environment with the measured response time.
    with_response_time: Option<TestEnv>,
    /// The reason why it serves no user, if so.
    unusable: Option<String>,
    /// True if it has never accepted a user.
    never_served: bool,
    /// The abilities that the server lacks, as the last liveness check showed.
    missing: MissingAbilities,
    /// The check that was run last.
    last_check: Option<String>,
    /// The server's output up to the start of the last check, and up to the start of the one before.
    marks: [OutputMark; 2],
}

impl<'o> Instance<'o> {
    fn new(env: &'o TestEnv) -> Self {
        Self {
            env,
            with_response_time: None,
            unusable: None,
            never_served: false,
            missing: MissingAbilities::default(),
            last_check: None,
            marks: [OutputMark::default(); 2],
        }
    }

    fn env(&self) -> &TestEnv {
        self.with_response_time.as_ref().unwrap_or(self.env)
    }

    /// Checks that the instance accepts users, and measures its response time.
    async fn measure(&mut self) {
        match check_serving(self.env, self.env.framing.send.is_terminated()).await {
            Ok(serving) => {
                self.with_response_time = Some(self.env.clone().with_response_time(serving.response_time));
                self.missing.observe(None, serving);
            }
            Err(reason) => {
                self.unusable = Some(format!("{reason} (see {CONNECT_CHECK} and {})", end_of_run::ALIVE));
                self.never_served = true;
            }
        }
    }

    /// Runs checks from the queue until it is empty. An instance that serves no user leaves the queue to the others.
    async fn job(&mut self, queue: &Queue<'_>, shared: &CheckResults, report: &impl Fn(Event<'_>)) {
        loop {
            if self.unusable.is_some() && queue.leave() {
                return;
            }
            let Some((index, check)) = queue.next() else { return };
            report(Event::Started(&check.case));
            let outcome = self.run_check(&check.case, shared).await;
            report(Event::Done(&outcome));
            shared.done(index, outcome);
        }
    }

    async fn run_check(&mut self, case: &Case, shared: &CheckResults) -> Outcome {
        match (unmet_need(case, self.env(), shared.may_flood), &self.unusable) {
            (Some(reason), _) => Outcome::not_run(case, Status::Skipped, reason),
            (None, Some(_)) if self.never_served && case.id == CONNECT_CHECK => {
                attach_server_output(run_case(case, self.env()).await, self.env(), OutputMark::default())
            }
            (None, Some(reason)) => Outcome::not_run(case, Status::Inconclusive, reason),
            (None, None) => self.run_and_check_liveness(case, shared).await,
        }
    }

    /// Runs a case. If the server did not work when the case began, and was started anew, runs it once more.
    async fn run_and_check_liveness(&mut self, case: &Case, shared: &CheckResults) -> Outcome {
        let (mut outcome, is_restarted) = self.run_once(case, shared).await;
        if outcome.failed_control.is_some() && is_restarted {
            outcome = self.run_once(case, shared).await.0;
        }
        self.last_check = Some(case.id.clone());
        outcome
    }

    /// Runs a case and the liveness check after it. Returns true if the server was started anew afterwards.
    async fn run_once(&mut self, case: &Case, shared: &CheckResults) -> (Outcome, bool) {
        if let (true, Some(watch)) = (case.needs.contains(&Need::Fresh), &self.env().watch)
            && let Err(error) = watch.start_afresh().await
        {
            let reason = format!("a new instance of the server could not be started for this check: {error}");
            self.unusable = Some(reason.clone());
            return (Outcome::not_run(case, Status::Inconclusive, &reason), false);
        }
        self.marks = [output_mark(self.env()), self.marks[0]];
        let mut outcome = run_case(case, self.env()).await;
        let tries_broadcast = self.missing.tries_broadcast() && self.env().framing.send.is_terminated();
        let mut liveness = check_serving(self.env(), tries_broadcast).await;
        if liveness.is_err() && case.needs.contains(&Need::Loopback) {
            liveness = wait_until_caught_up(self.env(), liveness).await;
        }
        let is_restarted = match liveness {
            Err(what) => self.restart_after(&mut outcome, what, shared).await,
            Ok(serving) => {
                let serving = self.look_twice(serving).await;
                let culprit = self.culprit(&outcome);
                if let Some(control) = self.missing.lost_in(serving) {
                    shared.record_death(&culprit, control.loss().to_owned());
                    outcome.after = (culprit == outcome.id).then(|| control.loss().to_owned());
                }
                self.missing.observe(Some(&culprit), serving);
                if let Some(control) = outcome.failed_control {
                    outcome.reason = Some(self.missing.reason(control));
                }
                outcome = attach_server_output(outcome, self.env(), self.marks[0]);
                self.missing.has_lost_any() && self.restart().await.is_ok()
            }
        };
        (outcome, is_restarted)
    }

    /// Repeats a liveness check in which an ability seems to be lost: the machine may have been busy.
    async fn look_twice(&self, serving: Serving) -> Serving {
        if self.missing.lost_in(serving).is_none() {
            return serving;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        check_serving(self.env(), serving.broadcasts.is_some()).await.unwrap_or(serving)
    }

    /// Returns the check that broke a server which does not work after `outcome`: the one before, if it did not work when this
    /// one began.
    fn culprit(&self, outcome: &Outcome) -> String {
        outcome.failed_control.and(self.last_check.clone()).unwrap_or_else(|| outcome.id.clone())
    }

    /// Records that the server served no user after a check, and restarts it if this tool started it. Returns true if the new
    /// instance serves users.
    async fn restart_after(&mut self, outcome: &mut Outcome, what: String, shared: &CheckResults) -> bool {
        let culprit = self.culprit(outcome);
        match outcome.failed_control {
            Some(control) if culprit != outcome.id => outcome.reason = Some(control.lost(&culprit)),
            _ => outcome.after = Some(what.clone()),
        }
        let unusable = format!("the server has been down since {culprit}");
        outcome.death = Some(ServerDeath::of(&culprit, &what, self.env()));
        shared.record_death(&culprit, what);
        // It may have crashed in the middle of a frame.
        self.env().monitors.forget(FrameRule::Terminated, &outcome.id);
        // Attach the server's output now, before the restarted server adds its own.
        let mark = if culprit == outcome.id { self.marks[0] } else { self.marks[1] };
        *outcome = attach_server_output(outcome.clone(), self.env(), mark);
        if self.env().watch.is_none() {
            self.unusable = Some(unusable);
            return false;
        }
        self.unusable = self.restart().await.err().map(|reason| format!("{unusable}, and {reason}"));
        self.unusable.is_none()
    }

    /// Starts the server anew, if this tool started it.
    async fn restart(&mut self) -> Result<(), String> {
        let Some(watch) = self.env().watch.clone() else { return Err("this tool did not start it".to_owned()) };
        watch.start_afresh().await.map_err(|error| format!("could not be restarted: {error}"))?;
        let serving = check_serving(self.env(), self.env().framing.send.is_terminated()).await;
        self.missing = MissingAbilities::default();
        self.missing.observe(None, serving.map_err(|what| format!("does not work after a restart: {what}"))?);
        Ok(())
    }
}

/// Checks that the server serves users. Tries up to three times, because the machine may be busy.
async fn check_serving(env: &TestEnv, tries_broadcast: bool) -> Result<Serving, String> {
    let mut last = check_liveness(env, tries_broadcast).await;
    for _ in 0..2 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = check_liveness(env, tries_broadcast).await;
    }
    last
}

/// As [`check_serving`], for the end of a run: the server may still be busy with earlier checks.
pub(super) async fn check_serving_at_end(env: &TestEnv) -> Result<Serving, String> {
    let liveness = check_serving(env, false).await;
    if liveness.is_ok() { liveness } else { wait_until_caught_up(env, liveness).await }
}

/// Repeats the liveness check while the server's process uses CPU time, at most for [`CATCHING_UP`]: a slow server may still
/// be busy with the thousands of users of the last check.
async fn wait_until_caught_up(env: &TestEnv, first: Result<Serving, String>) -> Result<Serving, String> {
    let (mut last, deadline) = (first, Instant::now() + CATCHING_UP);
    let Some(watch) = &env.watch else { return last };
    let mut before = watch.usage().ticks;
    while last.is_err() && Instant::now() < deadline {
        let started = Instant::now();
        last = check_liveness(env, false).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = watch.usage().ticks;
        // A tick is 10 ms. Stop if the process used less than 5 % of the time: it is not working, but waiting.
        if (now.saturating_sub(before)) * 10 < started.elapsed().as_millis() as u64 / 20 {
            break;
        }
        before = now;
    }
    last
}

/// Returns the reason why a case cannot run here, if a need of it is not met.
fn unmet_need(case: &Case, env: &TestEnv, may_flood: bool) -> Option<&'static str> {
    case.needs.iter().find_map(|need| match need {
        Need::Terminator if !env.framing.send.is_terminated() => {
            Some("it applies only where messages have a terminator (not with raw framing)")
        }
        Need::Raw if env.framing.send.is_terminated() => Some("it applies only with raw framing"),
        Need::Spawn if env.watch.is_none() => Some("it watches the server's process: use --spawn instead of --target"),
        Need::Loopback if !may_flood => Some("a flood is not sent to another machine, unless --only names it"),
        _ => None,
    })
}
