//! The checks that concern all connections of a run. They are judged after all other checks.

use std::borrow::Cow;
use std::sync::PoisonError;

use super::jobs::CheckResults;
use super::serving::check_serving_at_end;
use crate::diagnosis::logins::is_unasked;
use crate::diagnosis::shared::ONE_READ;
use crate::harness::TestEnv;
use crate::harness::malformed::malformed_message;
use crate::harness::monitor::{FrameRule, UNENDED, Violation};
use crate::harness::outcome::{Outcome, Status};
use crate::runner::run_case;
use mychat_scenario::model::Case;

/// The check that fails if the server stopped serving users during the run.
pub(super) const ALIVE: &str = "robust.alive";

/// Returns true if a check is judged at the end.
pub(super) fn is_end_of_run(id: &str) -> bool {
    id == ALIVE || FrameRule::ALL.iter().any(|rule| rule.id() == id)
}

/// The reason of a check whose own messages do not arrive.
const TOO_FEW: &str = "the messages of this check did not get through, so too few arrived to be judged";

/// Judges one of these checks. Its own steps make sure that frames arrive even if it is the only check of the run. `unusable` is
/// the reason why the server no longer serves users, if it does not; it is set when this check finds that out.
pub(super) async fn judge(case: &Case, env: &TestEnv, unusable: &mut Option<String>, shared: &CheckResults) -> Outcome {
    if case.id == ALIVE {
        return judge_serving(case, env, unusable.as_deref(), shared).await;
    }
    let Some(rule) = FrameRule::ALL.into_iter().find(|rule| rule.id() == case.id) else {
        return Outcome::not_run(case, Status::Inconclusive, "it has no monitor");
    };
    if rule == FrameRule::Terminated && !env.framing.send.is_terminated() {
        let reason = "it applies only where messages have a terminator (not with raw framing)";
        return Outcome::not_run(case, Status::Skipped, reason);
    }
    let own_run = if unusable.is_none() { Some(run_case(case, env).await) } else { None };
    let mut outcome = Outcome::not_run(case, Status::Pass, "");
    outcome.reason = None;
    outcome.seconds = own_run.as_ref().map_or(0.0, |own_run| own_run.seconds);
    let passes = own_run.as_ref().is_some_and(|own_run| own_run.status == Status::Pass);
    if passes || own_run.as_ref().is_some_and(|own_run| own_run.failed_control.is_some()) {
        *unusable = check_serving_at_end(env, shared.deaths()).await.err();
    }
    if let Some(violation) = env.monitors.violation(rule) {
        outcome.status = Status::Fail;
        outcome.want = Some(rule.want().to_owned());
        outcome.got = Some(format!("{} (first seen during {})", violation.got, violation.case));
        let known = cause(rule, &violation, env).map(Cow::into_owned);
        outcome.causes = known.into_iter().chain(case.likely.clone()).collect();
        if rule == FrameRule::Terminated {
            outcome.causes.push(UNENDED.to_owned());
        }
        outcome.likely = outcome.causes.first().cloned();
        outcome.wire = own_run.map(|own_run| own_run.wire).unwrap_or_default();
    } else if !passes || unusable.is_some() {
        outcome.status = Status::Inconclusive;
        outcome.reason = Some(unusable.as_deref().unwrap_or(TOO_FEW).to_owned());
    } else if rule == FrameRule::ErrorFormat && env.monitors.seen(rule) == 0 {
        // A server does not have to send any.
        outcome.status = Status::Skipped;
        outcome.reason = Some("the server never sent an ERROR, so there is none to check".to_owned());
    } else if env.monitors.seen(rule) == 0 {
        outcome.status = Status::Inconclusive;
        outcome.reason = Some("the server sent nothing that could be checked".to_owned());
    } else {
        let frames = format!("{} frames", env.monitors.seen(rule));
        outcome.observed =
            Some(if rule == FrameRule::ErrorFormat { format!("{frames}; {}", codes(env)) } else { frames });
    }
    outcome
}

/// Returns the mistake behind the violation of a rule, if it is a known one.
fn cause(rule: FrameRule, violation: &Violation, env: &TestEnv) -> Option<Cow<'static, str>> {
    let first = &env.first_contact;
    let is_unasked = is_unasked(&first.unasked, &violation.frame);
    let is_about_end = first.is_about_terminator && matches!(rule, FrameRule::Terminated | FrameRule::Grammar);
    let is_answer = first.has_other_answer && rule == FrameRule::Grammar;
    if is_unasked || is_about_end || is_answer {
        return first.mistake.clone();
    }
    if first.answers_unterminated && rule == FrameRule::Grammar && malformed_message(&violation.frame).is_none() {
        return Some(ONE_READ.into());
    }
    let malformed = malformed_message(&violation.frame).filter(|_| !violation.frame.is_empty());
    env.monitors.cause(rule).or(malformed).map(Cow::Borrowed)
}

/// Describes the codes of all `ERROR` frames. The protocol's text defines only 404, and no format for codes.
fn codes(env: &TestEnv) -> String {
    let codes = env.monitors.codes();
    let has_other_format = codes.iter().any(|code| code.len() != 3 || code.bytes().any(|byte| !byte.is_ascii_digit()));
    let note = if has_other_format { " (not all of them are three digits)" } else { "" };
    format!("codes {}{note}", codes.join(", "))
}

async fn judge_serving(case: &Case, env: &TestEnv, unusable: Option<&str>, shared: &CheckResults) -> Outcome {
    let first_death = shared.first_death.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let found = match (first_death, unusable) {
        (Some((check, what)), _) => Some(format!("after {check}: {what}")),
        (None, Some(unusable)) => Some(unusable.to_owned()),
        (None, None) => check_serving_at_end(env, shared.deaths()).await.err(),
    };
    let mut outcome = Outcome::not_run(case, Status::Pass, "");
    outcome.reason = None;
    if let Some(got) = found {
        outcome.status = Status::Fail;
        outcome.want = Some("two fresh users connect, and messages go from one to the other".to_owned());
        outcome.got = Some(got);
        outcome.likely.clone_from(&case.likely);
    }
    outcome
}
