//! Finds known mistakes in how a server writes messages and lists, and says what to change.

/// The beginnings of all replies (§3.2).
pub(crate) const REPLY_PREFIXES: [&[u8]; 5] = [b"CONNECT_ACK|", b"USER_LIST|", b"MESSAGE|", b"BROADCAST|", b"ERROR|"];

/// The longest text before a reply that is taken for a number, a time or a prompt.
const MAX_BEFORE_REPLY: usize = 32;

/// Returns the hint for a message that is written wrongly, if the mistake is a known one.
pub(crate) fn malformed_message(frame: &[u8]) -> Option<&'static str> {
    let nuls = memchr::memchr_iter(0, frame).count();
    let first = frame.split(|byte| *byte == b'|').next().unwrap_or_default();
    let trimmed = frame.strip_prefix(b"\xef\xbb\xbf");
    if trimmed.is_some_and(is_reply) {
        return Some("messages begin with a byte order mark: write plain UTF-8 without one");
    }
    let in_a_row = frame.windows(3).any(|three| three == [0; 3]);
    if frame.len() > 6 && nuls * 3 > frame.len() && !in_a_row {
        return Some("messages are written in UTF-16: the protocol's bytes are UTF-8");
    }
    if let [0, _, rest @ ..] = frame
        && is_reply(rest)
    {
        return Some("messages begin with a length, as writeUTF() writes it: write only the bytes of the text");
    }
    if nuls > 0 && (frame.first() == Some(&0) || frame.last() == Some(&0)) {
        return Some(
            "bytes after the text are sent along, such as the NUL at its end: send exactly strlen(text) bytes",
        );
    }
    match frame.split(|byte| *byte == b'|').collect::<Vec<_>>().as_slice() {
        [b"ERROR"] | [b"ERROR", _] | [b"ERROR", _, b""] | [b"ERROR", b"", ..] => {
            return Some("ERROR is written without its code or its text: ERROR|code|text");
        }
        [b"CONNECT_ACK", _, _, ..] => {
            return Some("CONNECT_ACK has something added after OK or FAIL: send only the status");
        }
        [b"USER_LIST", _, _, ..] => {
            return Some("names in a list are separated by commas, and there are no pipes (see list.format)");
        }
        [b"CONNECT_ACK", status, ..] if !matches!(*status, b"OK" | b"FAIL") => {
            return Some("CONNECT_ACK takes OK or FAIL, in capital letters, and nothing else");
        }
        _ => {}
    }
    if let Some(mistake) = text_before_reply(frame) {
        return Some(mistake);
    }
    let upper = first.trim_ascii().to_ascii_uppercase();
    (upper != first && is_reply(&[upper.as_slice(), b"|"].concat()))
        .then_some("commands are written in capital letters, with nothing before them and no spaces around them")
}

/// Returns what is wrong with how a list is written, whatever names it has.
pub(crate) fn malformed_list(list: &str) -> Option<&'static str> {
    if list.ends_with(',') {
        Some("a comma at its end, which means that the list continues, but nothing more came")
    } else if list.contains('|') {
        Some("a pipe where a comma belongs")
    } else if list.contains(", ") || list.contains(" ,") {
        Some("a space beside a comma")
    } else if list.starts_with(['[', '(', '{']) || list.contains(['\'', '"']) {
        Some("brackets or quotes, as a language prints its own lists")
    } else if list.split(',').any(str::is_empty) {
        Some("an empty name")
    } else {
        None
    }
}

/// Returns true for the words that languages print for a missing name, and for an address in place of a name.
pub(crate) fn is_placeholder(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let words = ["none", "null", "nil", "undefined", "unknown", "unnamed", "anon", "guest", "nobody"];
    name.is_empty()
        || words.iter().any(|word| name.starts_with(word))
        || ["127.0.0.1", "::1"].iter().any(|part| name.contains(part))
}

fn is_reply(text: &[u8]) -> bool {
    REPLY_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Returns the hint for a number, a time or a prompt before a reply in the same frame.
fn text_before_reply(frame: &[u8]) -> Option<&'static str> {
    let at = (1..frame.len().min(MAX_BEFORE_REPLY)).find(|at| is_reply(&frame[*at..]))?;
    let before = frame[..at].trim_ascii();
    let (last, has) = (before.last()?, |is: fn(&u8) -> bool| before.iter().any(is));
    if !has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit) {
        return Some(if before.contains(&b':') {
            "the server writes the time before its messages: a message starts with its command"
        } else {
            "the server numbers its messages: a message starts with its command, and no number stands before it"
        });
    }
    let is_prompt = b">:?$#".contains(last) && !before.contains(&b'|') && !is_reply(frame);
    is_prompt.then_some(
        "the server writes a prompt before its messages: a program reads them, so a message starts with its command",
    )
}

#[cfg(test)]
mod tests {
    use super::malformed_message;

    #[test]
    fn mistakes_that_are_known() {
        let found = |frame: &[u8], word: &str| {
            let sent = malformed_message(frame).unwrap_or("nothing");
            assert!(sent.contains(word), "{frame:?}: {sent}");
        };
        found(b"\xef\xbb\xbfCONNECT_ACK|OK", "byte order mark");
        found(b"\xff\xfeE\0R\0R\0O\0R\0", "UTF-16");
        found(b"\0\x0eCONNECT_ACK|OK", "writeUTF");
        found(b"\0\0\0\0\0\0\0\0\0ERROR|404|x", "strlen");
        found(b"CONNECT_ACK|OK\0\0\0\0\0\0\0\0\0\0\0\0", "strlen");
        found(b"CONNECT_ACK|OK\0", "strlen");
        found(b"ERROR|404", "without its code");
        found(b"CONNECT_ACK|ok", "OK or FAIL");
        found(b"CONNECT_ACK|FAIL|taken", "something added");
        found(b"USER_LIST|ana|bob", "no pipes");
        found(b"CONNECT_ACK|OK ", "OK or FAIL");
        found(b"user_list|ana", "capital letters");
        found(b"12 CONNECT_ACK|OK", "numbers its messages");
        found(b"[3] MESSAGE|ana|hi", "numbers its messages");
        found(b"[12:03:44] MESSAGE|ana|hi", "writes the time");
        found(b"> USER_LIST|ana", "prompt");
        found(b"Enter your name: CONNECT_ACK|OK", "prompt");
        for good in [
            "CONNECT_ACK|OK",
            "CONNECT_ACK|FAIL",
            "USER_LIST|",
            "MESSAGE|a|b\0c",
            "ERROR|404|no",
            "hello",
            "",
            // Parts of messages that two threads wrote at the same time.
            "klmnopMESSAGE|ana|abc",
            "MESSAGE|ana|12 MESSAGE|bob|x",
            "MESSAGE|ana|hi: ERROR|404|no",
        ] {
            assert_eq!(malformed_message(good.as_bytes()), None, "{good}");
        }
    }
}
