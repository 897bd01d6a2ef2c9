//! Replies to a user's own frames: those that are due, wrong ones, and unexpected errors.

use super::rooms::request_failed;
use crate::engine::recording::{Recording, ViolationDetail};
use crate::engine::user::{ExpectedReply, PendingReply, User, UserState};
use crate::plan::RunTime;
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, LatencyMetric};

/// Distinct error codes that are counted one by one. A server that keeps to the protocol has fewer.
const ERROR_CODES: usize = 64;

/// Takes a frame if it is a reply that a `frame` action of the user expects. Returns true if it is.
pub(super) fn receive_verbatim(user: &mut User, recording: &mut Recording, now: RunTime, frame: &[u8]) -> bool {
    let verbatim = &recording.shared.verbatim[user.group.index()];
    let is_reply = |reply: &PendingReply| {
        let ExpectedReply::Verbatim(action) = reply.expected else { return false };
        verbatim[usize::from(action)].as_ref().is_some_and(|verbatim| verbatim.replies.iter().any(|p| p.matches(frame)))
    };
    let Some(reply) = user.replies.take_first(is_reply) else { return false };
    // A server that closes the connection after every error may do so now, whatever the reply was.
    user.replies.note_error(now);
    recording.recorder.time(reply.place, LatencyMetric::Ack, now.since(reply.intended));
    confirm_own(user, recording);
    true
}

/// Takes an `ERROR`: the reply that is due, a wrong one, or an unexpected one.
pub(super) fn receive_error(user: &mut User, recording: &mut Recording, now: RunTime, code: &str, frame: &[u8]) {
    if user.login.state == UserState::LoggingIn {
        // Rule U3: the code that follows a FAIL, or the reason for a refusal to come.
        return;
    }
    if let Some(reply) = take_due_error(user, code) {
        if reply.expected == ExpectedReply::AnyError {
            user.replies.note_error(now);
        }
        recording.recorder.time(reply.place, LatencyMetric::Ack, now.since(reply.intended));
        return confirm_own(user, recording);
    }
    if code == "404" && may_be_unreachable(user, recording, now) {
        let place = recording.place(user.group, now);
        recording.recorder.count(place, Count::Unreachable);
        *recording.unreachable.entry(user.id).or_default() += 1;
        return confirm_own(user, recording);
    }
    if request_failed(user, recording, now, frame) {
        return;
    }
    if let Some(reply) = user.replies.take_first(|_| true) {
        let due = if reply.expected == ExpectedReply::NotFound { "404 was due" } else { "something else was due" };
        return recording.wrong_reply(reply.place, user.id, &|| due.to_owned(), &[frame]);
    }
    if recording.errors.len() < ERROR_CODES || recording.errors.contains_key(code) {
        *recording.errors.entry(code.to_owned()).or_default() += 1;
    }
    let detail = ViolationDetail {
        kind: ViolationKind::Error,
        sender: None,
        recipient: Some(user.id),
        sequence: None,
        what: &|| "no action of this user asks for an error".to_owned(),
        frames: &[frame],
    };
    recording.violation(recording.place(user.group, now), Count::Errors, &detail);
}

/// Removes the pending reply that an error of this code satisfies.
fn take_due_error(user: &mut User, code: &str) -> Option<PendingReply> {
    let mut first = |expected: ExpectedReply| user.replies.take_first(|reply| reply.expected == expected);
    let not_found = if code == "404" { first(ExpectedReply::NotFound) } else { None };
    not_found.or_else(|| first(ExpectedReply::AnyError))
}

/// Confirms the action that the user's closed loop waits for: an error ends the waiting like a delivery.
pub(super) fn confirm_own(user: &User, recording: &mut Recording) {
    if let Some((sequence, _)) = user.closed_loop().and_then(|closed| closed.awaiting) {
        recording.confirmations.push((user.id, sequence));
    }
}

/// Returns true if one of the user's latest private messages went to a user who was not certainly online.
fn may_be_unreachable(user: &User, recording: &Recording, now: RunTime) -> bool {
    let (log, users) = (&recording.shared.sent[user.id.index()], recording.shared.plan.users.len());
    let timeout = crate::plan::nanos(recording.shared.protocol.reply_timeout);
    let latest = (0..log.len()).rev().map_while(|sequence| log.get(sequence));
    // A server that stood still sends many replies at once, after much else was sent: time is the only limit.
    latest
        .take_while(|sent| sent.at + timeout >= now)
        .filter_map(|sent| Some((&recording.shared.presence[sent.to.user(users)?.index()], sent.at)))
        .any(|(recipient, sent_at)| !recipient.was_online_since(sent_at))
}
