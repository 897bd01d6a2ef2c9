//! Events as lines for programs: fields between tabs, or JSON. The words are the same in every language.

use std::fmt::Write as _;
use std::io;

use mychat_client::name::is_invisible;
use mychat_client::{Closed, Event, Framing, Loss, Roster, Sender};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::console::harmless::harmless;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Fields between tabs, made harmless for a terminal.
    Plain,
    /// JSON, exact.
    Json,
}

impl Format {
    pub(super) fn connected(self, sender: &Sender) -> String {
        let framing = framing(sender.framing().unwrap_or_default());
        let name = sender.name().as_str();
        match self {
            Self::Plain => fields(&["connected", name, framing]),
            Self::Json => compact(&Object::Connected { name, framing }),
        }
    }

    pub(super) fn users(self, users: &[String]) -> String {
        match self {
            Self::Plain => fields(&["users", &users.join(",")]),
            Self::Json => compact(&Object::Users { users, joined: &[], left: &[] }),
        }
    }

    /// The lines for an event; none for some.
    pub(super) fn event(self, event: &Event, own: &str) -> String {
        match self {
            Self::Plain => plain(event),
            Self::Json => object(event, own).map(|object| compact(&object)).unwrap_or_default(),
        }
    }
}

fn plain(event: &Event) -> String {
    match event {
        Event::Broadcast { from, content } => fields(&["broadcast", from, content]),
        Event::Message { from, content } => fields(&["message", from, content]),
        Event::Roster(roster) => plain_roster(roster),
        Event::Error(error) => fields(&["error", &error.code, &error.text]),
        Event::Unreadable(why) => fields(&["unreadable", &why.to_string()]),
        Event::Lost { reason, .. } => fields(&["lost", loss(reason)]),
        Event::Reconnected { .. } => fields(&["back"]),
        Event::Closed(Closed::Lost(reason)) => fields(&["closed", loss(reason)]),
        Event::Closed(_) => fields(&["closed", "left"]),
        _ => String::new(),
    }
}

fn plain_roster(roster: &Roster) -> String {
    let mut lines = String::new();
    for (word, names) in [("joined", &roster.joined), ("left", &roster.left)] {
        if !names.is_empty() {
            let _ = writeln!(lines, "{}", fields(&[word, &names.join(",")]));
        }
    }
    lines + &fields(&["users", &roster.users.join(",")])
}

fn fields(fields: &[&str]) -> String {
    fields.iter().map(|field| harmless(field)).collect::<Vec<_>>().join("\t")
}

/// An event as `--json` writes it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Object<'a> {
    Connected { name: &'a str, framing: &'static str },
    Broadcast { from: &'a str, content: &'a str, own: bool },
    Message { from: &'a str, content: &'a str },
    Users { users: &'a [String], joined: &'a [String], left: &'a [String] },
    Error { code: &'a str, text: &'a str },
    Unreadable { reason: String },
    Lost { reason: &'static str, attempt: u32, retry_ms: u64 },
    Back { framing: &'static str },
    Closed { reason: &'static str },
}

fn object<'a>(event: &'a Event, own: &str) -> Option<Object<'a>> {
    Some(match event {
        Event::Broadcast { from, content } => Object::Broadcast { from, content, own: from == own },
        Event::Message { from, content } => Object::Message { from, content },
        Event::Roster(Roster { users, joined, left }) => Object::Users { users, joined, left },
        Event::Error(error) => Object::Error { code: &error.code, text: &error.text },
        Event::Unreadable(why) => Object::Unreadable { reason: why.to_string() },
        Event::Lost { reason, attempt, retry_in } => {
            Object::Lost { reason: loss(reason), attempt: *attempt, retry_ms: retry_in.as_millis() as u64 }
        }
        Event::Reconnected { framing: found } => Object::Back { framing: framing(*found) },
        Event::Closed(Closed::Lost(reason)) => Object::Closed { reason: loss(reason) },
        Event::Closed(_) => Object::Closed { reason: "left" },
        _ => return None,
    })
}

/// The word that a script compares.
fn loss(reason: &Loss) -> &'static str {
    match reason {
        Loss::ServerClosed => "server_closed",
        Loss::Unterminated => "unterminated",
        Loss::NoAnswer => "no_answer",
        Loss::Refused(_) => "refused",
        _ => "network",
    }
}

fn framing(framing: Framing) -> &'static str {
    if framing.is_terminated() { "lf" } else { "raw" }
}

fn compact(object: &Object<'_>) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, HarmlessJson);
    object.serialize(&mut serializer).expect("an object with fixed keys goes into memory");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Escapes what a terminal might obey and JSON leaves as it is: C1 controls, bidi overrides. The content stays exact.
struct HarmlessJson;

impl Formatter for HarmlessJson {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_invisible(*c)) {
            CompactFormatter.write_string_fragment(out, &fragment[from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        CompactFormatter.write_string_fragment(out, &fragment[from..])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mychat_client::{Refusal, ReplyError, ServerError};

    use super::*;

    fn events() -> Vec<Event> {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let retry_in = Duration::from_millis(412);
        vec![
            Event::Roster(Roster { users: names("Alice Bob"), ..Roster::default() }),
            Event::Roster(Roster { users: names("Alice Carla"), joined: names("Carla"), left: names("Bob") }),
            Event::Broadcast { from: "Alice".into(), content: "hola | \"todos\"".into() },
            Event::Broadcast { from: "Bob".into(), content: "\u{1b}[2J\t\u{202e}\u{9b}\u{e0001}é".into() },
            Event::Message { from: "Ana María".into(), content: "hi".into() },
            Event::Error(ServerError { code: "404".into(), text: "no such user".into() }),
            Event::Unreadable(ReplyError::Unknown),
            Event::Lost { reason: Loss::Io(io::ErrorKind::ConnectionReset), attempt: 1, retry_in },
            Event::Reconnected { framing: Framing::Raw },
            Event::Closed(Closed::Lost(Loss::Refused(Refusal::InUse))),
            Event::Closed(Closed::Left),
        ]
    }

    #[test]
    fn every_event_as_lines() {
        let lines =
            |format: Format| events().iter().map(|event| format.event(event, "Alice") + "\n").collect::<String>();
        insta::assert_snapshot!("events_plain", lines(Format::Plain).replace('\t', "→"));
        insta::assert_snapshot!("events_json", lines(Format::Json));
    }

    #[test]
    fn json_gives_the_content_back_exactly() {
        let Event::Broadcast { content, .. } = &events()[3] else { unreachable!() };
        let value: serde_json::Value = serde_json::from_str(&Format::Json.event(&events()[3], "Alice")).unwrap();
        assert_eq!(value["content"], content.as_str());
    }
}
