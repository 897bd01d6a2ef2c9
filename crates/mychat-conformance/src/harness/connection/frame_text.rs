//! Recognises parts of frames by their text: messages, fences, and several replies in one frame.

use crate::harness::malformed::REPLY_PREFIXES;

/// Returns the number of a ring fence; `None` for any other frame.
pub(super) fn fence_number(frame: &[u8], prefix: &str) -> Option<u64> {
    let at = frame.starts_with(b"MESSAGE|").then(|| memchr::memmem::find(frame, prefix.as_bytes())).flatten()?;
    let digits = frame[at + prefix.len()..].split(|byte| *byte == b'.').next()?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns true if `haystack` contains `needle`.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// Joins frames of raw framing that were split inside of content, because the content looks like a message. Such a part
/// follows a message without content (the suite sends none), or has no sender (every forwarded message has one).
pub(super) fn rejoin_content(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut joined: Vec<Vec<u8>> = Vec::with_capacity(frames.len());
    for frame in frames {
        match joined.last_mut() {
            Some(last) if has_text(last) && (last.ends_with(b"|") || is_without_sender(&frame)) => last.extend(frame),
            _ => joined.push(frame),
        }
    }
    joined
}

fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b"MESSAGE|") || frame.starts_with(b"BROADCAST|")
}

/// Returns true if a frame ends with free text, which may look like a message.
fn has_text(frame: &[u8]) -> bool {
    is_message(frame) || frame.starts_with(b"ERROR|")
}

fn is_without_sender(frame: &[u8]) -> bool {
    is_message(frame) && memchr::memchr_iter(b'|', frame).count() == 1
}

/// Returns the position of a second reply in one frame: after `CONNECT_ACK|OK` or `FAIL`, or in a list, which has no
/// second pipe.
pub(super) fn glued_at(frame: &[u8]) -> Option<usize> {
    for answer in [&b"CONNECT_ACK|OK"[..], b"CONNECT_ACK|FAIL"] {
        if let Some(rest) = frame.strip_prefix(answer) {
            return REPLY_PREFIXES.iter().any(|command| rest.starts_with(command)).then_some(answer.len());
        }
    }
    let names = frame.strip_prefix(b"USER_LIST|")?;
    // A user may have the name of a command. A name follows the separator that this server uses.
    let is_name = |at: &usize| *at > 0 && b"|,; ".contains(&names[at - 1]);
    let begins = |command: &&[u8]| memchr::memmem::find_iter(names, *command).find(|at| !is_name(at));
    let at = REPLY_PREFIXES.iter().filter_map(begins).min()?;
    Some(at + b"USER_LIST|".len())
}

#[cfg(test)]
mod tests {
    use super::{fence_number, glued_at, rejoin_content};

    #[test]
    fn a_ring_fence_is_told_from_other_messages() {
        assert_eq!(fence_number(b"MESSAGE|ana|fence-x-w1f.", "fence-x-w"), Some(31));
        assert_eq!(fence_number(b"MESSAGE|ana|fence-x-1f.", "fence-x-w"), None);
        assert_eq!(fence_number(b"MESSAGE|ana|fence-y-w1f.", "fence-x-w"), None);
        assert_eq!(fence_number(b"ERROR|404|no user fence-x-w1f.", "fence-x-w"), None);
    }

    #[test]
    fn a_reply_behind_a_list_is_found_and_a_name_like_a_command_is_a_name() {
        assert_eq!(glued_at(b"USER_LIST|ana,bobMESSAGE|ana|x"), Some("USER_LIST|ana,bob".len()));
        assert_eq!(glued_at(b"USER_LIST|ana|USER_LIST|bob"), None);
        assert_eq!(glued_at(b"USER_LIST|ana, ERROR|bob"), None);
    }

    #[test]
    fn content_that_looks_like_a_message_is_content() {
        let joined = |frames: &[&str]| -> Vec<String> {
            let frames = rejoin_content(frames.iter().map(|frame| frame.as_bytes().to_vec()).collect());
            frames.into_iter().map(|frame| String::from_utf8_lossy(&frame).into_owned()).collect()
        };
        assert_eq!(joined(&["MESSAGE|ana|", "MESSAGE|cat|x"]), ["MESSAGE|ana|MESSAGE|cat|x"]);
        assert_eq!(joined(&["BROADCAST|ana|one", "BROADCAST|two"]), ["BROADCAST|ana|oneBROADCAST|two"]);
        assert_eq!(joined(&["ERROR|400|use ", "MESSAGE|name"]), ["ERROR|400|use MESSAGE|name"]);
        assert_eq!(joined(&["MESSAGE|ana|a", "MESSAGE|ana|b", "USER_LIST|ana"]).len(), 3);
    }
}
