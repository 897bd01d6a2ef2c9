//! Mistakes that trip many checks, whatever those are about: found in what came, so that the card names them.

use crate::script::line::Line;
use crate::script::pattern::Pattern;
use crate::script::stage::Stage;
use crate::script::{OVERTAKEN, line_contains};

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
            [b"CONNECT_ACK", b"OK"] if self.is_extra(actor) => {
                "more CONNECT_ACKs come than CONNECTs were sent: each is answered once, to whoever sent it (see conn.ack-ok)"
            }
            [b"MESSAGE", _, second, _] if *second == name && !name.is_empty() => {
                "the recipient's name is sent along: MESSAGE brings the sender's name and the text, no more"
            }
            [b"MESSAGE" | b"BROADCAST", _, content, ..] if !holds(self.cast.nonce().as_bytes()) && !said(content) => {
                "the server says things of its own in messages from users who are not there"
            }
            [b"MESSAGE" | b"BROADCAST", sender, content] => {
                let Some(blame) = self.misdirected(actor, fields[0], sender, content) else { return };
                blame
            }
            // Just as it was written, and written alone: where one recv is one message, more stood before it.
            [b"MESSAGE" | b"BROADCAST", ..] if self.is_relayed(frame) => {
                "messages are relayed as they came: the sender's name belongs in front of the text (see bcast.sender)"
            }
            [b"CONNECT_ACK" | b"USER_LIST" | b"ERROR" | b"MESSAGE" | b"BROADCAST", ..] => return,
            // A part of somebody's message, or several that are mixed up, is another matter.
            _ if !said(frame) && !holds_a_reply(frame) => {
                "the server sends what is no message of the protocol: a greeting, a prompt, an answer of its own (see frame.out-grammar)"
            }
            _ => return,
        };
        let _ = self.blame.set(blame);
    }

    /// Whether this line was answered more often than it asked.
    fn is_extra(&self, actor: &str) -> bool {
        self.lines.get(actor).is_some_and(|line| {
            let asked = line.said.iter().filter(|said| line_contains(said, b"CONNECT|")).count();
            line.inbox().answers > asked.max(1)
        })
    }

    /// Whether a write was this and no more.
    fn is_relayed(&self, frame: &[u8]) -> bool {
        self.lines.values().flat_map(|line| &line.said).any(|said| said.trim_ascii_end() == frame)
    }

    /// What is wrong where somebody's words arrive at the wrong one, or in another's name.
    fn misdirected(&self, actor: &str, command: &[u8], sender: &[u8], content: &[u8]) -> Option<&'static str> {
        let own = self.lines.get(actor)?.name.as_deref()?.as_bytes();
        let says = |line: &Line, text: &[u8]| line.said.iter().any(|said| line_contains(said, text));
        let text = [b"|", content].concat();
        let speakers: Vec<&Line> = self.lines.values().filter(|line| says(line, &text)).collect();
        let by =
            |name: &[u8]| speakers.iter().any(|line| line.name.as_deref().is_some_and(|own| own.as_bytes() == name));
        if content.is_empty() || speakers.is_empty() || own.is_empty() {
            return None;
        }
        let shouted = speakers.iter().any(|line| says(line, &[b"BROADCAST", text.as_slice()].concat()));
        let meant = speakers.iter().any(|line| says(line, &[b"MESSAGE|", own, &text].concat()));
        match command {
            b"MESSAGE" if shouted && !meant => {
                Some("a broadcast is passed on as a MESSAGE: everybody gets BROADCAST|sender|text (see bcast.sender)")
            }
            b"MESSAGE" if sender == own && !by(own) => Some(
                "the sender's name is not there: the recipient's is left in its place, or names are kept in something that connections share (see msg.deliver)",
            ),
            _ if !by(sender)
                && self.lines.values().any(|line| line.name.as_deref().is_some_and(|own| own.as_bytes() == sender)) =>
            {
                Some(
                    "the sender's name is somebody else's: it is kept in something that connections share, or taken from the message",
                )
            }
            b"MESSAGE" if !meant => Some("private messages go to others than their recipient (see msg.only-recipient)"),
            _ => None,
        }
    }

    /// Whether what was asked for comes behind what came.
    pub(in crate::script) async fn look_for_overtaking(&self, actor: &str, wanted: &[Pattern]) {
        let (Some(line), [Pattern::Fields(..)]) = (self.lines.get(actor), wanted) else { return };
        let late = line.within(self.around.quiet(), |inbox| {
            let came = inbox.frames.iter().any(|frame| !frame.taken && wanted[0].matches(&frame.bytes));
            if came { Some(true) } else { inbox.end.map(|_| false) }
        });
        if late.await == Some(true) {
            let _ = self.blame.set(OVERTAKEN);
        }
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

/// Whether there is a message of the protocol in it, or the end of one.
fn holds_a_reply(frame: &[u8]) -> bool {
    [&b"MESSAGE|"[..], b"BROADCAST|", b"USER_LIST|", b"CONNECT_ACK|", b"ERROR|"]
        .iter()
        .any(|command| line_contains(frame, command))
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
