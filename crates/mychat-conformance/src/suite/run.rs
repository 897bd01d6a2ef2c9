//! The run: each check played, the server looked at after it, and what all connections showed judged at the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::catalogue::Check;
use super::closing::{self, close};
use crate::script::alive::alive;
use crate::script::monitor::Rule;
use crate::script::{Outcome, Status, Surroundings, join_all, play};
use mychat_scenario::model::{Case, Need};

/// The check that fails where nobody is let in at all.
pub const WELCOME: &str = "conn.ack-ok";
/// The reason of what was not played because somebody cut the run short.
pub const INTERRUPTED: &str = "the run was interrupted";

/// How long a server that is busy may take until it serves again what comes after thousands of users.
const CATCHING_UP: Duration = Duration::from_secs(40);

/// How checks are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// One surrounding for each job: the server, or an instance of it.
    pub instances: Vec<Surroundings>,
    /// Whether floods may be sent there.
    pub may_flood: bool,
    /// After this time no check is begun or waited for any more.
    pub longest: Duration,
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
    pub(super) dead: Mutex<Option<(String, String)>>,
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
    Through,
    Interrupted,
    TooLong,
}

/// Runs checks and gives one outcome for each, in their order.
pub async fn run(checks: &[&Check], options: &Options, events: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<Outcome> {
    let courses = Courses::of(checks, options.instances.len());
    let shared = Shared { outcomes: Mutex::default(), dead: Mutex::default(), may_flood: options.may_flood };
    let events = Mutex::new(events);
    let told = |outcome: &Outcome| events.lock().unwrap_or_else(PoisonError::into_inner)(Event::Done(outcome));
    let jobs = async {
        let mut servers: Vec<Server<'_>> = options.instances.iter().map(Server::new).collect();
        // All of them before the first check: one that serves nobody must not take a check that another could play.
        join_all(servers.iter_mut().map(Server::first_look).collect()).await;
        let (workers, waiters) = servers.split_at_mut(options.instances.len() - courses.waiters);
        let waiting = async {
            let queue = Queue::new(courses.waiting, waiters.len());
            join_all(waiters.iter_mut().map(|server| server.job(&queue, &shared, &told)).collect()).await;
        };
        let working = async {
            let queue = Queue::new(courses.together, workers.len());
            join_all(workers.iter_mut().map(|server| server.job(&queue, &shared, &told)).collect()).await;
            // What measures time or fills the machine has it for itself, on a server that still serves.
            workers.sort_by_key(|server| server.gone.is_some());
            if let Some(server) = workers.first_mut() {
                server.job(&Queue::new(courses.alone, 1), &shared, &told).await;
            }
        };
        tokio::join!(waiting, working);
        if let Some(server) = servers.first() {
            for (index, check) in courses.closing {
                let outcome = close(&check.case, server.around(), server.gone.as_deref(), &shared).await;
                told(&outcome);
                shared.done(index, outcome);
            }
        }
    };
    let end = tokio::select! {
        () = jobs => End::Through,
        () = options.stop.notified() => End::Interrupted,
        () = tokio::time::sleep(options.longest) => End::TooLong,
    };
    let why = match end {
        End::Through => "no instance of the server was left to play it on".to_owned(),
        End::Interrupted => INTERRUPTED.to_owned(),
        End::TooLong => format!("the whole run took longer than {} s", options.longest.as_secs()),
    };
    let mut outcomes = std::mem::take(&mut *shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
    // What was cut short, and what was never begun.
    for (index, check) in checks.iter().enumerate() {
        if !outcomes.iter().any(|(done, _)| *done == index) {
            let outcome = Outcome::unplayed(&check.case, Status::Inconclusive, &why);
            told(&outcome);
            outcomes.push((index, outcome));
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

impl Shared {
    /// Remembers the first check after which nobody was served.
    fn died(&self, check: &str, what: String) {
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        dead.get_or_insert((check.to_owned(), what));
    }

    fn done(&self, index: usize, outcome: Outcome) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
    }
}

/// Which checks may be played at the same time, on an instance each, and which may not.
struct Courses<'c> {
    /// Those that do little but wait, where there are instances for them; and how many instances.
    waiting: Vec<(usize, &'c Check)>,
    waiters: usize,
    together: Vec<(usize, &'c Check)>,
    alone: Vec<(usize, &'c Check)>,
    closing: Vec<(usize, &'c Check)>,
}

impl<'c> Courses<'c> {
    fn of(checks: &[&'c Check], instances: usize) -> Self {
        let (closing, playing): (Vec<_>, Vec<_>) =
            checks.iter().copied().enumerate().partition(|(_, check)| closing::is_closing(&check.case.id));
        let (alone, mut together): (Vec<_>, Vec<_>) =
            playing.into_iter().partition(|(_, check)| check.case.needs.contains(&Need::Loopback));
        let mut waiting = Vec::new();
        // Where nobody else works meanwhile, waiting comes last.
        together.sort_by_key(|(_, check)| check.case.slow);
        if instances > 1 {
            waiting = together.split_off(together.partition_point(|(_, check)| !check.case.slow));
        }
        let waiters = waiting.len().min(instances.saturating_sub(1)).min(instances / 2);
        Self { waiting, waiters, together, alone, closing }
    }
}

/// One instance under test, as far as this run knows it.
struct Server<'o> {
    around: &'o Surroundings,
    /// With the pace that was measured.
    paced: Option<Surroundings>,
    /// Why nothing can be played on it any more.
    gone: Option<String>,
    /// Whether it never let anybody in.
    never: bool,
}

impl<'o> Server<'o> {
    fn new(around: &'o Surroundings) -> Self {
        Self { around, paced: None, gone: None, never: false }
    }

    fn around(&self) -> &Surroundings {
        self.paced.as_ref().unwrap_or(self.around)
    }

    /// Whether it lets anybody in at all, and how long it takes to.
    async fn first_look(&mut self) {
        match still_alive(self.around).await {
            Ok(pace) => self.paced = Some(self.around.clone().paced(pace)),
            Err(reason) => {
                self.gone = Some(format!("{reason} (see {WELCOME} and {})", closing::ALIVE));
                self.never = true;
            }
        }
    }

    /// Plays what is in the queue. A server that serves nobody leaves the rest to the others, if there are any.
    async fn job(&mut self, queue: &Queue<'_>, shared: &Shared, told: &impl Fn(&Outcome)) {
        loop {
            if self.gone.is_some() && queue.leave() {
                return;
            }
            let Some((index, check)) = queue.next() else { return };
            let outcome = self.one(&check.case, shared).await;
            told(&outcome);
            shared.done(index, outcome);
        }
    }

    async fn one(&mut self, case: &Case, shared: &Shared) -> Outcome {
        let outcome = match (missing(case, self.around(), shared.may_flood), &self.gone) {
            (Some(reason), _) => Outcome::unplayed(case, Status::Skipped, reason),
            (None, Some(_)) if self.never && case.id == WELCOME => play(case, self.around()).await,
            (None, Some(reason)) => Outcome::unplayed(case, Status::Inconclusive, reason),
            (None, None) => self.played(case, shared).await,
        };
        with_output(outcome, self.around())
    }

    async fn played(&mut self, case: &Case, shared: &Shared) -> Outcome {
        if let (true, Some(watch)) = (case.needs.contains(&Need::Fresh), &self.around().watch)
            && let Err(error) = watch.start_afresh().await
        {
            let reason = format!("the server could not be started afresh for it: {error}");
            self.gone = Some(reason.clone());
            return Outcome::unplayed(case, Status::Inconclusive, &reason);
        }
        let mut outcome = play(case, self.around()).await;
        let mut look = still_alive(self.around()).await;
        if look.is_err() && case.needs.contains(&Need::Loopback) {
            look = caught_up(self.around(), look).await;
        }
        if let Err(what) = look {
            self.after(&mut outcome, what, shared).await;
        }
        outcome
    }

    /// Writes down that the server served nobody after a check, and starts it again where that can be done.
    async fn after(&mut self, outcome: &mut Outcome, what: String, shared: &Shared) {
        outcome.after = Some(what.clone());
        shared.died(&outcome.id, what);
        let gone = format!("the server was gone since {}", outcome.id);
        // It may have died in the middle of a word.
        self.around().monitors.forgive(Rule::Terminated, &outcome.id);
        // Its last words are on its card before the next instance writes its own.
        *outcome = with_output(outcome.clone(), self.around());
        let Some(watch) = self.around().watch.clone() else {
            self.gone = Some(gone);
            return;
        };
        self.gone = if let Err(error) = watch.start_afresh().await {
            Some(format!("{gone}, and could not be started again: {error}"))
        } else {
            let look = still_alive(self.around()).await;
            look.err().map(|what| format!("{gone}, and serves nobody after a new start: {what}"))
        };
    }
}

/// How long it takes to answer. A busy machine is given a second chance, and a third.
async fn still_alive(around: &Surroundings) -> Result<Duration, String> {
    let mut last = alive(around).await;
    for _ in 0..2 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = alive(around).await;
    }
    last
}

/// The same at the end of a run, where what came before may have left much to do.
pub(super) async fn alive_in_the_end(around: &Surroundings) -> Result<Duration, String> {
    let look = still_alive(around).await;
    if look.is_ok() { look } else { caught_up(around, look).await }
}

/// What a slow server has not done yet when thousands came and went is no sign that it is gone: as long as it is seen to
/// work on it, it is given time, and serves again in the end.
async fn caught_up(around: &Surroundings, first: Result<Duration, String>) -> Result<Duration, String> {
    let (mut last, deadline) = (first, Instant::now() + CATCHING_UP);
    let Some(watch) = &around.watch else { return last };
    let mut before = watch.usage().ticks;
    while last.is_err() && Instant::now() < deadline {
        let started = Instant::now();
        last = alive(around).await;
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
pub(super) fn with_output(mut outcome: Outcome, around: &Surroundings) -> Outcome {
    let open = matches!(outcome.status, Status::Fail | Status::Inconclusive);
    if let (true, true, Some(watch)) = (open, outcome.server_output.is_empty(), &around.watch) {
        outcome.server_output = watch.last_lines(5);
    }
    outcome
}

/// What a case needs and does not have here.
fn missing(case: &Case, around: &Surroundings, may_flood: bool) -> Option<&'static str> {
    case.needs.iter().find_map(|need| match need {
        Need::Terminator if !around.manner.send.is_terminated() => {
            Some("it makes sense only where messages have an end (raw framing)")
        }
        Need::Raw if around.manner.send.is_terminated() => Some("it makes sense only where messages have no end"),
        Need::Spawn if around.watch.is_none() => {
            Some("it watches the server's process: use --spawn instead of --target")
        }
        Need::Loopback if !may_flood => Some("a flood is not sent to another machine, unless --only names it"),
        _ => None,
    })
}
