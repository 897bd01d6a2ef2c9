//! The requests of clients to rooms.

/// A request that is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::faulty_server::conformance) enum RoomRequest {
    Join { room: String },
    Leave { room: String },
    Say { room: String, content: String },
    Rooms,
    Members { room: String },
    Topic { room: String, text: String },
    Mode { room: String, mode: String },
    Moderate { verb: String, room: String, target: String },
}

const MODES: [&str; 4] = ["private", "public", "quiet", "open"];
const MODERATION: [&str; 6] = ["INVITE", "KICK", "BAN", "UNBAN", "GRANT", "REVOKE"];
const OTHERS: [&str; 7] = ["JOIN", "LEAVE", "SAY", "ROOMS", "MEMBERS", "TOPIC", "MODE"];

impl RoomRequest {
    /// Parses the fields behind the verb; `None` if the request is malformed.
    pub(in crate::faulty_server::conformance) fn parse(verb: &str, rest: Option<&str>, fault: &str) -> Option<Self> {
        let one = || rest.filter(|room| !room.is_empty()).map(str::to_owned);
        let two = || {
            let (room, last) = rest?.split_once('|')?;
            (!room.is_empty()).then(|| (room.to_owned(), last.to_owned()))
        };
        let filled = || two().filter(|(_, last)| !last.is_empty());
        Some(match verb {
            "JOIN" => Self::Join { room: one()? },
            "LEAVE" => Self::Leave { room: one()? },
            "MEMBERS" => Self::Members { room: one()? },
            "ROOMS" if rest.is_none_or(str::is_empty) => Self::Rooms,
            "SAY" => {
                let (room, content) = if fault == "room-empty-say-accepted" { two()? } else { filled()? };
                Self::Say { room, content }
            }
            "TOPIC" => {
                let (room, text) = two()?;
                Self::Topic { room, text }
            }
            "MODE" => {
                let (room, mode) = filled().filter(|(_, mode)| MODES.contains(&mode.as_str()))?;
                Self::Mode { room, mode }
            }
            _ if MODERATION.contains(&verb) => {
                let (room, target) = filled()?;
                Self::Moderate { verb: verb.to_owned(), room, target }
            }
            _ => return None,
        })
    }

    /// Returns true for the verb of a request.
    pub(in crate::faulty_server::conformance) fn is_verb(verb: &str) -> bool {
        MODERATION.contains(&verb) || OTHERS.contains(&verb)
    }
}
