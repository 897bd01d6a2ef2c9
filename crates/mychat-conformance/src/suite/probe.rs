//! How a server talks: whether and how it ends its messages, and which reading it takes where the text leaves several.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use mychat_proto::Framing;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::script::form::oddity;
use crate::script::line::Manner;
use mychat_scenario::model::FramingChoice;

pub mod profile;

/// How long an answer may take that needs no terminator.
const UNTERMINATED: Duration = Duration::from_millis(300);

/// What was found out about the framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How to talk.
    pub manner: Manner,
    /// Its name: lf, crlf or raw.
    pub framing: &'static str,
    /// Whether it was asked for, and not looked at.
    pub asked: bool,
    /// Whether it answered a `CONNECT` that had no end yet.
    pub answers_unterminated: bool,
    /// Whether it ends none of its own messages, though it waits for the end of ours.
    pub ends_nothing: bool,
    /// What was seen, in words.
    pub seen: String,
    /// A mistake in how it writes messages.
    pub mistake: Option<&'static str>,
}

impl Found {
    /// What was asked for.
    fn asked(framing: Framing) -> Self {
        Self {
            manner: Manner { send: framing, receive: framing },
            framing: name(framing),
            asked: true,
            answers_unterminated: false,
            ends_nothing: false,
            seen: "as asked for".to_owned(),
            mistake: None,
        }
    }
}

/// The name of a framing.
pub const fn name(framing: Framing) -> &'static str {
    match framing {
        Framing::Lf => "lf",
        Framing::CrLf => "crlf",
        Framing::Raw => "raw",
    }
}

/// Finds out how a server ends its messages, unless that was said.
pub async fn framing(target: SocketAddr, choice: FramingChoice, patience: Duration, nonce: &str) -> Found {
    match choice {
        FramingChoice::Lf => Found::asked(Framing::Lf),
        FramingChoice::CrLf => Found::asked(Framing::CrLf),
        FramingChoice::Raw => Found::asked(Framing::Raw),
        FramingChoice::Auto => detect(target, patience, nonce).await,
    }
}

/// As [`framing`], where nothing else is asked for than how to talk: a server that ends its answer to a whole `CONNECT` is
/// known at once.
pub async fn manner(target: SocketAddr, choice: FramingChoice, patience: Duration, nonce: &str) -> Found {
    if choice != FramingChoice::Auto {
        return framing(target, choice, patience, nonce).await;
    }
    let Some(framing) = greet(target, patience, nonce).await else { return detect(target, patience, nonce).await };
    Found {
        manner: Manner { send: framing, receive: Framing::Lf },
        asked: false,
        seen: "it ended its answer to CONNECT".to_owned(),
        ..Found::asked(framing)
    }
}

/// How a server ends its answer to a whole `CONNECT`, if it ends it.
async fn greet(target: SocketAddr, patience: Duration, nonce: &str) -> Option<Framing> {
    let stream = tokio::time::timeout(patience, TcpStream::connect(target)).await.ok()?.ok()?;
    let _ = stream.set_nodelay(true);
    let _ = stream.try_write(format!("CONNECT|greet{nonce}\n").as_bytes());
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    let deadline = Instant::now() + patience;
    loop {
        match ending(&heard) {
            Ending::Unknown if heard.len() < 64 * 1024 => {}
            Ending::Line(framing) => {
                let _ = stream.try_write(b"DISCONNECT\n");
                return Some(framing);
            }
            Ending::Unknown | Ending::Nothing => return None,
        }
        // A server that ends nothing has said all it will: the rest of the patience is not worth waiting for.
        let until = if has_ack(&heard) { deadline.min(Instant::now() + UNTERMINATED) } else { deadline };
        tokio::time::timeout_at(until, stream.readable()).await.ok()?.ok()?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// Too little has come.
    Unknown,
    /// A line ends behind the answer.
    Line(Framing),
    /// Something else stands behind it.
    Nothing,
}

/// What stands behind the answer to `CONNECT`. A line feed somewhere means nothing: names that were taken with theirs
/// come back in lists.
fn ending(heard: &[u8]) -> Ending {
    let Some(start) = memchr::memmem::find(heard, b"CONNECT_ACK|") else { return Ending::Unknown };
    let rest = &heard[start + b"CONNECT_ACK|".len()..];
    match rest.iter().position(|byte| !byte.is_ascii_uppercase()).map(|at| &rest[at..]) {
        None | Some(b"\r") => Ending::Unknown,
        Some([b'\n', ..]) => Ending::Line(Framing::Lf),
        Some([b'\r', b'\n', ..]) => Ending::Line(Framing::CrLf),
        Some(_) => Ending::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_answer_counts_and_no_other_line_feed() {
        for (heard, wanted) in [
            ("", Ending::Unknown),
            ("CONNECT_ACK|O", Ending::Unknown),
            ("CONNECT_ACK|OK", Ending::Unknown),
            ("CONNECT_ACK|OK\r", Ending::Unknown),
            ("CONNECT_ACK|OK\n", Ending::Line(Framing::Lf)),
            ("USER_LIST|a\nCONNECT_ACK|OK\r\n", Ending::Line(Framing::CrLf)),
            ("CONNECT_ACK|OK|welcome\n", Ending::Nothing),
            ("CONNECT_ACK|OKUSER_LIST|greet\n", Ending::Nothing),
        ] {
            assert_eq!(ending(heard.as_bytes()), wanted, "{heard:?}");
        }
    }
}

async fn detect(target: SocketAddr, patience: Duration, nonce: &str) -> Found {
    let started = Instant::now();
    let mut found = ask(target, patience, UNTERMINATED, nonce).await;
    if found.mistake == Some(MUTE)
        && let Some(framing) = greet(target, patience, &format!("{nonce}c")).await
    {
        found.manner = Manner { send: framing, receive: Framing::Lf };
        found.framing = name(framing);
        "it answered a CONNECT in one piece, and none whose line end came later".clone_into(&mut found.seen);
        found.mistake = Some(FORGETFUL);
    }
    if !found.ends_nothing || found.answers_unterminated {
        return found;
    }
    // It ends nothing, and answered behind a line end: perhaps because of it, perhaps because it is slow.
    let longer = UNTERMINATED + started.elapsed() * 2;
    let again = ask(target, patience, longer, &format!("{nonce}b")).await;
    if again.answers_unterminated { again } else { found }
}

const MUTE: &str = "CONNECT brought no answer, with a line end and without. Is the answer flushed? Does the server wait for a \
                    length (readUTF, struct), or for the end of the connection (read until EOF)?";

const FORGETFUL: &str = "CONNECT in one piece is answered, and not where its line end comes a moment later: what came before is \
                         forgotten. TCP cuts a message anywhere: keep what was read until its line end comes, and put the \
                         pieces together.";

/// One connection: `CONNECT` without a line end first, and the line end where no answer came in `unterminated`.
async fn ask(target: SocketAddr, patience: Duration, unterminated: Duration, nonce: &str) -> Found {
    let mut found =
        Found { asked: false, seen: "it gave no answer to CONNECT".to_owned(), ..Found::asked(Framing::Lf) };
    let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(target)).await else { return found };
    let _ = stream.set_nodelay(true);
    let mut heard = Vec::new();
    let _ = stream.try_write(format!("CONNECT|probe{nonce}").as_bytes());
    listen(&stream, &mut heard, unterminated).await;
    found.answers_unterminated = has_ack(&heard);
    if !found.answers_unterminated {
        let _ = stream.try_write(b"\n");
        listen(&stream, &mut heard, patience).await;
    }
    let _ = stream.try_write(b"DISCONNECT\n");
    if heard.is_empty() {
        found.mistake = Some(MUTE);
        return found;
    }
    // Where nothing ends the welcome, the list behind it does.
    let before_list = |line: &[u8]| memchr::memmem::find(line, b"USER_LIST|").unwrap_or(line.len());
    found.mistake = heard.split(|byte| *byte == b'\n').find_map(|line| oddity(&line[..before_list(line)]));
    if !has_ack(&heard) {
        found.seen = format!("it answered CONNECT with {}", mychat_scenario::template::text::shown(&heard));
        return found;
    }
    // A server without line ends took the greeting's for a part of its name, and may still list it.
    let greeted = format!("greet{}\n", nonce.get(..5).unwrap_or(nonce));
    let names = memchr::memmem::find_iter(&heard, greeted.as_bytes()).count();
    let lines = memchr::memchr_iter(b'\n', &heard).count() - names;
    let shown = mychat_scenario::template::text::shown(&heard).replace(&format!("probe{nonce}"), "probe");
    found.seen = format!("it answered {shown}");
    if lines == 0 {
        found.ends_nothing = true;
        let send = if found.answers_unterminated { Framing::Raw } else { Framing::Lf };
        found.manner = Manner { send, receive: Framing::Raw };
        found.framing = name(send);
    } else if heard.windows(2).filter(|pair| pair == b"\r\n").count() == lines {
        found.manner = Manner { send: Framing::CrLf, receive: Framing::Lf };
        found.framing = "crlf";
    }
    found
}

fn has_ack(heard: &[u8]) -> bool {
    memchr::memmem::find(heard, b"CONNECT_ACK|").is_some()
}

/// Reads until an answer stands there, and a moment longer for what belongs to it.
async fn listen(stream: &TcpStream, heard: &mut Vec<u8>, patience: Duration) {
    let mut deadline = Instant::now() + patience;
    let mut buffer = [0; 4096];
    while let Ok(Ok(())) = tokio::time::timeout_at(deadline, stream.readable()).await {
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                heard.extend_from_slice(&buffer[..count]);
                if has_ack(heard) {
                    deadline = deadline.min(Instant::now() + Duration::from_millis(60));
                }
                if heard.len() > 64 * 1024 {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A profile: what is known of a server, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    /// What is in force.
    pub values: BTreeMap<String, String>,
    /// Which of them were declared in a file.
    pub declared: Vec<String>,
    /// What was seen, by key.
    pub observed: BTreeMap<String, String>,
}
