//! Answers: what users asked for, what they must be refused, and errors that nobody wanted.

use crate::engine::desk::{Desk, Finding};
use crate::engine::user::{Answer, Owed, State, User};
use crate::plan::Nanos;
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, LatencyMetric};

/// Whether a frame is what one of the user's own frames asked for.
pub(super) fn fits(user: &mut User, desk: &mut Desk, now: Nanos, frame: &[u8]) -> bool {
    let spoken = &desk.shared.spoken[usize::from(user.group)];
    let is_it = |owed: &Owed| {
        let Answer::Spoken(action) = owed.answer else { return false };
        spoken[usize::from(action)].as_ref().is_some_and(|spoken| spoken.gets.iter().any(|want| want.matches(frame)))
    };
    let Some(owed) = user.owed_first(is_it).and_then(|at| user.owed.remove(at)) else { return false };
    // Whatever it was that was answered, a server that closes at every error may do so now.
    user.rebuked = Some(now);
    desk.recorder.time(owed.place, LatencyMetric::Ack, now.saturating_sub(owed.intended));
    goes_on(user, desk);
    true
}

/// An ERROR: the answer that is owed, a wrong one, or one that nobody asked for.
pub(super) fn error(user: &mut User, desk: &mut Desk, now: Nanos, code: &str, frame: &[u8]) {
    if user.state == State::Asking {
        // Rule U3: the code behind a FAIL, or the reason for a refusal to come.
        return;
    }
    let first = |wanted: Answer| user.owed_first(|owed| owed.answer == wanted);
    let fitting = if code == "404" { first(Answer::NotFound) } else { None }.or_else(|| first(Answer::Refusal));
    if let Some(at) = fitting {
        if let Some(owed) = user.owed.remove(at) {
            if owed.answer == Answer::Refusal {
                user.rebuked = Some(now);
            }
            desk.recorder.time(owed.place, LatencyMetric::Ack, now.saturating_sub(owed.intended));
            goes_on(user, desk);
        }
        return;
    }
    if code == "404" && may_be_unreachable(user, desk, now) {
        let place = desk.place(user.group, now);
        desk.recorder.count(place, Count::Unreachable);
        *desk.unreachable.entry(user.id).or_default() += 1;
        goes_on(user, desk);
        return;
    }
    let (place, count, kind, what) = if let Some(owed) = user.owed_first(|_| true).and_then(|at| user.owed.remove(at)) {
        let due = if owed.answer == Answer::NotFound { "404 was due" } else { "something else was due" };
        (owed.place, Count::WrongReplies, ViolationKind::WrongReply, due)
    } else {
        // Codes are three digits where the server keeps to the protocol; whatever it is, few are told apart.
        if desk.errors.len() < 64 || desk.errors.contains_key(code) {
            *desk.errors.entry(code.to_owned()).or_default() += 1;
        }
        (desk.place(user.group, now), Count::Errors, ViolationKind::Error, "no action of this user asks for an error")
    };
    let finding = Finding {
        kind,
        sender: None,
        recipient: Some(user.id),
        sequence: None,
        what: &|| what.to_owned(),
        frames: &[frame],
    };
    desk.violation(place, count, &finding);
}

/// A closed loop was answered, though by an error.
fn goes_on(user: &User, desk: &mut Desk) {
    if let Some((sequence, _)) = user.awaiting {
        desk.arrived.push((user.id, sequence));
    }
}

/// Whether one of the user's latest private messages went to somebody who was not surely there.
fn may_be_unreachable(user: &User, desk: &Desk, now: Nanos) -> bool {
    let log = &desk.shared.sent[user.id as usize];
    let patience = crate::plan::nanos(desk.shared.timeout);
    let latest = (0..log.len()).rev().map_while(|sequence| log.get(sequence));
    // A server that stood still answers much at once, after much else was sent: time is the only limit.
    latest
        .take_while(|sent| sent.at * 1000 + patience >= now)
        .any(|sent| desk.shared.presence.get(sent.to as usize).is_some_and(|who| !who.was_online_since(sent.at * 1000)))
}
