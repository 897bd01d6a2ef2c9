//! The run: each check played, the server looked at after it, and what all connections showed judged at the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::catalogue::Check;
use super::end_of_run::{self, judge};
use crate::harness::liveness::measure_response_time;
use crate::harness::monitor::Rule;
use crate::harness::outcome::{Outcome, Status};
use crate::harness::{TestEnv, join_all};
use crate::runner::run_case;
use mychat_scenario::model::{Case, Need};

/// The check that fails where nobody is let in at all.
pub const CONNECT_CHECK: &str = "conn.ack-ok";
/// The reason of what was not played because somebody cut the run short.
pub const INTERRUPTED: &str = "the run was interrupted";

/// How long a server that is busy may take until it serves again what comes after thousands of users.
const CATCHING_UP: Duration = Duration::from_secs(40);

/// How checks are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// One surrounding for each job: the server, or an instance of it.
    pub instances: Vec<TestEnv>,
    /// Whether floods may be sent there.
    pub may_flood: bool,
    /// After this time no check is begun or waited for any more.
    pub max_duration: Duration,
    /// Notified when the run is to end.
    pub stop: Arc<Notify>,
}

/// What happens during a run.
#[derive(Debug)]
pub enum Event<'o> {
    /// A check has its outcome.
    Done(&'o Outcome),
}

/// What the jobs of a run share.
pub(super) struct Shared {
    outcomes: Mutex<Vec<(usize, Outcome)>>,
    /// The first check after which the server served nobody, and what did not work.
    pub(super) first_death: Mutex<Option<(String, String)>>,
    may_flood: bool,
}

/// Checks that wait for whichever of some jobs is free.
struct Queue<'c> {
    checks: Mutex<VecDeque<(usize, &'c Check)>>,
    /// Jobs whose server still serves.
    serving: AtomicUsize,
}

impl<'c> Queue<'c> {
    fn new(checks: Vec<(usize, &'c Check)>, jobs: usize) -> Self {
        Self { checks: Mutex::new(checks.into()), serving: AtomicUsize::new(jobs) }
    }

    fn next(&self) -> Option<(usize, &'c Check)> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// A job's server is gone: whether others go on with the queue.
    fn leave(&self) -> bool {
        let others = self.serving.load(Ordering::Relaxed) > 1;
        if others {
            self.serving.fetch_sub(1, Ordering::Relaxed);
        }
        others
    }
}

/// How a run came to its end.
enum End {
    Completed,
    Interrupted,
    TimedOut,
}

/// Runs checks and gives one outcome for each, in their order.
pub async fn run(checks: &[&Check], options: &Options, events: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<Outcome> {
    let courses = Schedule::of(checks, options.instances.len());
    let shared = Shared { outcomes: Mutex::default(), first_death: Mutex::default(), may_flood: options.may_flood };
    let events = Mutex::new(events);
    let report = |outcome: &Outcome| events.lock().unwrap_or_else(PoisonError::into_inner)(Event::Done(outcome));
    let jobs = async {
        let mut servers: Vec<Server<'_>> = options.instances.iter().map(Server::new).collect();
        // All of them before the first check: one that serves nobody must not take a check that another could play.
        join_all(servers.iter_mut().map(Server::measure).collect()).await;
        let (fast, slow_instances) = servers.split_at_mut(options.instances.len() - courses.slow_instances);
        let slow = async {
            let queue = Queue::new(courses.slow, slow_instances.len());
            join_all(slow_instances.iter_mut().map(|server| server.job(&queue, &shared, &report)).collect()).await;
        };
        let fast_jobs = async {
            let queue = Queue::new(courses.parallel, fast.len());
            join_all(fast.iter_mut().map(|server| server.job(&queue, &shared, &report)).collect()).await;
            // What measures time or fills the machine has it for itself, on a server that still serves.
            fast.sort_by_key(|server| server.unusable.is_some());
            if let Some(server) = fast.first_mut() {
                server.job(&Queue::new(courses.exclusive, 1), &shared, &report).await;
            }
        };
        tokio::join!(slow, fast_jobs);
        if let Some(server) = servers.first() {
            for (index, check) in courses.end_of_run {
                let outcome = judge(&check.case, server.env(), server.unusable.as_deref(), &shared).await;
                report(&outcome);
                shared.done(index, outcome);
            }
        }
    };
    let end = tokio::select! {
        () = jobs => End::Completed,
        () = options.stop.notified() => End::Interrupted,
        () = tokio::time::sleep(options.max_duration) => End::TimedOut,
    };
    let why = match end {
        End::Completed => "no instance of the server was left to play it on".to_owned(),
        End::Interrupted => INTERRUPTED.to_owned(),
        End::TimedOut => format!("the whole run took longer than {} s", options.max_duration.as_secs()),
    };
    let mut outcomes = std::mem::take(&mut *shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
    // What was cut short, and what was never begun.
    for (index, check) in checks.iter().enumerate() {
        if !outcomes.iter().any(|(done, _)| *done == index) {
            let outcome = Outcome::not_run(&check.case, Status::Inconclusive, &why);
            report(&outcome);
            outcomes.push((index, outcome));
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

impl Shared {
    /// Remembers the first check after which nobody was served.
    fn record_death(&self, check: &str, what: String) {
        let mut first_death = self.first_death.lock().unwrap_or_else(PoisonError::into_inner);
        first_death.get_or_insert((check.to_owned(), what));
    }

    fn done(&self, index: usize, outcome: Outcome) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
    }
}

/// Which checks may be played at the same time, on an instance each, and which may not.
struct Schedule<'c> {
    /// Those that do little but wait, where there are instances for them; and how many instances.
    slow: Vec<(usize, &'c Check)>,
    slow_instances: usize,
    parallel: Vec<(usize, &'c Check)>,
    exclusive: Vec<(usize, &'c Check)>,
    end_of_run: Vec<(usize, &'c Check)>,
}

impl<'c> Schedule<'c> {
    fn of(checks: &[&'c Check], instances: usize) -> Self {
        let (end_of_run, playing): (Vec<_>, Vec<_>) =
            checks.iter().copied().enumerate().partition(|(_, check)| end_of_run::is_end_of_run(&check.case.id));
        let (exclusive, mut parallel): (Vec<_>, Vec<_>) =
            playing.into_iter().partition(|(_, check)| check.case.needs.contains(&Need::Loopback));
        let mut slow = Vec::new();
        // Where nobody else works meanwhile, waiting comes last.
        parallel.sort_by_key(|(_, check)| check.case.slow);
        if instances > 1 {
            slow = parallel.split_off(parallel.partition_point(|(_, check)| !check.case.slow));
        }
        let slow_instances = slow.len().min(instances.saturating_sub(1)).min(instances / 2);
        Self { slow, slow_instances, parallel, exclusive, end_of_run }
    }
}

/// One instance under test, as far as this run knows it.
struct Server<'o> {
    env: &'o TestEnv,
    /// With the pace that was measured.
    with_response_time: Option<TestEnv>,
    /// Why nothing can be played on it any more.
    unusable: Option<String>,
    /// Whether it never let anybody in.
    never_served: bool,
}

impl<'o> Server<'o> {
    fn new(env: &'o TestEnv) -> Self {
        Self { env, with_response_time: None, unusable: None, never_served: false }
    }

    fn env(&self) -> &TestEnv {
        self.with_response_time.as_ref().unwrap_or(self.env)
    }

    /// Whether it lets anybody in at all, and how long it takes to.
    async fn measure(&mut self) {
        match check_serving(self.env).await {
            Ok(response_time) => self.with_response_time = Some(self.env.clone().with_response_time(response_time)),
            Err(reason) => {
                self.unusable = Some(format!("{reason} (see {CONNECT_CHECK} and {})", end_of_run::ALIVE));
                self.never_served = true;
            }
        }
    }

    /// Plays what is in the queue. A server that serves nobody leaves the rest to the others, if there are any.
    async fn job(&mut self, queue: &Queue<'_>, shared: &Shared, report: &impl Fn(&Outcome)) {
        loop {
            if self.unusable.is_some() && queue.leave() {
                return;
            }
            let Some((index, check)) = queue.next() else { return };
            let outcome = self.run_check(&check.case, shared).await;
            report(&outcome);
            shared.done(index, outcome);
        }
    }

    async fn run_check(&mut self, case: &Case, shared: &Shared) -> Outcome {
        let outcome = match (unmet_need(case, self.env(), shared.may_flood), &self.unusable) {
            (Some(reason), _) => Outcome::not_run(case, Status::Skipped, reason),
            (None, Some(_)) if self.never_served && case.id == CONNECT_CHECK => run_case(case, self.env()).await,
            (None, Some(reason)) => Outcome::not_run(case, Status::Inconclusive, reason),
            (None, None) => self.play(case, shared).await,
        };
        attach_server_output(outcome, self.env())
    }

    async fn play(&mut self, case: &Case, shared: &Shared) -> Outcome {
        if let (true, Some(watch)) = (case.needs.contains(&Need::Fresh), &self.env().watch)
            && let Err(error) = watch.start_afresh().await
        {
            let reason = format!("the server could not be started afresh for it: {error}");
            self.unusable = Some(reason.clone());
            return Outcome::not_run(case, Status::Inconclusive, &reason);
        }
        let mut outcome = run_case(case, self.env()).await;
        let mut look = check_serving(self.env()).await;
        if look.is_err() && case.needs.contains(&Need::Loopback) {
            look = wait_until_caught_up(self.env(), look).await;
        }
        if let Err(what) = look {
            self.after(&mut outcome, what, shared).await;
        }
        outcome
    }

    /// Writes down that the server served nobody after a check, and starts it again where that can be done.
    async fn after(&mut self, outcome: &mut Outcome, what: String, shared: &Shared) {
        outcome.after = Some(what.clone());
        shared.record_death(&outcome.id, what);
        let unusable = format!("the server has been down since {}", outcome.id);
        // It may have died in the middle of a word.
        self.env().monitors.forget(Rule::Terminated, &outcome.id);
        // Its last words are on its card before the next instance writes its own.
        *outcome = attach_server_output(outcome.clone(), self.env());
        let Some(watch) = self.env().watch.clone() else {
            self.unusable = Some(unusable);
            return;
        };
        self.unusable = if let Err(error) = watch.start_afresh().await {
            Some(format!("{unusable}, and could not be restarted: {error}"))
        } else {
            let look = check_serving(self.env()).await;
            look.err().map(|what| format!("{unusable}, and serves nobody after a restart: {what}"))
        };
    }
}

/// How long it takes to answer. A busy machine is given a second chance, and a third.
async fn check_serving(env: &TestEnv) -> Result<Duration, String> {
    let mut last = measure_response_time(env).await;
    for _ in 0..2 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = measure_response_time(env).await;
    }
    last
}

/// The same at the end of a run, where what came before may have left much to do.
pub(super) async fn check_serving_at_end(env: &TestEnv) -> Result<Duration, String> {
    let look = check_serving(env).await;
    if look.is_ok() { look } else { wait_until_caught_up(env, look).await }
}

/// What a slow server has not done yet when thousands came and went is no sign that it is gone: as long as it is seen to
/// work on it, it is given time, and serves again in the end.
async fn wait_until_caught_up(env: &TestEnv, first: Result<Duration, String>) -> Result<Duration, String> {
    let (mut last, deadline) = (first, Instant::now() + CATCHING_UP);
    let Some(watch) = &env.watch else { return last };
    let mut before = watch.usage().ticks;
    while last.is_err() && Instant::now() < deadline {
        let started = Instant::now();
        last = measure_response_time(env).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = watch.usage().ticks;
        // A tick is 10 ms; a process that waits for something has none.
        if (now.saturating_sub(before)) * 10 < started.elapsed().as_millis() as u64 / 20 {
            break;
        }
        before = now;
    }
    last
}

/// With what the server wrote last, on a card that has room for it.
pub(super) fn attach_server_output(mut outcome: Outcome, env: &TestEnv) -> Outcome {
    let open = matches!(outcome.status, Status::Fail | Status::Inconclusive);
    if let (true, true, Some(watch)) = (open, outcome.server_output.is_empty(), &env.watch) {
        outcome.server_output = watch.last_lines(5);
    }
    outcome
}

/// What a case needs and does not have here.
fn unmet_need(case: &Case, env: &TestEnv, may_flood: bool) -> Option<&'static str> {
    case.needs.iter().find_map(|need| match need {
        Need::Terminator if !env.framing.send.is_terminated() => {
            Some("it applies only where messages have an end (raw framing)")
        }
        Need::Raw if env.framing.send.is_terminated() => Some("it applies only where messages have no end"),
        Need::Spawn if env.watch.is_none() => Some("it watches the server's process: use --spawn instead of --target"),
        Need::Loopback if !may_flood => Some("a flood is not sent to another machine, unless --only names it"),
        _ => None,
    })
}
