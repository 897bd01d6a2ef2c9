//! The likely mistake behind a failure: a function of the finished transcript and the failure.
//!
//! Many mistakes in a server make checks fail that are about something else. The tables of the submodules hold the known
//! ones. The diagnosis tries them in order for each piece of evidence, and returns the first hint that applies.

mod connections;
mod content;
mod lists;
mod replies;
mod senders;
#[cfg(test)]
mod tests;

use crate::harness::failure::{CaseFailure, Evidence};
use crate::harness::transcript::Transcript;

/// A sentence that tells the author of a server what the mistake probably is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hint(pub(crate) &'static str);

/// A mistake that many servers share.
#[derive(Debug, Clone, Copy)]
struct KnownMistake {
    hint: Hint,
    /// Returns true if the evidence shows this mistake.
    applies: fn(&Transcript, &Evidence) -> bool,
}

const fn mistake(hint: &'static str, applies: fn(&Transcript, &Evidence) -> bool) -> KnownMistake {
    KnownMistake { hint: Hint(hint), applies }
}

/// All known mistakes. The order matters where several apply to one frame: the more specific one stands first.
const KNOWN_MISTAKES: [&[KnownMistake]; 5] =
    [replies::MISTAKES, content::MISTAKES, senders::MISTAKES, lists::MISTAKES, connections::MISTAKES];

/// Returns the hint for the likely mistake behind a failure, if it is a known one.
pub(crate) fn diagnose(transcript: &Transcript, failure: &CaseFailure) -> Option<Hint> {
    // A malformed message explains a failure whatever the check is about.
    let known = |evidence: &Evidence| {
        let found = KNOWN_MISTAKES.iter().copied().flatten().find(|known| (known.applies)(transcript, evidence));
        found.map(|known| known.hint)
    };
    transcript.malformed.map(Hint).or_else(|| failure.evidence().iter().find_map(known))
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
