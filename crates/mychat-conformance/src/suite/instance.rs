//! One instance of the server under test: runs checks on it, and tests after each check that it still serves users.

use std::collections::VecDeque;
use std::time::Duration;

mod side_by_side;

use super::abilities::MissingAbilities;
use super::end_of_run;
use super::jobs::{CheckResults, Queue};
use super::run::{CONNECT_CHECK, Event};
use super::schedule::has_many_users;
use super::server_death::{ServerDeath, attach_server_output, output_mark};
use super::serving::{check_serving, check_still_serving, wait_until_caught_up};
use crate::harness::TestEnv;
use crate::harness::liveness::Serving;
use crate::harness::monitor::FrameRule;
use crate::harness::outcome::{Outcome, Status};
use crate::runner::run_case;
use mychat_scenario::model::{Case, Need};
use mychat_target::spawn::OutputMark;

/// The check that fails if the server never frees a name.
const RELEASE_CHECK: &str = "conn.reuse-after-disconnect";
/// The reason of checks with many users on a server that never frees a name.
const KEEPS_NAMES: &str = "the server keeps the names of users who left (see conn.reuse-after-disconnect), so dozens of users more \
                           would slow it down; with --spawn, this check gets a new instance";

/// The number of response times that are remembered.
const REMEMBERED: usize = 4;

/// One instance of the server under test.
pub(super) struct Instance<'o> {
    env: &'o TestEnv,
    /// The environment with the measured response time.
    with_response_time: Option<TestEnv>,
    /// The response time before the first check.
    first_response_time: Duration,
    /// The response times after the last checks, the newest last.
    response_times: VecDeque<Duration>,
    /// The reason why it serves no user, if so.
    pub(super) unusable: Option<String>,
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
    pub(super) fn new(env: &'o TestEnv) -> Self {
        Self {
            env,
            with_response_time: None,
            first_response_time: Duration::ZERO,
            response_times: VecDeque::new(),
            unusable: None,
            never_served: false,
            missing: MissingAbilities::default(),
            last_check: None,
            marks: [OutputMark::default(); 2],
        }
    }

    pub(super) fn env(&self) -> &TestEnv {
        self.with_response_time.as_ref().unwrap_or(self.env)
    }

    /// Checks that the instance accepts users, and measures its response time.
    pub(super) async fn measure(&mut self) {
        match check_serving(self.env, self.env.framing.send.is_terminated()).await {
            Ok(serving) => {
                self.first_response_time = serving.response_time;
                self.with_response_time = Some(self.env.clone().with_response_time(serving.response_time));
                self.missing.observe(None, serving);
            }
            Err(reason) => {
                self.unusable = Some(format!("{reason} (see {CONNECT_CHECK} and {})", end_of_run::ALIVE));
                self.never_served = true;
            }
        }
    }

    /// Adapts the environment if the server has become slower, as one does that keeps the names of all users. A single long
    /// response time may be due to a busy machine, so the shortest of the last ones counts.
    fn observe_response_time(&mut self, response_time: Duration) {
        self.response_times.push_back(response_time);
        if self.response_times.len() <= REMEMBERED {
            return;
        }
        self.response_times.pop_front();
        let usual = self.response_times.iter().min().copied().unwrap_or_default().max(self.first_response_time);
        self.with_response_time = Some(self.env.clone().with_response_time(usual));
    }

    /// Runs checks from the queue until it is empty. An instance that serves no user leaves the queue to the others.
    pub(super) async fn job(&mut self, queue: &Queue<'_>, shared: &CheckResults, report: &impl Fn(Event<'_>)) {
        loop {
            if self.unusable.is_some() && queue.leave() {
                return;
            }
            let Some((index, check)) = queue.next() else { return };
            report(Event::Started(&check.case));
            let outcome = self.run_check(&check.case, shared).await;
            report(Event::Done(&outcome));
            shared.done(index, outcome);
            queue.finish_one();
        }
    }

    async fn run_check(&mut self, case: &Case, shared: &CheckResults) -> Outcome {
        match (unmet_need(case, self.env(), shared.may_flood), &self.unusable) {
            (Some(reason), _) => Outcome::not_run(case, Status::Skipped, &reason),
            (None, Some(_)) if self.never_served && case.id == CONNECT_CHECK => {
                attach_server_output(run_case(case, self.env()).await, self.env(), OutputMark::default())
            }
            (None, Some(reason)) => Outcome::not_run(case, Status::Inconclusive, reason),
            (None, None) if self.env.watch.is_none() && keeps_names(case, shared) => {
                Outcome::not_run(case, Status::Inconclusive, KEEPS_NAMES)
            }
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
        let needs_fresh = case.needs.contains(&Need::Fresh) || keeps_names(case, shared);
        if let (true, Some(watch)) = (needs_fresh, &self.env().watch)
            && let Err(error) = watch.start_afresh().await
        {
            let reason = format!("a new instance of the server could not be started for this check: {error}");
            self.unusable = Some(reason.clone());
            return (Outcome::not_run(case, Status::Inconclusive, &reason), false);
        }
        self.marks = [output_mark(self.env()), self.marks[0]];
        let mut outcome = run_case(case, self.env()).await;
        let mut liveness = check_still_serving(self.env(), self.tries_broadcast(), shared.deaths()).await;
        if liveness.is_err() && case.needs.contains(&Need::Loopback) {
            liveness = wait_until_caught_up(self.env(), liveness).await;
        }
        let is_restarted = match liveness {
            Err(what) => self.restart_after(&mut outcome, what, shared).await,
            Ok(serving) => {
                self.observe_response_time(serving.response_time);
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

    /// Returns true if a liveness check sends a broadcast.
    fn tries_broadcast(&self) -> bool {
        self.missing.tries_broadcast() && self.env().framing.send.is_terminated()
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
        shared.count_death();
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

/// Returns true for a check with many users, if the server keeps the names of users who left: it sends lists of all of them, and
/// is soon too slow to be judged.
fn keeps_names(case: &Case, shared: &CheckResults) -> bool {
    has_many_users(case) && shared.has_failed(RELEASE_CHECK)
}

/// Returns the reason why a case cannot run here, if a need of it is not met.
fn unmet_need(case: &Case, env: &TestEnv, may_flood: bool) -> Option<String> {
    if case.needs.contains(&Need::Rooms)
        && let Some(absence) = env.announced.absence()
    {
        return Some(absence.to_owned());
    }
    let unmet = case.needs.iter().find_map(|need| match need {
        Need::Terminator if !env.framing.send.is_terminated() => {
            Some("it applies only where messages have a terminator (not with raw framing)")
        }
        Need::Rooms if !env.framing.send.is_terminated() || !env.framing.receive.is_terminated() => {
            Some("extensions need terminated messages in both directions (rule N3)")
        }
        Need::Raw if env.framing.send.is_terminated() => Some("it applies only with raw framing"),
        Need::Spawn if env.watch.is_none() => Some("it watches the server's process: use --spawn instead of --target"),
        Need::Loopback if !may_flood => Some("a flood is not sent to another machine, unless --only names it"),
        _ => None,
    });
    unmet.map(str::to_owned)
}
