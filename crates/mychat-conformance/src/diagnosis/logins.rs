//! Mistakes in the answer to `CONNECT`, and before it.

use std::borrow::Cow;

use super::{Hint, contains};
use crate::harness::failure::Evidence;
use crate::harness::login_reply::login_mistake;
use crate::harness::transcript::Transcript;

const CLOSES: &str = "the server closes the connection when it gets CONNECT, and answers nothing: look for an exception in the function that \
                      handles it";

/// Returns the mistake that the answer to a `CONNECT` shows, or the first dialogue with the server.
pub(super) fn mistake_in_login(transcript: &Transcript, evidence: &Evidence) -> Option<Hint> {
    let first = &transcript.first_contact;
    match evidence {
        Evidence::LoginFailed { is_silent, is_closed, frames, sent } => {
            let closes = (*is_silent && *is_closed).then_some(Cow::Borrowed(CLOSES));
            first.mistake.clone().or_else(|| of_frames(frames, sent)).or(closes)
        }
        Evidence::WrongReply { actor, frame, expected } if is_login(expected) => {
            let sent = transcript.connection(actor).map(|conn| conn.sent.clone()).unwrap_or_default();
            let has_sent_connect = sent.iter().any(|sent| sent.starts_with(b"CONNECT|"));
            let answer = if frame.is_empty() {
                Some(Cow::Borrowed(CLOSES))
            } else {
                of_frames(std::slice::from_ref(frame), &sent)
            };
            first.mistake.clone().or(answer).filter(|_| has_sent_connect)
        }
        Evidence::NoReply { expected, .. } if is_login(expected) => first.mistake.clone(),
        // A greeting arrives on every connection, so it stands where another message is expected.
        Evidence::UnexpectedFrame { frame, .. } | Evidence::WrongReply { frame, .. } => {
            first.mistake.clone().filter(|_| is_unasked(&first.unasked, frame))
        }
        _ => None,
    }
}

/// Returns true if a frame belongs to what the server sent before the client sent anything: a line of it, or a prompt with a reply behind it.
pub(crate) fn is_unasked(unasked: &[u8], frame: &[u8]) -> bool {
    !frame.is_empty() && !unasked.is_empty() && (contains(unasked, frame) || frame.starts_with(unasked))
}

/// Returns true if only `CONNECT_ACK|OK` would have been right: a refusal has many forms.
fn is_login(expected: &[String]) -> bool {
    matches!(expected, [pattern] if pattern == "CONNECT_ACK|OK" || pattern == "CONNECT_ACK|*")
}

fn of_frames(frames: &[Vec<u8>], sent: &[Vec<u8>]) -> Option<Hint> {
    let (frames, sent): (Vec<&[u8]>, Vec<&[u8]>) =
        (frames.iter().map(Vec::as_slice).collect(), sent.iter().map(Vec::as_slice).collect());
    login_mistake(&frames, &sent)
}
