//! The end of the reply to `CONNECT`: a line end, other bytes, or nothing.

use mychat_proto::Framing;

use crate::harness::malformed::REPLY_PREFIXES;

const ACK: &[u8] = b"CONNECT_ACK|";
/// A longer series of bytes is padding or text, and no terminator.
const MAX_TERMINATOR: usize = 4;

/// The end of the reply to `CONNECT`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplyEnding {
    /// Not enough bytes have arrived.
    Unknown,
    /// A line end follows the reply.
    LineEnd(Framing),
    /// Another byte follows the reply.
    Nothing,
}

/// Returns true if a reply to `CONNECT` has arrived.
pub(super) fn has_ack(received: &[u8]) -> bool {
    memchr::memmem::find(received, ACK).is_some()
}

/// Returns the end of the reply to `CONNECT`. Line feeds elsewhere do not count: a server with raw framing may have taken
/// them as parts of names, which appear in lists.
pub(super) fn reply_ending(received: &[u8]) -> ReplyEnding {
    let rest = after_status(received).unwrap_or_default();
    match rest {
        b"" | b"\r" => ReplyEnding::Unknown,
        [b'\n', ..] => ReplyEnding::LineEnd(Framing::Lf),
        [b'\r', b'\n', ..] => ReplyEnding::LineEnd(Framing::CrLf),
        _ => ReplyEnding::Nothing,
    }
}

/// Returns the bytes that end every reply in place of a line end, such as NUL or `|~`.
pub(super) fn other_terminator(received: &[u8]) -> Option<&[u8]> {
    let rest = after_status(received)?;
    let next = REPLY_PREFIXES.iter().filter_map(|prefix| memchr::memmem::find(rest, prefix)).min();
    let terminator = &rest[..next.unwrap_or(rest.len())];
    let is_mark = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"\n ".contains(byte);
    let is_terminator = (1..=MAX_TERMINATOR).contains(&terminator.len()) && terminator.iter().all(is_mark);
    // A lone pipe is an empty field.
    (is_terminator && terminator != b"|" && received.ends_with(terminator)).then_some(terminator)
}

/// Returns everything after `CONNECT_ACK|OK` or `CONNECT_ACK|FAIL`.
fn after_status(received: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(received, ACK)? + ACK.len();
    let rest = &received[start..];
    for status in [&b"OK"[..], b"FAIL"] {
        if let Some(rest) = rest.strip_prefix(status) {
            return Some(rest);
        }
    }
    rest.iter().position(|byte| !byte.is_ascii_alphabetic()).map(|at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_answer_counts_and_no_other_line_feed() {
        for (received, wanted) in [
            ("", ReplyEnding::Unknown),
            ("CONNECT_ACK|O", ReplyEnding::Unknown),
            ("CONNECT_ACK|OK", ReplyEnding::Unknown),
            ("CONNECT_ACK|OK\r", ReplyEnding::Unknown),
            ("CONNECT_ACK|OK\n", ReplyEnding::LineEnd(Framing::Lf)),
            ("CONNECT_ACK|ok\n", ReplyEnding::LineEnd(Framing::Lf)),
            ("USER_LIST|a\nCONNECT_ACK|OK\r\n", ReplyEnding::LineEnd(Framing::CrLf)),
            ("CONNECT_ACK|OK|welcome\n", ReplyEnding::Nothing),
            ("CONNECT_ACK|OKUSER_LIST|greet\n", ReplyEnding::Nothing),
        ] {
            assert_eq!(reply_ending(received.as_bytes()), wanted, "{received:?}");
        }
    }

    #[test]
    fn terminators_other_than_a_line_end_are_recognised() {
        for (received, wanted) in [
            ("CONNECT_ACK|OK\0", Some("\0")),
            ("CONNECT_ACK|OK\0USER_LIST|ana\0", Some("\0")),
            ("CONNECT_ACK|OK|~USER_LIST|ana|~", Some("|~")),
            ("CONNECT_ACK|OK;", Some(";")),
            ("CONNECT_ACK|OK\rUSER_LIST|ana\r", Some("\r")),
            // No terminators: nothing, an empty field, added text, padding, and a line end.
            ("CONNECT_ACK|OKUSER_LIST|ana", None),
            ("CONNECT_ACK|OK|", None),
            ("CONNECT_ACK|OK ", None),
            ("CONNECT_ACK|OK|welcome", None),
            ("CONNECT_ACK|OK\0\0\0\0\0\0\0\0", None),
            ("CONNECT_ACK|OK\0\nUSER_LIST|ana\0\n", None),
            ("CONNECT_ACK|OK\r\n", None),
            // Only some replies end like that.
            ("CONNECT_ACK|OK\0USER_LIST|ana", None),
            ("WELCOME|~", None),
        ] {
            assert_eq!(other_terminator(received.as_bytes()), wanted.map(str::as_bytes), "{received:?}");
        }
    }
}
