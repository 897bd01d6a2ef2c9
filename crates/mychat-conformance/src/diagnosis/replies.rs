//! Mistakes in replies: to `CONNECT`, and by `ERROR`.

use super::{KnownMistake, Unexpected, contains, mistake};
use crate::harness::failure::Evidence;
use crate::harness::transcript::{ConnectionTranscript, Transcript};

const MISDIRECTED_ERROR: &str = "an ERROR reaches another user than the sender of the wrong message: send it on that connection alone (see cmd.error-private)";

pub(super) const MISTAKES: &[KnownMistake] = &[
    mistake("the second user overwrites the first one in the map", is_name_given_twice),
    mistake(
        "a refused CONNECT gets no CONNECT_ACK|FAIL: send it, whether or not an ERROR or a close follows (see conn.duplicate)",
        lacks_refusal,
    ),
    mistake(
        "more CONNECT_ACKs arrive than CONNECTs were sent: answer each CONNECT once, on its own connection (see conn.ack-ok)",
        is_extra_ack,
    ),
    mistake(
        "the server forwards messages unchanged: put the sender's name before the text (see bcast.sender)",
        is_relayed,
    ),
    mistake(
        "one message is answered by more than one ERROR: answer a message once, however many reads it takes",
        is_repeated_error,
    ),
    mistake(MISDIRECTED_ERROR, is_misdirected_error),
    mistake(MISDIRECTED_ERROR, is_missing_error),
    mistake(
        "the server sends text that is no message of the protocol: a greeting, a prompt, or a reply of its own (see frame.out-grammar)",
        is_outside_the_protocol,
    ),
    mistake(
        "messages overtake each other: the server handles each one in its own thread, task or timer (see order.fifo-private)",
        |_, evidence| matches!(evidence, Evidence::Overtaken),
    ),
    mistake("the server drops a message that it cannot parse: answer it with an ERROR", |_, evidence| {
        matches!(evidence, Evidence::MessageLost)
    }),
];

/// Returns true if a name was given away that another connection has. If no other connection has it, the server should
/// have refused the name for another reason.
fn is_name_given_twice(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Evidence::WrongReply { actor, frame, expected } = evidence else { return false };
    let own = transcript.connection(actor).and_then(|conn| conn.name.as_ref());
    let is_taken = transcript.connections.iter().any(|other| other.actor != *actor && other.name.as_ref() == own);
    frame == b"CONNECT_ACK|OK" && expected.iter().any(|pattern| pattern == "CONNECT_ACK|FAIL") && is_taken
}

fn lacks_refusal(_: &Transcript, evidence: &Evidence) -> bool {
    let Evidence::WrongReply { frame, expected, .. } = evidence else { return false };
    let is_refusal = |pattern: &String| matches!(pattern.as_str(), "CONNECT_ACK|FAIL" | "CONNECT_ACK|*");
    expected.iter().all(is_refusal) && (frame.is_empty() || frame.starts_with(b"ERROR|"))
}

fn is_extra_ack(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Some(frame) = Unexpected::of(evidence) else { return false };
    let is_extra = |conn: &ConnectionTranscript| {
        let requests = conn.sent.iter().filter(|sent| contains(sent, b"CONNECT|")).count();
        conn.connect_replies > requests.max(1)
    };
    frame.fields == [&b"CONNECT_ACK"[..], b"OK"] && transcript.connection(frame.actor).is_some_and(is_extra)
}

/// Returns true if a message arrived exactly as it was written. Where a server takes one read for one message, a write
/// of several messages arrives as one; such a write does not count.
fn is_relayed(transcript: &Transcript, evidence: &Evidence) -> bool {
    Unexpected::message(evidence).is_some_and(|frame| {
        frame.fields.len() != 3 && transcript.all_sent().any(|sent| sent.trim_ascii_end() == frame.frame)
    })
}

fn is_repeated_error(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Some(frame) = Unexpected::of(evidence).filter(Unexpected::is_error) else { return false };
    transcript.connection(frame.actor).is_some_and(|conn| {
        let answered = conn.frames.iter().any(|frame| frame.consumed && frame.bytes.starts_with(b"ERROR|"));
        may_cause_error(conn) && answered
    })
}

/// Returns true if nothing that this user sent can have caused an error, and another user sent something that can.
fn is_misdirected_error(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Some(frame) = Unexpected::of(evidence).filter(Unexpected::is_error) else { return false };
    let mut others = transcript.connections.iter().filter(|conn| conn.actor != frame.actor);
    let is_own = transcript.connection(frame.actor).is_none_or(may_cause_error);
    // The fences of this user may go to a user whom the server does not find.
    let has_error = |conn: &ConnectionTranscript| conn.frames.iter().any(|frame| frame.bytes.starts_with(b"ERROR|"));
    let may_be_own = frame.frame.starts_with(b"ERROR|404") && others.clone().any(has_error);
    !is_own && !may_be_own && others.any(may_cause_error)
}

/// Returns true if the error that an actor waits for went to a user who cannot have caused one.
fn is_missing_error(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Evidence::NoReply { actor, expected } = evidence else { return false };
    let is_stray = |conn: &ConnectionTranscript| {
        conn.frames.iter().any(|frame| !frame.consumed && frame.bytes.starts_with(b"ERROR|"))
    };
    let mut others = transcript.connections.iter().filter(|conn| conn.actor != *actor).chain(&transcript.witness);
    expected.iter().any(|pattern| pattern.starts_with("ERROR|"))
        && others.any(|conn| !may_cause_error(conn) && is_stray(conn))
}

/// Returns true if this connection sent something that a server may answer with an error.
fn may_cause_error(conn: &ConnectionTranscript) -> bool {
    let is_harmless =
        |sent: &Vec<u8>| sent.starts_with(b"CONNECT|") || contains(sent, b"fence-") || sent.trim_ascii().is_empty();
    !conn.sent.iter().all(is_harmless)
}

/// Returns true if no actor sent this frame and it contains no reply. Parts of messages are another mistake.
fn is_outside_the_protocol(transcript: &Transcript, evidence: &Evidence) -> bool {
    const COMMANDS: [&[u8]; 5] = [b"CONNECT_ACK", b"USER_LIST", b"ERROR", b"MESSAGE", b"BROADCAST"];
    Unexpected::of(evidence).is_some_and(|frame| {
        let starts_with_command = frame.fields.first().is_some_and(|first| COMMANDS.contains(first));
        let has_reply = COMMANDS.iter().any(|command| contains(frame.frame, &[*command, b"|"].concat()));
        !frame.frame.is_empty() && !starts_with_command && !has_reply && !transcript.was_sent(frame.frame)
    })
}
