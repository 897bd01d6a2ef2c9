//! The likely mistakes behind a failure: a function of the finished transcript and the failure.
//!
//! Many mistakes in a server make checks fail that are about something else. The tables of the submodules hold the known
//! ones. The diagnosis tries them in order for each piece of evidence. A hint that refers to another check is a guess about
//! that check too; when the run is over, `causes` drops it if that check passed.

pub(crate) mod causes;
pub(crate) mod exception;
mod connections;
mod content;
mod lists;
pub(crate) mod logins;
mod replies;
mod senders;
pub(crate) mod shared;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::harness::failure::{CaseFailure, Evidence};
use crate::harness::malformed::malformed_message;
use crate::harness::monitor::inspect;
use crate::harness::transcript::Transcript;

/// A sentence that tells the author of a server what the mistake probably is.
pub(crate) type Hint = Cow<'static, str>;

/// A mistake that many servers share.
#[derive(Debug, Clone, Copy)]
struct KnownMistake {
    hint: &'static str,
    /// Returns true if the evidence shows this mistake.
    applies: fn(&Transcript, &Evidence) -> bool,
}

const fn mistake(hint: &'static str, applies: fn(&Transcript, &Evidence) -> bool) -> KnownMistake {
    KnownMistake { hint, applies }
}

/// All known mistakes. The order matters where several apply to one frame: the more specific one stands first.
const KNOWN_MISTAKES: [&[KnownMistake]; 5] =
    [replies::MISTAKES, content::MISTAKES, senders::MISTAKES, lists::MISTAKES, connections::MISTAKES];

/// Returns hints for the likely mistakes behind a failure, the most specific first. Each has its evidence in the transcript.
pub(crate) fn diagnose(transcript: &Transcript, failure: &CaseFailure) -> Vec<Hint> {
    let evidence = failure.evidence();
    let mut hints: Vec<Hint> = Vec::new();
    hints.extend(evidence.iter().find_map(|evidence| logins::mistake_in_login(transcript, evidence)));
    hints.extend(evidence.iter().find_map(|evidence| malformed(transcript, evidence)).map(Cow::Borrowed));
    for evidence in evidence {
        let known = KNOWN_MISTAKES.iter().copied().flatten().filter(|known| (known.applies)(transcript, evidence));
        hints.extend(known.map(|known| Cow::Borrowed(known.hint)));
    }
    if evidence.is_empty() {
        // Procedures have connections that the transcript does not list.
        hints.extend(transcript.malformed.map(Cow::Borrowed));
    }
    hints
}

/// Returns the hint for the malformed message that the evidence is about, or that arrived where a message is missing.
fn malformed(transcript: &Transcript, evidence: &Evidence) -> Option<&'static str> {
    let on = |actor: &str| transcript.connection(actor).and_then(|conn| conn.mistake);
    match evidence {
        Evidence::UnexpectedFrame { actor, frame } | Evidence::WrongReply { actor, frame, .. } if !frame.is_empty() => {
            let is_wrong = !inspect(frame).is_empty();
            malformed_message(frame).filter(|_| is_wrong).or_else(|| on(actor).filter(|_| is_wrong))
        }
        Evidence::NoReply { actor, .. } => on(actor),
        Evidence::WrongList(list) => on(&list.actor),
        _ => None,
    }
}

/// The parts of a frame that was not expected.
struct Unexpected<'e> {
    actor: &'e str,
    frame: &'e [u8],
    /// At most four fields; the last one may contain pipes.
    fields: Vec<&'e [u8]>,
}

impl<'e> Unexpected<'e> {
    /// Returns the frame of [`Evidence::UnexpectedFrame`].
    fn of(evidence: &'e Evidence) -> Option<Self> {
        let Evidence::UnexpectedFrame { actor, frame } = evidence else { return None };
        Some(Self { actor, frame, fields: frame.splitn(4, |byte| *byte == b'|').collect() })
    }

    /// Returns the frame of [`Evidence::UnexpectedFrame`] if it is a `MESSAGE` or a `BROADCAST`.
    fn message(evidence: &'e Evidence) -> Option<Self> {
        Self::of(evidence).filter(|frame| matches!(frame.fields.as_slice(), [b"MESSAGE" | b"BROADCAST", ..]))
    }

    fn is_error(&self) -> bool {
        self.fields.first() == Some(&&b"ERROR"[..])
    }

    /// Returns everything after the sender.
    fn content(&self) -> &'e [u8] {
        content_of(self.frame)
    }
}

/// Returns everything after the second field of a frame.
fn content_of(frame: &[u8]) -> &[u8] {
    frame.splitn(3, |byte| *byte == b'|').nth(2).unwrap_or_default()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}
