//! The run: each check played, the server looked at after it, and what all connections showed judged at the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::catalogue::Check;
use crate::scenario::model::{Case, Need};
use crate::script::alive::alive;
use crate::script::monitor::Rule;
use crate::script::{Outcome, Status, Surroundings, play};

/// The check that reports whether legal users were served at all times.
pub const ALIVE: &str = "robust.alive";
/// The check that fails where nobody is let in at all.
pub const WELCOME: &str = "conn.ack-ok";

/// How checks are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// One surrounding for each job: the server, or an instance of it.
    pub instances: Vec<Surroundings>,
    /// Whether floods may be sent there.
    pub may_flood: bool,
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
struct Shared<'c> {
    queue: Mutex<VecDeque<(usize, &'c Check)>>,
    outcomes: Mutex<Vec<(usize, Outcome)>>,
    /// The first check after which the server served nobody, and what did not work.
    dead: Mutex<Option<(String, String)>>,
    may_flood: bool,
}

/// Runs checks and gives one outcome for each, in their order.
pub async fn run(checks: &[&Check], options: &Options, events: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<Outcome> {
    let (closing, playing): (Vec<_>, Vec<_>) =
        checks.iter().copied().enumerate().partition(|(_, check)| is_closing(&check.case.id));
    let shared = Shared {
        queue: Mutex::new(playing.into()),
        outcomes: Mutex::default(),
        dead: Mutex::default(),
        may_flood: options.may_flood,
    };
    let events = Mutex::new(events);
    let told = |outcome: &Outcome| events.lock().unwrap_or_else(PoisonError::into_inner)(Event::Done(outcome));
    let jobs = async {
        let jobs = options.instances.iter().map(|around| job(around, &shared, &told));
        join_all(jobs.collect()).await;
    };
    let interrupted = tokio::select! {
        () = jobs => false,
        () = options.stop.notified() => true,
    };
    let mut outcomes = std::mem::take(&mut *shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(around) = options.instances.first() {
        for (index, check) in closing {
            let outcome = if interrupted { unplayed(&check.case) } else { close(&check.case, around, &shared).await };
            told(&outcome);
            outcomes.push((index, outcome));
        }
    }
    // What was cut short, and what was never begun.
    for (index, check) in checks.iter().enumerate() {
        if !outcomes.iter().any(|(done, _)| *done == index) {
            outcomes.push((index, unplayed(&check.case)));
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn unplayed(case: &Case) -> Outcome {
    Outcome::unplayed(case, Status::Inconclusive, "the run was interrupted")
}

fn is_closing(id: &str) -> bool {
    id == ALIVE || Rule::ALL.iter().any(|rule| rule.id() == id)
}

/// Plays the futures of all jobs to their ends, on this one thread.
async fn join_all<F: Future<Output = ()>>(jobs: Vec<F>) {
    let mut jobs: Vec<_> = jobs.into_iter().map(|job| (Box::pin(job), false)).collect();
    std::future::poll_fn(|context| {
        for (job, done) in &mut jobs {
            if !*done {
                *done = job.as_mut().poll(context).is_ready();
            }
        }
        if jobs.iter().all(|(_, done)| *done) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn job(around: &Surroundings, shared: &Shared<'_>, told: &impl Fn(&Outcome)) {
    // Gone since: the check after which it was, in words.
    let mut gone = match first_look(around).await {
        Ok(()) => None,
        Err(reason) => Some(format!("the server lets nobody in: {reason} (see {WELCOME})")),
    };
    let never = gone.is_some();
    loop {
        let next = shared.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((index, check)) = next else { return };
        let case = &check.case;
        let outcome = match (missing(case, around, shared.may_flood), &gone) {
            (Some(reason), _) => Outcome::unplayed(case, Status::Skipped, reason),
            (None, Some(_)) if never && case.id == WELCOME => play(case, around).await,
            (None, Some(reason)) => Outcome::unplayed(case, Status::Inconclusive, reason),
            (None, None) => {
                let mut outcome = play(case, around).await;
                if let Err(what) = still_alive(around).await {
                    gone = after(&mut outcome, what, around, shared).await;
                }
                outcome
            }
        };
        let outcome = with_output(outcome, around);
        told(&outcome);
        shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
    }
}

async fn first_look(around: &Surroundings) -> Result<(), String> {
    alive(around).await
}

/// A busy machine is given a second chance, and a third.
async fn still_alive(around: &Surroundings) -> Result<(), String> {
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

/// Writes down that the server served nobody after a check, and starts it again where that can be done.
async fn after(outcome: &mut Outcome, what: String, around: &Surroundings, shared: &Shared<'_>) -> Option<String> {
    outcome.after = Some(what.clone());
    shared.dead.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((outcome.id.clone(), what));
    let gone = format!("the server was gone since {}", outcome.id);
    match &around.watch {
        Some(watch) => {
            watch.restart().await.err().map(|error| format!("{gone}, and could not be started again: {error}"))
        }
        None => Some(gone),
    }
}

fn with_output(mut outcome: Outcome, around: &Surroundings) -> Outcome {
    if let (Status::Fail | Status::Inconclusive, Some(watch)) = (outcome.status, &around.watch) {
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

/// A check that is about all connections of the run: its own steps see to it that there were some.
async fn close(case: &Case, around: &Surroundings, shared: &Shared<'_>) -> Outcome {
    let dead = shared.dead.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if case.id == ALIVE {
        let mut outcome = Outcome::unplayed(case, Status::Pass, "");
        outcome.reason = None;
        let found = match dead {
            Some((check, what)) => Some(format!("after {check}: {what}")),
            None => alive(around).await.err(),
        };
        if let Some(got) = found {
            outcome.status = Status::Fail;
            outcome.want = Some("two fresh users connect, and a message goes from one to the other".to_owned());
            outcome.got = Some(got);
            outcome.likely.clone_from(&case.likely);
        }
        return with_output(outcome, around);
    }
    let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.id() == case.id) else {
        return Outcome::unplayed(case, Status::Inconclusive, "it has no monitor");
    };
    if rule == Rule::Terminated && !around.manner.send.is_terminated() {
        return Outcome::unplayed(
            case,
            Status::Skipped,
            "it makes sense only where messages have an end (raw framing)",
        );
    }
    let played = play(case, around).await;
    let mut outcome = Outcome::unplayed(case, Status::Pass, "");
    (outcome.reason, outcome.seconds) = (None, played.seconds);
    if let Some(breach) = around.monitors.broken(rule) {
        outcome.status = Status::Fail;
        outcome.want = Some(rule.want().to_owned());
        outcome.got = Some(format!("{} (first seen during {})", breach.got, breach.case));
        outcome.likely.clone_from(&case.likely);
        outcome.wire = played.wire;
    } else if played.status != Status::Pass || alive(around).await.is_err() {
        // What serves nobody says too little for its words to be judged.
        outcome.status = Status::Inconclusive;
        outcome.reason = Some("the server serves nobody, so too little of what it says was seen".to_owned());
    } else if around.monitors.seen(rule) == 0 {
        outcome.status = Status::Inconclusive;
        outcome.reason = Some("the server sent nothing that it could be seen on".to_owned());
    } else {
        outcome.observed = Some(format!("{} frames", around.monitors.seen(rule)));
    }
    outcome
}
