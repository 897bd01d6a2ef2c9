//! Finds out how a server frames its messages, and which reading it takes where the protocol's text permits several.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mychat_proto::Framing;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::harness::connection::FramingPair;
use crate::harness::malformed::malformed_message;
use mychat_scenario::model::FramingChoice;

pub mod profile;

/// The longest wait for a reply to a frame without a terminator.
const UNTERMINATED: Duration = Duration::from_millis(300);

/// The result of probing the framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingProbe {
    /// The framing of each direction.
    pub framing: FramingPair,
    /// Its name: lf, crlf or raw.
    pub name: &'static str,
    /// True if the user chose the framing, so that nothing was probed.
    pub given: bool,
    /// True if the server replied to a `CONNECT` without a terminator.
    pub answers_unterminated: bool,
    /// True if the server sends no terminators.
    pub omits_line_ends: bool,
    /// A description of the reply, for reports.
    pub description: String,
    /// The hint for a malformed reply.
    pub mistake: Option<&'static str>,
}

impl FramingProbe {
    /// Returns the result for a framing that the user chose.
    fn given(framing: Framing) -> Self {
        Self {
            framing: FramingPair { send: framing, receive: framing },
            name: framing_name(framing),
            given: true,
            answers_unterminated: false,
            omits_line_ends: false,
            description: "as asked for".to_owned(),
            mistake: None,
        }
    }
}

/// Returns the name of a framing, as in options and reports.
pub const fn framing_name(framing: Framing) -> &'static str {
    match framing {
        Framing::Lf => "lf",
        Framing::CrLf => "crlf",
        Framing::Raw => "raw",
    }
}

/// Probes the framing of a server, unless `choice` names one.
pub async fn probe_framing(target: SocketAddr, choice: FramingChoice, timeout: Duration, nonce: &str) -> FramingProbe {
    match choice {
        FramingChoice::Lf => FramingProbe::given(Framing::Lf),
        FramingChoice::CrLf => FramingProbe::given(Framing::CrLf),
        FramingChoice::Raw => FramingProbe::given(Framing::Raw),
        FramingChoice::Auto => detect(target, timeout, nonce).await,
    }
}

/// As [`probe_framing`], but stops at the first terminated reply to a complete `CONNECT`. The other findings are not probed.
pub async fn probe_framing_quickly(
    target: SocketAddr,
    choice: FramingChoice,
    timeout: Duration,
    nonce: &str,
) -> FramingProbe {
    if choice != FramingChoice::Auto {
        return probe_framing(target, choice, timeout, nonce).await;
    }
    let Some(framing) = connect_terminated(target, timeout, nonce).await else {
        return detect(target, timeout, nonce).await;
    };
    FramingProbe {
        framing: FramingPair { send: framing, receive: Framing::Lf },
        given: false,
        description: "it ended its answer to CONNECT".to_owned(),
        ..FramingProbe::given(framing)
    }
}

/// Sends a complete `CONNECT` and returns the framing of the reply, if the reply has a terminator.
async fn connect_terminated(target: SocketAddr, timeout: Duration, nonce: &str) -> Option<Framing> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect(target)).await.ok()?.ok()?;
    let _ = stream.set_nodelay(true);
    let _ = stream.try_write(format!("CONNECT|greet{nonce}\n").as_bytes());
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    let deadline = Instant::now() + timeout;
    loop {
        match ending(&received) {
            Ending::Unknown if received.len() < 64 * 1024 => {}
            Ending::LineEnd(framing) => {
                let _ = stream.try_write(b"DISCONNECT\n");
                return Some(framing);
            }
            Ending::Unknown | Ending::Nothing => return None,
        }
        // After the reply, wait only a short time for its terminator.
        let until = if has_ack(&received) { deadline.min(Instant::now() + UNTERMINATED) } else { deadline };
        tokio::time::timeout_at(until, stream.readable()).await.ok()?.ok()?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// Not enough bytes have arrived.
    Unknown,
    /// A terminator follows the reply.
    LineEnd(Framing),
    /// Another byte follows the reply.
    Nothing,
}

/// Returns the kind of bytes after the reply to `CONNECT`. Line feeds elsewhere do not count: a server with raw framing may
/// have taken them as parts of names, which appear in lists.
fn ending(received: &[u8]) -> Ending {
    let Some(start) = memchr::memmem::find(received, b"CONNECT_ACK|") else { return Ending::Unknown };
    let rest = &received[start + b"CONNECT_ACK|".len()..];
    match rest.iter().position(|byte| !byte.is_ascii_uppercase()).map(|at| &rest[at..]) {
        None | Some(b"\r") => Ending::Unknown,
        Some([b'\n', ..]) => Ending::LineEnd(Framing::Lf),
        Some([b'\r', b'\n', ..]) => Ending::LineEnd(Framing::CrLf),
        Some(_) => Ending::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_answer_counts_and_no_other_line_feed() {
        for (received, wanted) in [
            ("", Ending::Unknown),
            ("CONNECT_ACK|O", Ending::Unknown),
            ("CONNECT_ACK|OK", Ending::Unknown),
            ("CONNECT_ACK|OK\r", Ending::Unknown),
            ("CONNECT_ACK|OK\n", Ending::LineEnd(Framing::Lf)),
            ("USER_LIST|a\nCONNECT_ACK|OK\r\n", Ending::LineEnd(Framing::CrLf)),
            ("CONNECT_ACK|OK|welcome\n", Ending::Nothing),
            ("CONNECT_ACK|OKUSER_LIST|greet\n", Ending::Nothing),
        ] {
            assert_eq!(ending(received.as_bytes()), wanted, "{received:?}");
        }
    }
}

async fn detect(target: SocketAddr, timeout: Duration, nonce: &str) -> FramingProbe {
    let started = Instant::now();
    let mut found = connect_unterminated(target, timeout, UNTERMINATED, nonce).await;
    if found.mistake == Some(NO_REPLY)
        && let Some(framing) = connect_terminated(target, timeout, &format!("{nonce}c")).await
    {
        found.framing = FramingPair { send: framing, receive: Framing::Lf };
        found.name = framing_name(framing);
        "it answered a CONNECT in one piece, and none whose line end came later".clone_into(&mut found.description);
        found.mistake = Some(FORGETS_PARTIAL);
    }
    if !found.omits_line_ends || found.answers_unterminated {
        return found;
    }
    // The server sends no terminators and replied after a line end. It may have needed the line end, or it may be slow.
    let longer = UNTERMINATED + started.elapsed() * 2;
    let again = connect_unterminated(target, timeout, longer, &format!("{nonce}b")).await;
    if again.answers_unterminated { again } else { found }
}

const NO_REPLY: &str = "the server did not answer CONNECT, neither with nor without a line end. Is the answer flushed? Does the server wait for a \
                    length (readUTF, struct), or for the end of the connection (read until EOF)?";

const FORGETS_PARTIAL: &str = "the server answers CONNECT in one piece, but not if the line end comes a moment later: it has \
                         forgotten the first part. TCP splits a message anywhere: keep what was read until its line end comes, and join the \
                         parts.";

/// Sends `CONNECT` without a line end, and the line end if no reply arrives within `unterminated`.
async fn connect_unterminated(
    target: SocketAddr,
    timeout: Duration,
    unterminated: Duration,
    nonce: &str,
) -> FramingProbe {
    let mut found = FramingProbe {
        given: false,
        description: "it gave no answer to CONNECT".to_owned(),
        ..FramingProbe::given(Framing::Lf)
    };
    let Ok(Ok(stream)) = tokio::time::timeout(timeout, TcpStream::connect(target)).await else { return found };
    let _ = stream.set_nodelay(true);
    let mut received = Vec::new();
    let _ = stream.try_write(format!("CONNECT|probe{nonce}").as_bytes());
    read_reply(&stream, &mut received, unterminated).await;
    found.answers_unterminated = has_ack(&received);
    if !found.answers_unterminated {
        let _ = stream.try_write(b"\n");
        read_reply(&stream, &mut received, timeout).await;
    }
    let _ = stream.try_write(b"DISCONNECT\n");
    if received.is_empty() {
        found.mistake = Some(NO_REPLY);
        return found;
    }
    // Without terminators, the list after CONNECT_ACK marks the end of it.
    let before_list = |line: &[u8]| memchr::memmem::find(line, b"USER_LIST|").unwrap_or(line.len());
    found.mistake =
        received.split(|byte| *byte == b'\n').find_map(|line| malformed_message(&line[..before_list(line)]));
    if !has_ack(&received) {
        found.description = format!("it answered CONNECT with {}", mychat_scenario::template::text::shown(&received));
        return found;
    }
    // With raw framing, the line end of the earlier CONNECT became part of a name, which may still be listed.
    let earlier_name = format!("greet{}\n", nonce.get(..5).unwrap_or(nonce));
    let names = memchr::memmem::find_iter(&received, earlier_name.as_bytes()).count();
    let lines = memchr::memchr_iter(b'\n', &received).count() - names;
    let shown = mychat_scenario::template::text::shown(&received).replace(&format!("probe{nonce}"), "probe");
    found.description = format!("it answered {shown}");
    if lines == 0 {
        found.omits_line_ends = true;
        let send = if found.answers_unterminated { Framing::Raw } else { Framing::Lf };
        found.framing = FramingPair { send, receive: Framing::Raw };
        found.name = framing_name(send);
    } else if received.windows(2).filter(|pair| pair == b"\r\n").count() == lines {
        found.framing = FramingPair { send: Framing::CrLf, receive: Framing::Lf };
        found.name = "crlf";
    }
    found
}

fn has_ack(received: &[u8]) -> bool {
    memchr::memmem::find(received, b"CONNECT_ACK|").is_some()
}

/// Reads until `CONNECT_ACK` has arrived, and 60 ms longer for the frames after it.
async fn read_reply(stream: &TcpStream, received: &mut Vec<u8>, timeout: Duration) {
    let mut deadline = Instant::now() + timeout;
    let mut buffer = [0; 4096];
    while let Ok(Ok(())) = tokio::time::timeout_at(deadline, stream.readable()).await {
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                received.extend_from_slice(&buffer[..count]);
                if has_ack(received) {
                    deadline = deadline.min(Instant::now() + Duration::from_millis(60));
                }
                if received.len() > 64 * 1024 {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A profile: the readings of a server, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    /// The readings that apply.
    pub values: BTreeMap<String, String>,
    /// The keys that a profile file declares.
    pub declared: Vec<String>,
    /// Descriptions of the observed behaviour, by key.
    pub observed: BTreeMap<String, String>,
}
