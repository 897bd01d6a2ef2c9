//! The checks that are about all connections of a run: they are judged when everything else has been played.

use std::sync::PoisonError;

use super::run::{Shared, alive_in_the_end, with_output};
use crate::script::monitor::Rule;
use crate::script::{Outcome, Status, Surroundings, play};
use mychat_scenario::model::Case;

/// The check that reports whether legal users were served at all times.
pub(super) const ALIVE: &str = "robust.alive";

/// Whether a check is judged at the end.
pub(super) fn is_closing(id: &str) -> bool {
    id == ALIVE || Rule::ALL.iter().any(|rule| rule.id() == id)
}

/// Judges one of them. Its own steps see to it that there were connections at all; `gone`: nobody is served any more.
pub(super) async fn close(case: &Case, around: &Surroundings, gone: Option<&str>, shared: &Shared) -> Outcome {
    if case.id == ALIVE {
        return with_output(served(case, around, gone, shared).await, around);
    }
    let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.id() == case.id) else {
        return Outcome::unplayed(case, Status::Inconclusive, "it has no monitor");
    };
    if rule == Rule::Terminated && !around.manner.send.is_terminated() {
        let reason = "it makes sense only where messages have an end (raw framing)";
        return Outcome::unplayed(case, Status::Skipped, reason);
    }
    let played = if gone.is_none() { Some(play(case, around).await) } else { None };
    let mut outcome = Outcome::unplayed(case, Status::Pass, "");
    outcome.reason = None;
    outcome.seconds = played.as_ref().map_or(0.0, |played| played.seconds);
    let serves =
        played.as_ref().is_some_and(|played| played.status == Status::Pass) && alive_in_the_end(around).await.is_ok();
    if let Some(breach) = around.monitors.broken(rule) {
        outcome.status = Status::Fail;
        outcome.want = Some(rule.want().to_owned());
        outcome.got = Some(format!("{} (first seen during {})", breach.got, breach.case));
        outcome.likely = around.monitors.cause(rule).map(str::to_owned).or_else(|| case.likely.clone());
        outcome.wire = played.map(|played| played.wire).unwrap_or_default();
    } else if !serves {
        // What serves nobody says too little for its words to be judged.
        outcome.status = Status::Inconclusive;
        let why = "the server serves nobody, so too little of what it says was seen";
        outcome.reason = Some(gone.unwrap_or(why).to_owned());
    } else if rule == Rule::ErrorFormat && around.monitors.seen(rule) == 0 {
        // Nothing obliges a server to send one at all.
        outcome.status = Status::Skipped;
        outcome.reason = Some("the server never sent an ERROR, so there is none to look at".to_owned());
    } else if around.monitors.seen(rule) == 0 {
        outcome.status = Status::Inconclusive;
        outcome.reason = Some("the server sent nothing that it could be seen on".to_owned());
    } else {
        let frames = format!("{} frames", around.monitors.seen(rule));
        outcome.observed =
            Some(if rule == Rule::ErrorFormat { format!("{frames}; {}", codes(around)) } else { frames });
    }
    outcome
}

/// Which codes errors had: the text knows but 404, and says nothing of their form.
fn codes(around: &Surroundings) -> String {
    let codes = around.monitors.codes();
    let odd = codes.iter().any(|code| code.len() != 3 || code.bytes().any(|byte| !byte.is_ascii_digit()));
    let note = if odd { " (not all of them are three digits)" } else { "" };
    format!("codes {}{note}", codes.join(", "))
}

async fn served(case: &Case, around: &Surroundings, gone: Option<&str>, shared: &Shared) -> Outcome {
    let dead = shared.dead.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let found = match (dead, gone) {
        (Some((check, what)), _) => Some(format!("after {check}: {what}")),
        (None, Some(gone)) => Some(gone.to_owned()),
        (None, None) => alive_in_the_end(around).await.err(),
    };
    let mut outcome = Outcome::unplayed(case, Status::Pass, "");
    outcome.reason = None;
    if let Some(got) = found {
        outcome.status = Status::Fail;
        outcome.want = Some("two fresh users connect, and a message goes from one to the other".to_owned());
        outcome.got = Some(got);
        outcome.likely.clone_from(&case.likely);
    }
    outcome
}
