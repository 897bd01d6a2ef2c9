//! Mistakes that one check proves, and that make other checks fail too.
//!
//! A failure that shows the marks of such a mistake is put down to it, if the check that proves the mistake failed in the same run, and for
//! that reason.

use std::borrow::Cow;

use super::content_of;
use crate::harness::failure::{CaseFailure, Evidence};
use crate::harness::monitor::UNENDED;
use crate::harness::transcript::Transcript;

pub(crate) const ONE_READ: &str =
    "the server takes one recv for one message; TCP may split a message anywhere, and join several";
pub(crate) const LIST_FORMAT: &str = "the list is not written as names with commas between them (see list.format)";

/// With so many messages in a row, TCP joins some of them.
const MANY_WRITES: usize = 20;

/// A mistake with a check that proves it.
#[derive(Debug)]
pub(crate) struct SharedMistake {
    pub(crate) hint: &'static str,
    /// The check that fails because of this mistake.
    pub(crate) proof: &'static str,
    /// Returns true if a failure looks as this mistake makes it look.
    applies: fn(&Transcript, &CaseFailure) -> bool,
}

pub(crate) const SHARED: [SharedMistake; 3] = [
    SharedMistake { hint: ONE_READ, proof: "frame.byte-by-byte", applies: depends_on_segments },
    SharedMistake { hint: LIST_FORMAT, proof: "list.format", applies: is_about_list },
    SharedMistake { hint: UNENDED, proof: "frame.out-terminated", applies: has_cut_message },
];

/// Returns the shared mistakes that may be behind a failure. Nothing proves them yet.
pub(crate) fn shared_mistakes(transcript: &Transcript, failure: &CaseFailure) -> Vec<Cow<'static, str>> {
    let found = SHARED.iter().filter(|shared| (shared.applies)(transcript, failure));
    found.map(|shared| Cow::Borrowed(shared.hint)).collect()
}

/// Returns true if a write held a part of a message or several messages, or if there were so many that TCP joined some.
fn depends_on_segments(transcript: &Transcript, failure: &CaseFailure) -> bool {
    let CaseFailure::Fail { got, evidence, .. } = failure else { return false };
    let is_other = |evidence: &Evidence| matches!(evidence, Evidence::WrongList(_) | Evidence::LoginFailed { .. });
    let has_joined = transcript.writes.count >= MANY_WRITES && !got.contains("closed");
    (transcript.writes.are_uneven || has_joined) && !evidence.iter().any(is_other)
}

fn is_about_list(_: &Transcript, failure: &CaseFailure) -> bool {
    let CaseFailure::Fail { want, evidence, .. } = failure else { return false };
    evidence.is_empty() && want.contains("list")
}

/// Returns true if a message arrived that the next one cut, or that the next one was joined to.
fn has_cut_message(transcript: &Transcript, failure: &CaseFailure) -> bool {
    failure.evidence().iter().any(|evidence| match evidence {
        Evidence::UnexpectedFrame { frame, .. } | Evidence::WrongReply { frame, .. } => is_cut(transcript, frame),
        Evidence::PartialMessages => true,
        _ => false,
    })
}

/// Returns true if an actor sent more than this message holds.
fn is_cut(transcript: &Transcript, frame: &[u8]) -> bool {
    let part = [b"|", content_of(frame)].concat();
    let has_more = |sent: &[u8]| {
        let rest = memchr::memmem::find(sent, &part).map(|at| &sent[at + part.len()..]);
        let rest = rest.and_then(|rest| rest.split(|byte| *byte == b'\n').next());
        // Spaces at the end are trimmed by another mistake.
        rest.is_some_and(|rest| !rest.trim_ascii().is_empty())
    };
    part.len() > 1 && transcript.all_sent().any(has_more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::transcript::Writes;

    fn hints(writes: Writes, failure: &CaseFailure) -> Vec<Cow<'static, str>> {
        shared_mistakes(&Transcript { writes, ..Transcript::default() }, failure)
    }

    /// A proof gives its check the same hint.
    #[test]
    fn the_proofs_are_checks() {
        let checks = crate::suite::catalogue();
        for shared in &SHARED {
            assert!(checks.iter().any(|check| check.case.id == shared.proof), "{}", shared.proof);
        }
        let proof = checks.iter().find(|check| check.case.id == "frame.byte-by-byte").unwrap();
        assert_eq!(proof.case.likely.as_deref(), Some(ONE_READ));
    }

    #[test]
    fn a_message_is_cut_if_more_of_it_was_sent() {
        let mut transcript = Transcript::default();
        transcript.connections.push(crate::harness::transcript::ConnectionTranscript {
            sent: vec![b"MESSAGE|bob|one two  \n".to_vec()],
            ..Default::default()
        });
        assert!(is_cut(&transcript, b"MESSAGE|ana|one t"));
        assert!(!is_cut(&transcript, b"MESSAGE|ana|one two"), "only spaces are missing");
        assert!(!is_cut(&transcript, b"MESSAGE|ana|one two  "));
        assert!(!is_cut(&transcript, b"CONNECT_ACK|OK"));
    }

    #[test]
    fn marks_of_shared_mistakes() {
        let lost = CaseFailure::fail("bob gets all 100 messages", "1 of them; then nothing more came");
        let even = Writes { count: 2, are_uneven: false };
        assert_eq!(hints(Writes { are_uneven: true, ..even }, &lost), [ONE_READ]);
        assert_eq!(hints(Writes { count: 100, ..even }, &lost), [ONE_READ]);
        assert_eq!(hints(even, &lost), [""; 0]);
        let incomplete = CaseFailure::fail("a user gets a list of all 50", "49 of them are missing in it");
        assert_eq!(hints(even, &incomplete), [LIST_FORMAT]);
        assert_eq!(hints(even, &CaseFailure::fail("this", "that").with(Evidence::PartialMessages)), [UNENDED]);
    }
}
