//! Detects the framing of a server by its replies to `CONNECT`.
//!
//! A whole `CONNECT` comes first: a server that answers it in lines is spoken to in lines, whatever else it can do. Only if
//! its reply has no line end, a `CONNECT` without one decides between raw framing and a server that forgets its line ends.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use mychat_proto::Framing;
use tokio::time::Instant;

use super::FramingProbe;
use super::dialogue::{Dialogue, frames};
use super::reply_ending::{ReplyEnding, has_ack, other_terminator, reply_ending};
use crate::harness::connection::FramingPair;
use crate::harness::login_reply::login_mistake;
use mychat_scenario::template::text::shown;

/// The longest wait for a reply to a `CONNECT` without a line end, for a server that replies at once.
pub(super) const UNTERMINATED: Duration = Duration::from_millis(300);
/// The wait for further frames after the reply to `CONNECT`.
const AFTER_REPLY: Duration = Duration::from_millis(60);
/// Terminators of servers that do not answer a line feed, and that no server that does answer one takes for an end.
const TERMINATORS: [&str; 3] = ["\0", "|~", "\r"];

const NO_REPLY: &str = "the server did not answer CONNECT, neither with nor without a line end. Is the answer flushed? Does the server wait for a \
                    length (readUTF, struct), or for the end of the connection (read until EOF)?";

const CLOSES_AT_CONNECT: &str = "the server closes the connection when it gets CONNECT, and answers nothing: look for an exception in the function that \
                    handles it";

/// The reply to one `CONNECT`.
pub(super) struct ConnectReply {
    pub(super) received: Vec<u8>,
    pub(super) is_closed: bool,
    /// The time until `CONNECT_ACK` arrived, or the whole wait.
    time: Duration,
    sent: String,
}

impl ConnectReply {
    pub(super) fn has_ack(&self) -> bool {
        has_ack(&self.received)
    }

    /// Describes the reply, with the name as `name`.
    fn description(&self) -> String {
        if self.received.is_empty() {
            return "it closed the connection without an answer to CONNECT".to_owned();
        }
        let name = self.sent.trim_end_matches(['\r', '\n']).trim_start_matches("CONNECT|");
        format!("it answered {}", shown(&self.received).replace(name, "name"))
    }

    /// Returns the mistake in the words of the reply.
    fn mistake(&self) -> Option<Cow<'static, str>> {
        if self.received.is_empty() {
            return self.is_closed.then_some(CLOSES_AT_CONNECT.into());
        }
        // Without line ends, the list after CONNECT_ACK marks the end of it.
        let before_list = |line: &[u8]| memchr::memmem::find(line, b"USER_LIST|").unwrap_or(line.len());
        let lines: Vec<&[u8]> = frames(&self.received).into_iter().map(|line| &line[..before_list(line)]).collect();
        login_mistake(&lines, &[self.sent.as_bytes()])
    }
}

pub(super) async fn detect(target: SocketAddr, timeout: Duration, nonce: &str) -> FramingProbe {
    let (whole, others) = match connect_beside_others(target, timeout, nonce).await {
        Ok(replies) => replies,
        Err(found) => return found,
    };
    if let ReplyEnding::LineEnd(framing) = reply_ending(&whole.received) {
        let mut found = FramingProbe::found(framing, whole.description());
        (found.mistake, found.reply_time) = (whole.mistake(), Some(whole.time));
        return found;
    }
    // A slow server needs more time for the reply, too.
    let wait = if whole.has_ack() { UNTERMINATED + whole.time * 2 } else { UNTERMINATED };
    let mut found =
        if let Some(partial) = connect_in_parts(target, timeout, wait, whole.has_ack().then_some("\n"), nonce).await {
            without_line_end(&partial, nonce)
        } else if whole.received.is_empty() && !whole.is_closed {
            return silent(target, timeout, nonce, others).await;
        } else {
            let mut found = FramingProbe::found(Framing::Lf, whole.description());
            found.mistake = whole.mistake();
            found.omits_line_ends = whole.has_ack() && !whole.received.contains(&b'\n');
            found
        };
    if let Some(terminator) = other_terminator(&whole.received) {
        name_terminator(&mut found, terminator);
    }
    if found.omits_line_ends && found.name != "raw" {
        found.framing.receive = Framing::Raw;
    }
    found.reply_time = whole.has_ack().then_some(whole.time);
    found
}

/// Sends a whole `CONNECT` and reads the reply, its end, and the frames right behind it.
pub(super) async fn connect(target: SocketAddr, timeout: Duration, name: &str, end: &str) -> ConnectReply {
    let mut reply =
        ConnectReply { received: Vec::new(), is_closed: false, time: timeout, sent: format!("CONNECT|{name}{end}") };
    let Some(mut dialogue) = Dialogue::open(target, timeout).await else { return reply };
    let started = Instant::now();
    dialogue.say(&reply.sent);
    dialogue.listen(timeout, |received| !received.is_empty()).await;
    // A server that has said something else says the answer soon, if at all.
    dialogue.listen((timeout / 2).min(timeout.saturating_sub(started.elapsed())), has_ack).await;
    reply.time = started.elapsed();
    if has_ack(&dialogue.received) {
        // The line end may come in a segment of its own.
        dialogue.listen(UNTERMINATED, |received| reply_ending(received) != ReplyEnding::Unknown).await;
        dialogue.listen(AFTER_REPLY, ends_list).await;
    }
    dialogue.say(&format!("DISCONNECT{end}"));
    (reply.received, reply.is_closed) = (dialogue.received, dialogue.is_closed);
    reply
}

/// The reply to a `CONNECT` whose line end came later, or not at all.
pub(super) struct PartialReply {
    pub(super) reply: ConnectReply,
    /// True if the reply came before the line end.
    pub(super) came_early: bool,
}

/// Sends `CONNECT` without its line end, and the line end `end`, if any, if no reply arrives within `wait`. Returns none if no
/// reply came.
pub(super) async fn connect_in_parts(
    target: SocketAddr,
    timeout: Duration,
    wait: Duration,
    end: Option<&str>,
    nonce: &str,
) -> Option<PartialReply> {
    let sent = format!("CONNECT|probe{nonce}");
    let started = Instant::now();
    let mut dialogue = Dialogue::open(target, timeout).await?;
    dialogue.say(&sent);
    dialogue.listen(wait, has_ack).await;
    let came_early = has_ack(&dialogue.received);
    if let (false, Some(end)) = (came_early, end) {
        dialogue.say(end);
        dialogue.listen(timeout, has_ack).await;
    }
    let time = started.elapsed();
    let has_reply = has_ack(&dialogue.received);
    if has_reply {
        dialogue.listen(AFTER_REPLY, ends_list).await;
    }
    dialogue.say("DISCONNECT\n");
    let reply = ConnectReply { received: dialogue.received, is_closed: dialogue.is_closed, time, sent };
    has_reply.then_some(PartialReply { reply, came_early })
}

/// Returns true if a list with its line end has arrived.
fn ends_list(received: &[u8]) -> bool {
    memchr::memmem::find(received, b"USER_LIST|").is_some_and(|at| received[at..].contains(&b'\n'))
}

/// Decides the framing of a server whose reply to a whole `CONNECT` had no line end.
fn without_line_end(partial: &PartialReply, nonce: &str) -> FramingProbe {
    let received = &partial.reply.received;
    // With raw framing, the line end of the earlier CONNECT became part of a name, which may still be listed.
    let earlier_name = format!("greet{nonce}\n");
    let names = memchr::memmem::find_iter(received, earlier_name.as_bytes()).count();
    let lines = memchr::memchr_iter(b'\n', received).count() - names;
    let is_raw = lines == 0 && partial.came_early;
    let mut found = FramingProbe::found(if is_raw { Framing::Raw } else { Framing::Lf }, partial.reply.description());
    found.mistake = partial.reply.mistake();
    found.answers_unterminated = partial.came_early;
    found.omits_line_ends = lines == 0;
    found
}

/// Names the bytes that a server sends in place of line ends. No framing of this tool has them.
fn name_terminator(found: &mut FramingProbe, terminator: &[u8]) {
    let shown = shown(terminator);
    found.framing = FramingPair { send: Framing::Lf, receive: Framing::Raw };
    found.name = super::framing_name(Framing::Lf);
    found.omits_line_ends = true;
    found.mistake = Some(
        format!("the server ends its messages with {shown}, not with a line end: send \"\\n\" after each message")
            .into(),
    );
    found.other_terminator = Some(shown);
}

/// True if the other terminators have been tried, and the server answered none of them.
type OthersTried = bool;

/// Sends a whole `CONNECT`. While its reply is missing, tries the other terminators: a server that answers one of them need not
/// be waited for any longer, and is the error.
async fn connect_beside_others(
    target: SocketAddr,
    timeout: Duration,
    nonce: &str,
) -> Result<(ConnectReply, OthersTried), FramingProbe> {
    let name = format!("greet{nonce}");
    let whole = connect(target, timeout, &name, "\n");
    let others = async {
        tokio::time::sleep(UNTERMINATED).await;
        with_other_terminator(target, timeout, nonce).await
    };
    tokio::pin!(whole, others);
    let mut tried = false;
    let found = loop {
        tokio::select! {
            biased;
            reply = &mut whole => return Ok((reply, tried)),
            found = &mut others, if !tried => match found {
                Some(found) => break found,
                None => tried = true,
            },
        }
    };
    // A server that takes each recv for a message answers any end. Then its first reply was only delayed.
    match tokio::time::timeout(UNTERMINATED, whole).await {
        Ok(reply) if !reply.received.is_empty() => Ok((reply, true)),
        _ => Err(found),
    }
}

/// Tries CR LF and the other terminators with a server that did not answer a `CONNECT` at all.
async fn silent(target: SocketAddr, timeout: Duration, nonce: &str, tried: OthersTried) -> FramingProbe {
    let reply = connect(target, timeout.min(UNTERMINATED), &format!("greet{nonce}c"), "\r\n").await;
    if reply.has_ack() {
        let mut found = FramingProbe::found(Framing::CrLf, only_after(&reply, "\r\n"));
        (found.mistake, found.reply_time) = (reply.mistake(), Some(reply.time));
        return found;
    }
    let other = if tried { None } else { with_other_terminator(target, timeout, nonce).await };
    other.unwrap_or_else(|| {
        let mut found = FramingProbe::found(Framing::Lf, "it gave no answer to CONNECT".to_owned());
        found.mistake = Some(NO_REPLY.into());
        found
    })
}

/// Tries the terminators that are no line end. Returns none if the server answers none of them.
async fn with_other_terminator(target: SocketAddr, timeout: Duration, nonce: &str) -> Option<FramingProbe> {
    for (number, end) in TERMINATORS.into_iter().enumerate() {
        let reply = connect(target, timeout.min(UNTERMINATED), &format!("greet{nonce}{number}"), end).await;
        if !reply.has_ack() {
            continue;
        }
        let mut found = FramingProbe::found(Framing::Lf, only_after(&reply, end));
        name_terminator(&mut found, end.as_bytes());
        let shown = shown(end.as_bytes());
        found.mistake = Some(
            format!(
                "the server reads up to {shown}, and takes no line end for the end of a message: read up to \"\\n\""
            )
            .into(),
        );
        found.reply_time = Some(reply.time);
        return Some(found);
    }
    None
}

fn only_after(reply: &ConnectReply, end: &str) -> String {
    format!("{}, but only after a CONNECT that ended in {}", reply.description(), shown(end.as_bytes()))
}
