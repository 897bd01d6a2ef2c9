//! Finds out what is wrong with the answer to `CONNECT`, from the frames that arrived.

use std::borrow::Cow;

use super::malformed::malformed_message;
use mychat_scenario::template::text::shown;

/// The first bytes of programs that speak another protocol.
const OTHER_PROTOCOLS: [(&[u8], &str); 5] =
    [(b"HTTP/", "HTTP"), (b"SSH-", "SSH"), (b"220 ", "SMTP or FTP"), (b"* OK", "IMAP"), (b"\x15\x03", "TLS")];

/// Returns the mistake in the answer to `CONNECT`, if the frames show one: a known one, or other words than the protocol's.
///
/// `frames` are those that arrived up to the end of the wait, without terminators. `sent` are the writes on this connection.
pub(crate) fn login_mistake(frames: &[&[u8]], sent: &[&[u8]]) -> Option<Cow<'static, str>> {
    let first = frames.iter().find(|frame| !frame.is_empty())?;
    if let Some((_, protocol)) = OTHER_PROTOCOLS.iter().find(|(start, _)| first.starts_with(start)) {
        return Some(format!("the program at this address speaks {protocol}, not MyChat: check the port").into());
    }
    if sent.iter().any(|sent| first.trim_ascii() == sent.trim_ascii()) {
        let echo = "the server sends back what it receives: answer CONNECT with CONNECT_ACK|OK or CONNECT_ACK|FAIL";
        return Some(echo.into());
    }
    if let Some(mistake) = frames.iter().find_map(|frame| malformed_message(frame)) {
        return Some(mistake.into());
    }
    if frames.iter().any(|frame| frame.starts_with(b"CONNECT_ACK|")) {
        return None;
    }
    let answer = frames.iter().find(|frame| !frame.is_empty() && !may_come_before_answer(frame))?;
    let answer = without_name(answer, sent);
    let right = "the answer is CONNECT_ACK|OK or CONNECT_ACK|FAIL";
    Some(format!("the server answers CONNECT with {}: {right}", shown(&answer)).into())
}

/// Returns true for replies that have nothing to do with `CONNECT`.
fn may_come_before_answer(frame: &[u8]) -> bool {
    [&b"USER_LIST|"[..], b"MESSAGE|", b"BROADCAST|"].iter().any(|prefix| frame.starts_with(prefix))
}

/// Replaces the requested name in an answer, so that the hint is the same for all users.
fn without_name(answer: &[u8], sent: &[&[u8]]) -> Vec<u8> {
    let name = sent.iter().rev().find_map(|sent| sent.strip_prefix(b"CONNECT|")).unwrap_or_default().trim_ascii();
    match memchr::memmem::find(answer, name).filter(|_| !name.is_empty()) {
        Some(at) => [&answer[..at], b"NAME", &answer[at + name.len()..]].concat(),
        None => answer.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::login_mistake;

    fn mistake(frames: &[&str]) -> String {
        let frames: Vec<&[u8]> = frames.iter().map(|frame| frame.as_bytes()).collect();
        login_mistake(&frames, &[b"CONNECT|ana\n"]).map(Into::into).unwrap_or_default()
    }

    #[test]
    fn other_words_are_quoted() {
        for (frames, words) in [
            (&["Welcome, ana!"][..], "answers CONNECT with \"Welcome, NAME!\""),
            (&["OK"], "answers CONNECT with \"OK\""),
            (&["CONNECT_ACK OK"], "answers CONNECT with \"CONNECT_ACK OK\""),
            (&["USER_LIST|ana", "ACK|OK"], "answers CONNECT with \"ACK|OK\""),
            (&["ERROR|400|no"], "answers CONNECT with \"ERROR|400|no\""),
            (&["CONNECT|ana"], "sends back what it receives"),
            (&["HTTP/1.1 400 Bad Request", "Content-Length: 0"], "speaks HTTP"),
            (&["SSH-2.0-OpenSSH_9.6"], "speaks SSH"),
            (&["CONNECT_ACK|ok"], "capital letters"),
            (&["1 CONNECT_ACK|OK"], "numbers its messages"),
            (&["> CONNECT_ACK|OK"], "prompt"),
        ] {
            assert!(mistake(frames).contains(words), "{frames:?}: {}", mistake(frames));
        }
    }

    #[test]
    fn an_answer_of_the_protocol_is_no_mistake() {
        for frames in
            [&["CONNECT_ACK|OK"][..], &["CONNECT_ACK|FAIL", "ERROR|409|taken"], &["USER_LIST|ana"], &[""], &[]]
        {
            assert_eq!(mistake(frames), "", "{frames:?}");
        }
    }
}
