//! Mistakes that change the content of messages.

use super::{KnownMistake, Unexpected, contains, content_of, mistake};
use crate::harness::failure::Evidence;
use crate::harness::transcript::Transcript;

pub(super) const MISTAKES: &[KnownMistake] = &[
    mistake(
        "the server reads bytes in a one-byte encoding such as Latin-1 and writes UTF-8: read UTF-8, too",
        is_latin1,
    ),
    mistake(
        "content ends at its first space: scanf(\"%s\"), split() or a scanner's next() takes only one word",
        is_cut_at_a_space,
    ),
    mistake(
        "the recipient's name is sent along: MESSAGE contains the sender's name and the text, and nothing else",
        has_recipient,
    ),
    mistake(
        "the server changes content: it adds a time or a name, or changes letters. Forward content as it came (see msg.deliver)",
        is_changed,
    ),
    mistake("the server sends text of its own in messages from users who do not exist", is_from_nobody),
];

fn is_latin1(transcript: &Transcript, evidence: &Evidence) -> bool {
    let meant = Unexpected::message(evidence).and_then(|frame| decode_twice(frame.frame));
    meant.is_some_and(|meant| transcript.was_sent(content_of(&meant)))
}

/// Returns the frame's bytes before they were taken for letters of Latin-1, if it looks like that.
fn decode_twice(frame: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(frame).ok()?;
    let meant: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
    (meant != frame && std::str::from_utf8(&meant).is_ok()).then_some(meant)
}

/// Returns true if an actor sent this content and more words after a space, and nobody sent just this content.
fn is_cut_at_a_space(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Some(frame) = Unexpected::message(evidence).filter(|frame| !frame.content().is_empty()) else { return false };
    let with = |end: &[u8]| [b"|", frame.content(), end].concat();
    let first_word = with(b" ");
    let has_more_words = |sent: &[u8]| {
        let at = memchr::memmem::find(sent, &first_word);
        at.is_some_and(|at| !sent[at + first_word.len()..].trim_ascii().is_empty())
    };
    transcript.all_sent().any(has_more_words)
        && !transcript.was_sent(&with(b"\n"))
        && !transcript.was_sent(&with(b"\r\n"))
}

fn has_recipient(transcript: &Transcript, evidence: &Evidence) -> bool {
    Unexpected::of(evidence).is_some_and(|frame| {
        let own = transcript.connection(frame.actor).and_then(|conn| conn.name.as_deref()).unwrap_or_default();
        matches!(frame.fields.as_slice(), [b"MESSAGE", _, second, _] if *second == own.as_bytes()) && !own.is_empty()
    })
}

/// Returns true if an actor sent this content with nothing before or after it, or in other letters.
fn is_changed(transcript: &Transcript, evidence: &Evidence) -> bool {
    let Some(frame) = Unexpected::message(evidence) else { return false };
    let (content, nonce) = (frame.content(), transcript.nonce.as_bytes());
    transcript.all_sent().any(|sent| {
        let text = content_of_sent(sent);
        // Further frames, a CR or a NUL after the text are other mistakes.
        let more = content.strip_suffix(text).or_else(|| content.strip_prefix(text)).unwrap_or_default();
        let longer = !more.is_empty() && more.iter().all(|byte| *byte != b'|' && !byte.is_ascii_control());
        let recased = content != text && content.eq_ignore_ascii_case(text);
        contains(text, nonce) && text.len() > nonce.len() && (longer || recased)
    })
}

/// Returns the content of the one frame in a write; nothing if there are several.
fn content_of_sent(sent: &[u8]) -> &[u8] {
    let frame = sent.strip_suffix(b"\n").unwrap_or(sent);
    let frame = frame.strip_suffix(b"\r").unwrap_or(frame);
    let fields = match frame.split(|byte| *byte == b'|').next() {
        _ if frame.contains(&b'\n') => return b"",
        Some(b"MESSAGE") => 3,
        Some(b"BROADCAST") => 2,
        _ => return b"",
    };
    frame.splitn(fields, |byte| *byte == b'|').nth(fields - 1).unwrap_or_default()
}

fn is_from_nobody(transcript: &Transcript, evidence: &Evidence) -> bool {
    if matches!(evidence, Evidence::MessageFromNobody) {
        return true;
    }
    Unexpected::message(evidence).is_some_and(|frame| {
        matches!(frame.fields.as_slice(), [_, sender, content, ..]
            if !contains(sender, transcript.nonce.as_bytes()) && !transcript.was_sent(content))
    })
}

#[cfg(test)]
mod tests {
    use super::decode_twice;

    #[test]
    fn utf8_bytes_taken_for_latin_1_letters_are_restored() {
        assert_eq!(decode_twice("MESSAGE|ana|hÃ©".as_bytes()).as_deref(), Some("MESSAGE|ana|hé".as_bytes()));
        assert_eq!(decode_twice("MESSAGE|ana|hé".as_bytes()), None);
        assert_eq!(decode_twice("MESSAGE|ana|漢".as_bytes()), None);
        assert_eq!(decode_twice(b"MESSAGE|ana|x"), None);
    }
}
