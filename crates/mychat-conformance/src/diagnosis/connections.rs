//! Mistakes in how the server accepts, serves and closes connections.

use super::{KnownMistake, mistake};
use crate::harness::failure::Evidence;
use crate::harness::transcript::{ConnectionTranscript, Transcript};

pub(super) const MISTAKES: &[KnownMistake] = &[
    mistake(
        "a silent connection blocks the others: the server waits for its first message before it accepts the next connection",
        is_blocked_by_silent_connection,
    ),
    mistake(
        "DISCONNECT is answered by an ERROR: a client may leave before it has logged in, too (see conn.before-disconnect)",
        is_refused_disconnect,
    ),
    mistake(
        "DISCONNECT ends the loop without close(), or an exception ends the connection's thread before close() (see leave.closes)",
        |_, evidence| matches!(evidence, Evidence::NotClosed),
    ),
    mistake(
        "the server closes the connection after an ERROR: drop the wrong message alone, and read the next one (see cmd.unknown)",
        is_closed_after_error,
    ),
    mistake(
        "the server takes names that begin alike for the same name: it compares only a part of them, or cuts them (see msg.exact-name and name.long)",
        |_, evidence| matches!(evidence, Evidence::SimultaneousLoginsRefused { accepted: 1 }),
    ),
    mistake(
        "the server accepts only a limited number of users at once: look for an array of fixed size, a thread pool, or a race between logins",
        |_, evidence| matches!(evidence, Evidence::SimultaneousLoginsRefused { accepted } if *accepted != 1),
    ),
    mistake(
        "a blocking send() to one client stops the delivery to all others (see robust.slow-reader)",
        |_, evidence| matches!(evidence, Evidence::DeliveryBlocked),
    ),
    mistake(
        "send() writes only a part of a message when a buffer is full, and returns how much it wrote: send the rest later, once (see robust.slow-reader)",
        |_, evidence| matches!(evidence, Evidence::PartialMessages),
    ),
];

fn is_blocked_by_silent_connection(transcript: &Transcript, evidence: &Evidence) -> bool {
    let is_silent = |conn: &ConnectionTranscript| conn.sent.is_empty() && !conn.closed_by_server && !conn.closed_by_us;
    matches!(evidence, Evidence::LoginFailed { is_silent: true, .. }) && transcript.connections.iter().any(is_silent)
}

fn is_refused_disconnect(transcript: &Transcript, evidence: &Evidence) -> bool {
    let is_refused = |conn: &ConnectionTranscript| {
        conn.sent.len() == 1
            && conn.has_sent(b"DISCONNECT")
            && conn.frames.iter().any(|frame| frame.bytes.starts_with(b"ERROR|"))
    };
    matches!(evidence, Evidence::NotClosed) && transcript.connections.iter().any(is_refused)
}

fn is_closed_after_error(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Evidence::ClosedUnexpectedly { actor } = evidence else { return false };
    let last = transcript.connection(actor).and_then(|conn| conn.frames.last());
    last.is_some_and(|frame| frame.bytes.starts_with(b"ERROR|"))
}
