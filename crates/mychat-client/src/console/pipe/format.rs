//! Formats events as lines for other programs, as tab-separated fields or JSON. The words do not depend on the
//! language.

use std::fmt::Write as _;
use std::io;

use mychat_client::name::is_invisible;
use mychat_client::{ClientEvent, CloseReason, DisconnectCause, Framing, Moderation, RoomUpdate, RosterUpdate, Sender};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::console::sanitize::sanitize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PipeFormat {
    /// Fields with tabs between them, sanitized for a terminal.
    Plain,
    /// JSON with the exact content.
    Json,
}

impl PipeFormat {
    pub(super) fn connected(self, sender: &Sender) -> String {
        let framing = framing(sender.framing().unwrap_or_default());
        let name = sender.name().as_str();
        match self {
            Self::Plain => fields(&["connected", name, framing]),
            Self::Json => compact(&JsonEvent::Connected { name, framing }),
        }
    }

    pub(super) fn users(self, users: &[String]) -> String {
        match self {
            Self::Plain => fields(&["users", &users.join(",")]),
            Self::Json => compact(&JsonEvent::Users { users, joined: &[], left: &[] }),
        }
    }

    /// Returns the lines for an event. The text is empty for some events.
    pub(super) fn event(self, event: &ClientEvent, own: &str) -> String {
        match self {
            Self::Plain => plain(event),
            Self::Json => object(event, own).map(|object| compact(&object)).unwrap_or_default(),
        }
    }
}

fn plain(event: &ClientEvent) -> String {
    match event {
        ClientEvent::Broadcast { from, content } => fields(&["broadcast", from, content]),
        ClientEvent::Message { from, content } => fields(&["message", from, content]),
        ClientEvent::Roster(roster) => plain_roster(roster),
        ClientEvent::Room(update) => plain_room(update),
        ClientEvent::Error(error) => fields(&["error", &error.code, &error.text]),
        ClientEvent::Unreadable(error) => fields(&["unreadable", &error.to_string()]),
        ClientEvent::Lost { reason, .. } => fields(&["lost", loss(reason)]),
        ClientEvent::Reconnected { .. } => fields(&["back"]),
        ClientEvent::Closed(CloseReason::Lost(reason)) => fields(&["closed", loss(reason)]),
        ClientEvent::Closed(_) => fields(&["closed", "left"]),
        _ => String::new(),
    }
}

fn plain_roster(roster: &RosterUpdate) -> String {
    let mut lines = String::new();
    for (word, names) in [("joined", &roster.joined), ("left", &roster.left)] {
        if !names.is_empty() {
            let _ = writeln!(lines, "{}", fields(&[word, &names.join(",")]));
        }
    }
    lines + &fields(&["users", &roster.users.join(",")])
}

fn plain_room(update: &RoomUpdate) -> String {
    match update {
        RoomUpdate::Said { room, from, content } => fields(&["say", room, from, content]),
        RoomUpdate::Joined { room, user } => fields(&["room_joined", room, user]),
        RoomUpdate::Left { room, user } => fields(&["room_left", room, user]),
        RoomUpdate::Members { room, users } => fields(&["members", room, &users.join(",")]),
        RoomUpdate::Operators { room, users } => fields(&["operators", room, &users.join(",")]),
        RoomUpdate::Topic { room, by, text } => fields(&["topic", room, by, text]),
        RoomUpdate::Moderated { action, room, by, user } => {
            fields(&[&action.verb().to_ascii_lowercase(), room, by, user])
        }
        RoomUpdate::Mode { room, by, mode } => fields(&["mode", room, by, mode]),
        RoomUpdate::List(rooms) => fields(&["rooms", &rooms.join(",")]),
        _ => String::new(),
    }
}

fn fields(fields: &[&str]) -> String {
    fields.iter().map(|field| sanitize(field)).collect::<Vec<_>>().join("\t")
}

/// An event in the form of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum JsonEvent<'a> {
    Connected {
        name: &'a str,
        framing: &'static str,
    },
    Broadcast {
        from: &'a str,
        content: &'a str,
        own: bool,
    },
    Message {
        from: &'a str,
        content: &'a str,
    },
    Users {
        users: &'a [String],
        joined: &'a [String],
        left: &'a [String],
    },
    Say {
        room: &'a str,
        from: &'a str,
        content: &'a str,
        own: bool,
    },
    #[serde(rename = "room_joined")]
    RoomJoined {
        room: &'a str,
        user: &'a str,
        own: bool,
    },
    #[serde(rename = "room_left")]
    RoomLeft {
        room: &'a str,
        user: &'a str,
        own: bool,
    },
    Members {
        room: &'a str,
        users: &'a [String],
    },
    Operators {
        room: &'a str,
        users: &'a [String],
    },
    Topic {
        room: &'a str,
        by: &'a str,
        text: &'a str,
    },
    Invite(ModerationFields<'a>),
    Kick(ModerationFields<'a>),
    Ban(ModerationFields<'a>),
    Unban(ModerationFields<'a>),
    Grant(ModerationFields<'a>),
    Revoke(ModerationFields<'a>),
    Mode {
        room: &'a str,
        by: &'a str,
        mode: &'a str,
    },
    Rooms {
        rooms: &'a [String],
    },
    Error {
        code: &'a str,
        text: &'a str,
    },
    Unreadable {
        reason: String,
    },
    Lost {
        reason: &'static str,
        attempt: u32,
        retry_ms: u64,
    },
    Back {
        framing: &'static str,
    },
    Closed {
        reason: &'static str,
    },
}

/// The action of an operator that concerns one user.
#[derive(Debug, Serialize)]
struct ModerationFields<'a> {
    room: &'a str,
    by: &'a str,
    user: &'a str,
}

fn object<'a>(event: &'a ClientEvent, own: &str) -> Option<JsonEvent<'a>> {
    Some(match event {
        ClientEvent::Broadcast { from, content } => JsonEvent::Broadcast { from, content, own: from == own },
        ClientEvent::Message { from, content } => JsonEvent::Message { from, content },
        ClientEvent::Roster(RosterUpdate { users, joined, left }) => JsonEvent::Users { users, joined, left },
        ClientEvent::Room(update) => room_object(update, own)?,
        ClientEvent::Error(error) => JsonEvent::Error { code: &error.code, text: &error.text },
        ClientEvent::Unreadable(error) => JsonEvent::Unreadable { reason: error.to_string() },
        ClientEvent::Lost { reason, attempt, retry_in } => {
            JsonEvent::Lost { reason: loss(reason), attempt: *attempt, retry_ms: retry_in.as_millis() as u64 }
        }
        ClientEvent::Reconnected { framing: found } => JsonEvent::Back { framing: framing(*found) },
        ClientEvent::Closed(CloseReason::Lost(reason)) => JsonEvent::Closed { reason: loss(reason) },
        ClientEvent::Closed(_) => JsonEvent::Closed { reason: "left" },
        _ => return None,
    })
}

fn room_object<'a>(update: &'a RoomUpdate, own: &str) -> Option<JsonEvent<'a>> {
    Some(match update {
        RoomUpdate::Said { room, from, content } => JsonEvent::Say { room, from, content, own: from == own },
        RoomUpdate::Joined { room, user } => JsonEvent::RoomJoined { room, user, own: user == own },
        RoomUpdate::Left { room, user } => JsonEvent::RoomLeft { room, user, own: user == own },
        RoomUpdate::Members { room, users } => JsonEvent::Members { room, users },
        RoomUpdate::Operators { room, users } => JsonEvent::Operators { room, users },
        RoomUpdate::Topic { room, by, text } => JsonEvent::Topic { room, by, text },
        RoomUpdate::Moderated { action, room, by, user } => {
            let fields = ModerationFields { room, by, user };
            match action {
                Moderation::Invite => JsonEvent::Invite(fields),
                Moderation::Kick => JsonEvent::Kick(fields),
                Moderation::Ban => JsonEvent::Ban(fields),
                Moderation::Unban => JsonEvent::Unban(fields),
                Moderation::Grant => JsonEvent::Grant(fields),
                Moderation::Revoke => JsonEvent::Revoke(fields),
            }
        }
        RoomUpdate::Mode { room, by, mode } => JsonEvent::Mode { room, by, mode },
        RoomUpdate::List(rooms) => JsonEvent::Rooms { rooms },
        _ => return None,
    })
}

/// Returns the name of a cause, for scripts.
fn loss(reason: &DisconnectCause) -> &'static str {
    match reason {
        DisconnectCause::ServerClosed => "server_closed",
        DisconnectCause::Unterminated => "unterminated",
        DisconnectCause::NoAnswer => "no_answer",
        DisconnectCause::Refused(_) => "refused",
        _ => "network",
    }
}

fn framing(framing: Framing) -> &'static str {
    if framing.is_terminated() { "lf" } else { "raw" }
}

fn compact(object: &JsonEvent<'_>) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, SanitizedJson);
    object.serialize(&mut serializer).expect("an object with fixed keys goes into memory");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Escapes invisible characters that JSON allows but a terminal may interpret: C1 controls and bidi overrides. The
/// decoded content is unchanged.
struct SanitizedJson;

impl Formatter for SanitizedJson {
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

    fn events() -> Vec<ClientEvent> {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let retry_in = Duration::from_millis(412);
        vec![
            ClientEvent::Roster(RosterUpdate { users: names("Alice Bob"), ..RosterUpdate::default() }),
            ClientEvent::Roster(RosterUpdate {
                users: names("Alice Carla"),
                joined: names("Carla"),
                left: names("Bob"),
            }),
            ClientEvent::Broadcast { from: "Alice".into(), content: "hola | \"todos\"".into() },
            ClientEvent::Broadcast { from: "Bob".into(), content: "\u{1b}[2J\t\u{202e}\u{9b}\u{e0001}é".into() },
            ClientEvent::Message { from: "Ana María".into(), content: "hi".into() },
            ClientEvent::Error(ServerError { code: "404".into(), text: "no such user".into() }),
            ClientEvent::Room(RoomUpdate::Available { limit: Some(50) }),
            ClientEvent::Room(RoomUpdate::Joined { room: "garden".into(), user: "Alice".into() }),
            ClientEvent::Room(RoomUpdate::Topic { room: "garden".into(), by: "Bob".into(), text: "spring".into() }),
            ClientEvent::Room(RoomUpdate::Members { room: "garden".into(), users: names("Alice Bob") }),
            ClientEvent::Room(RoomUpdate::Operators { room: "garden".into(), users: names("Bob") }),
            ClientEvent::Room(RoomUpdate::Said {
                room: "garden".into(),
                from: "Bob".into(),
                content: "a\tb\u{202e}".into(),
            }),
            ClientEvent::Room(RoomUpdate::Mode { room: "garden".into(), by: "Bob".into(), mode: "quiet".into() }),
            ClientEvent::Room(RoomUpdate::Moderated {
                action: Moderation::Kick,
                room: "garden".into(),
                by: "Bob".into(),
                user: "Alice".into(),
            }),
            ClientEvent::Room(RoomUpdate::Left { room: "garden".into(), user: "Bob".into() }),
            ClientEvent::Room(RoomUpdate::List(names("garden shed"))),
            ClientEvent::Unreadable(ReplyError::Unknown),
            ClientEvent::Lost { reason: DisconnectCause::Io(io::ErrorKind::ConnectionReset), attempt: 1, retry_in },
            ClientEvent::Reconnected { framing: Framing::Raw },
            ClientEvent::Closed(CloseReason::Lost(DisconnectCause::Refused(Refusal::InUse))),
            ClientEvent::Closed(CloseReason::Left),
        ]
    }

    #[test]
    fn every_event_as_lines() {
        let lines =
            |format: PipeFormat| events().iter().map(|event| format.event(event, "Alice") + "\n").collect::<String>();
        insta::assert_snapshot!("events_plain", lines(PipeFormat::Plain).replace('\t', "→"));
        insta::assert_snapshot!("events_json", lines(PipeFormat::Json));
    }

    #[test]
    fn json_gives_the_content_back_exactly() {
        let ClientEvent::Broadcast { content, .. } = &events()[3] else { unreachable!() };
        let value: serde_json::Value = serde_json::from_str(&PipeFormat::Json.event(&events()[3], "Alice")).unwrap();
        assert_eq!(value["content"], content.as_str());
    }
}
