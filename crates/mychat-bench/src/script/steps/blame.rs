//! Mistakes that trip many checks, whatever those are about: found in what came, so that the card names them.

use crate::script::line_contains;
use crate::script::stage::Stage;

impl Stage {
    /// Whether a frame that nobody asked for shows a mistake that trips many checks, whatever they are about.
    pub(in crate::script) fn look_for_blame(&self, actor: &str, frame: &[u8]) {
        let fields: Vec<&[u8]> = frame.splitn(4, |byte| *byte == b'|').collect();
        let name = self.lines.get(actor).and_then(|line| line.name.as_deref()).unwrap_or_default().as_bytes();
        let holds = |nonce: &[u8]| line_contains(fields.get(1).copied().unwrap_or_default(), nonce);
        let said =
            |content: &[u8]| self.lines.values().flat_map(|line| &line.said).any(|said| line_contains(said, content));
        let blame = match fields.as_slice() {
            [b"MESSAGE" | b"BROADCAST", ..] if latin1(frame).is_some_and(|meant| said(content_of(&meant))) => {
                "bytes are read in a one-byte encoding such as Latin-1, and written in UTF-8: both have to be UTF-8"
            }
            [b"MESSAGE" | b"BROADCAST", ..] if self.is_cut_at_a_blank(content_of(frame)) => {
                "content ends at its first blank: scanf(\"%s\"), split() or a scanner's next() takes one word"
            }
            [b"CONNECT_ACK", b"OK", ..] if fields.len() > 2 => {
                "CONNECT_ACK|OK has something added: it is that and no more"
            }
            [b"MESSAGE", _, second, _] if *second == name && !name.is_empty() => {
                "the recipient's name is sent along: MESSAGE brings the sender's name and the text, no more"
            }
            [b"MESSAGE" | b"BROADCAST", _, content, ..] if !holds(self.cast.nonce().as_bytes()) && !said(content) => {
                "the server says things of its own in messages from users who are not there"
            }
            _ => return,
        };
        let _ = self.blame.set(blame);
    }

    /// Whether somebody said this and more behind a blank, and nobody just this.
    fn is_cut_at_a_blank(&self, content: &[u8]) -> bool {
        let said = |end: &[u8]| {
            let text = [b"|", content, end].concat();
            self.lines.values().flat_map(|line| &line.said).any(|said| line_contains(said, &text))
        };
        !content.is_empty() && said(b" ") && !said(b"\n") && !said(b"\r\n")
    }
}

/// What a frame was before its bytes were taken for letters of Latin-1, if it looks so.
fn latin1(frame: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(frame).ok()?;
    let meant: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
    (meant != frame && std::str::from_utf8(&meant).is_ok()).then_some(meant)
}

/// What stands behind the sender.
fn content_of(frame: &[u8]) -> &[u8] {
    frame.splitn(3, |byte| *byte == b'|').nth(2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::latin1;

    #[test]
    fn letters_of_latin_1_that_were_bytes_of_utf_8() {
        assert_eq!(latin1("MESSAGE|ana|hÃ©".as_bytes()).as_deref(), Some("MESSAGE|ana|hé".as_bytes()));
        assert_eq!(latin1("MESSAGE|ana|hé".as_bytes()), None);
        assert_eq!(latin1("MESSAGE|ana|漢".as_bytes()), None);
        assert_eq!(latin1(b"MESSAGE|ana|x"), None);
    }
}
