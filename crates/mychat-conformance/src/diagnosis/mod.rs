//! Mistakes that trip many checks, whatever those are about: found in what came, so that the card names them.

use crate::harness::connection::Connection;
use crate::harness::connection::contains;
use crate::harness::context::CaseContext;
use mychat_scenario::template::pattern::Pattern;

/// The hint where messages arrive in another order than they were sent in, whatever the check is about.
pub(crate) const OVERTAKEN: &str =
    "messages overtake each other: each is handled by a thread, task or timer of its own (see order.fifo-private)";

/// What all fences have in them.
const FENCE: &[u8] = b"fence-";

const TOLD_TWICE: &str =
    "one message is answered by more than one ERROR: a message has one answer, in how many pieces ever it is read";
const OTHERS_ERROR: &str = "errors reach somebody else than the sender of what was wrong: an ERROR is for that connection alone (see cmd.error-private)";
const HARD_END: &str = "the connection is closed behind an ERROR: a mistake costs its message alone, and the next one is read (see cmd.unknown)";
const CHANGED: &str = "content is changed on its way, by a time or a name that is added, or in its letters: it comes out as it went in (see msg.deliver)";
const OWN_COPY: &str = "the sender's own copy of a broadcast has another name in front: everybody gets BROADCAST|sender|text (see bcast.echo)";
const OWN_MESSAGE: &str =
    "the sender of a private message gets a copy that looks as if its recipient had written it (see msg.deliver)";
const REFUSED_NAME: &str = "the connection takes the name that it was refused: it is set before it is known to be free (see conn.twice-taken and conn.fail-no-voice)";
const BARE_REFUSAL: &str = "a CONNECT that is refused gets no CONNECT_ACK|FAIL: that is its answer, whether or not an ERROR or the end follows (see conn.duplicate)";

impl CaseContext {
    /// Whether a frame that nobody asked for shows a mistake that trips many checks, whatever they are about.
    pub(crate) fn diagnose_frame(&self, actor: &str, frame: &[u8]) {
        let fields: Vec<&[u8]> = frame.splitn(4, |byte| *byte == b'|').collect();
        let name = self.conns.get(actor).and_then(|conn| conn.name.as_deref()).unwrap_or_default().as_bytes();
        let holds = |nonce: &[u8]| contains(fields.get(1).copied().unwrap_or_default(), nonce);
        let sent = |content: &[u8]| self.conns.values().flat_map(|conn| &conn.sent).any(|sent| contains(sent, content));
        let diagnosis = match fields.as_slice() {
            [b"MESSAGE" | b"BROADCAST", ..] if latin1(frame).is_some_and(|meant| sent(content_of(&meant))) => {
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
            [b"MESSAGE" | b"BROADCAST", ..] if self.is_changed(content_of(frame)) => CHANGED,
            [b"MESSAGE" | b"BROADCAST", _, content, ..] if !holds(self.names.nonce().as_bytes()) && !sent(content) => {
                "the server says things of its own in messages from users who are not there"
            }
            [b"MESSAGE" | b"BROADCAST", sender, content] => {
                let Some(diagnosis) = self.misdirected(actor, fields[0], sender, content) else { return };
                diagnosis
            }
            // Just as it was written, and written alone: where one recv is one message, more stood before it.
            [b"MESSAGE" | b"BROADCAST", ..] if self.is_relayed(frame) => {
                "messages are relayed as they came: the sender's name belongs in front of the text (see bcast.sender)"
            }
            [b"ERROR", ..] if self.is_told_again(actor) => TOLD_TWICE,
            [b"ERROR", ..] if self.is_others_error(actor, frame) => OTHERS_ERROR,
            [b"CONNECT_ACK" | b"USER_LIST" | b"ERROR" | b"MESSAGE" | b"BROADCAST", ..] => return,
            // A part of somebody's message, or several that are mixed up, is another matter.
            _ if !sent(frame) && !holds_a_reply(frame) => {
                "the server sends what is no message of the protocol: a greeting, a prompt, an answer of its own (see frame.out-grammar)"
            }
            _ => return,
        };
        let _ = self.diagnosis.set(diagnosis);
    }

    /// Whether this line was answered more often than it asked.
    fn is_extra(&self, actor: &str) -> bool {
        self.conns.get(actor).is_some_and(|conn| {
            let asked = conn.sent.iter().filter(|sent| contains(sent, b"CONNECT|")).count();
            conn.inbox().connect_replies > asked.max(1)
        })
    }

    /// Whether a write was this and no more.
    fn is_relayed(&self, frame: &[u8]) -> bool {
        self.conns.values().flat_map(|conn| &conn.sent).any(|sent| sent.trim_ascii_end() == frame)
    }

    /// What is wrong where somebody's words arrive at the wrong one, or in another's name.
    fn misdirected(&self, actor: &str, command: &[u8], sender: &[u8], content: &[u8]) -> Option<&'static str> {
        let own = self.conns.get(actor)?.name.as_deref()?.as_bytes();
        let says = |conn: &Connection, text: &[u8]| conn.sent.iter().any(|sent| contains(sent, text));
        let text = [b"|", content].concat();
        let speakers: Vec<&Connection> = self.conns.values().filter(|conn| says(conn, &text)).collect();
        let by =
            |name: &[u8]| speakers.iter().any(|conn| conn.name.as_deref().is_some_and(|own| own.as_bytes() == name));
        if content.is_empty() || speakers.is_empty() || own.is_empty() {
            return None;
        }
        let shouted = speakers.iter().any(|conn| says(conn, &[b"BROADCAST", text.as_slice()].concat()));
        let meant = speakers.iter().any(|conn| says(conn, &[b"MESSAGE|", own, &text].concat()));
        let own_words = speakers.iter().any(|conn| *conn.actor == *actor);
        let asked_for = speakers.iter().any(|conn| says(conn, &[b"CONNECT|", sender].concat()));
        match command {
            b"BROADCAST" if own_words && shouted && !by(sender) => Some(OWN_COPY),
            b"MESSAGE" if own_words && sender != own && says_to(&speakers, sender, &text) => Some(OWN_MESSAGE),
            _ if asked_for && !by(sender) => Some(REFUSED_NAME),
            b"MESSAGE" if shouted && !meant => {
                Some("a broadcast is passed on as a MESSAGE: everybody gets BROADCAST|sender|text (see bcast.sender)")
            }
            b"MESSAGE" if sender == own && !by(own) => Some(
                "the sender's name is not there: the recipient's is left in its place, or names are kept in something that connections share (see msg.deliver)",
            ),
            _ if !by(sender)
                && self.conns.values().any(|conn| conn.name.as_deref().is_some_and(|own| own.as_bytes() == sender)) =>
            {
                Some(
                    "the sender's name is somebody else's: it is kept in something that connections share, or taken from the message",
                )
            }
            b"MESSAGE" if !meant => Some("private messages go to others than their recipient (see msg.only-recipient)"),
            _ => None,
        }
    }

    /// Whether somebody said this with nothing in front or behind it, or in other letters.
    fn is_changed(&self, content: &[u8]) -> bool {
        let nonce = self.names.nonce().as_bytes();
        self.conns.values().flat_map(|conn| &conn.sent).any(|sent| {
            let text = content_of_sent(sent);
            // More frames, a CR or a NUL behind the text are other mistakes.
            let more = content.strip_suffix(text).or_else(|| content.strip_prefix(text)).unwrap_or_default();
            let longer = !more.is_empty() && more.iter().all(|byte| *byte != b'|' && !byte.is_ascii_control());
            let recased = content != text && content.eq_ignore_ascii_case(text);
            contains(text, nonce) && text.len() > nonce.len() && (longer || recased)
        })
    }

    /// Whether what was asked for comes behind what came.
    pub(crate) async fn diagnose_overtaking(&self, actor: &str, wanted: &[Pattern]) {
        let (Some(conn), [Pattern::Fields(..)]) = (self.conns.get(actor), wanted) else { return };
        let late = conn.wait_at_most(self.env.quiet_period(), |inbox| {
            let came = inbox.frames.iter().any(|frame| !frame.consumed && wanted[0].matches(&frame.bytes));
            if came { Some(true) } else { inbox.end.map(|_| false) }
        });
        if late.await == Some(true) {
            let _ = self.diagnosis.set(OVERTAKEN);
        }
    }

    /// Whether somebody said this and more words behind a blank, and nobody just this.
    fn is_cut_at_a_blank(&self, content: &[u8]) -> bool {
        let sent = |end: &[u8]| {
            let text = [b"|", content, end].concat();
            self.conns.values().flat_map(|conn| &conn.sent).any(|sent| contains(sent, &text))
        };
        let words = |sent: &Vec<u8>| {
            let text = [b"|", content, b" "].concat();
            let at = memchr::memmem::find(sent, &text);
            at.is_some_and(|at| !sent[at + text.len()..].trim_ascii().is_empty())
        };
        let cut = self.conns.values().flat_map(|conn| &conn.sent).any(words);
        !content.is_empty() && cut && !sent(b"\n") && !sent(b"\r\n")
    }

    /// Whether this line said something that may be answered by an error.
    fn has_erred(conn: &Connection) -> bool {
        let harmless =
            |sent: &Vec<u8>| sent.starts_with(b"CONNECT|") || contains(sent, FENCE) || sent.trim_ascii().is_empty();
        !conn.sent.iter().all(harmless)
    }

    /// Whether the one thing wrong that a line said was answered before.
    fn is_told_again(&self, actor: &str) -> bool {
        self.conns.get(actor).is_some_and(|conn| {
            let told = |frame: &crate::harness::connection::ReceivedFrame| {
                frame.consumed && frame.bytes.starts_with(b"ERROR|")
            };
            Self::has_erred(conn) && conn.inbox().frames.iter().any(told)
        })
    }

    /// Whether an error belongs to somebody else: this line said nothing that could have caused it, and another did.
    fn is_others_error(&self, actor: &str, frame: &[u8]) -> bool {
        let others = || self.conns.iter().filter(|(name, _)| *name != actor).map(|(_, conn)| conn);
        let own = self.conns.get(actor).is_none_or(Self::has_erred);
        // Its fences may go to somebody who is not found.
        let may_be_own = frame.starts_with(b"ERROR|404")
            && others().any(|conn| conn.inbox().frames.iter().any(|frame| frame.bytes.starts_with(b"ERROR|")));
        !own && !may_be_own && others().any(Self::has_erred)
    }

    /// Whether the error that this line waits for went to another one.
    pub(crate) fn diagnose_lost_error(&self, actor: &str, wanted: &[String]) {
        if !wanted.iter().any(|pattern| pattern.starts_with("ERROR|")) {
            return;
        }
        let astray = |conn: &Connection| {
            let inbox = conn.inbox();
            inbox.frames.iter().any(|frame| !frame.consumed && frame.bytes.starts_with(b"ERROR|"))
        };
        let others = self.conns.iter().filter(|(name, _)| *name != actor).map(|(_, conn)| conn);
        if others.chain(&self.witness).any(|conn| !Self::has_erred(conn) && astray(conn)) {
            let _ = self.diagnosis.set(OTHERS_ERROR);
        }
    }

    /// Why a connection is closed that should go on, where that shows.
    pub(crate) fn diagnose_closed_after_error(&self, actor: &str) {
        let Some(conn) = self.conns.get(actor) else { return };
        let refused = conn.inbox().frames.last().is_some_and(|frame| frame.bytes.starts_with(b"ERROR|"));
        if refused {
            let _ = self.diagnosis.set(HARD_END);
        }
    }

    /// Why somebody who asks for a name is not refused as the protocol says it.
    pub(crate) fn diagnose_bare_refusal(&self, frame: &[u8], wanted: &[String]) {
        let refusal = ["CONNECT_ACK|FAIL", "CONNECT_ACK|*"];
        let asked = wanted.iter().all(|pattern| refusal.contains(&pattern.as_str()));
        if asked && (frame.is_empty() || frame.starts_with(b"ERROR|")) {
            let _ = self.diagnosis.set(BARE_REFUSAL);
        }
    }
}

/// Whether one of them said this to somebody.
fn says_to(speakers: &[&Connection], to: &[u8], text: &[u8]) -> bool {
    let whole = [b"MESSAGE|", to, text].concat();
    speakers.iter().any(|conn| conn.sent.iter().any(|sent| contains(sent, &whole)))
}

/// The text of one frame as a client writes it; nothing, where there are several.
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

/// Whether there is a message of the protocol in it, or the end of one.
fn holds_a_reply(frame: &[u8]) -> bool {
    [&b"MESSAGE|"[..], b"BROADCAST|", b"USER_LIST|", b"CONNECT_ACK|", b"ERROR|"]
        .iter()
        .any(|command| contains(frame, command))
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
