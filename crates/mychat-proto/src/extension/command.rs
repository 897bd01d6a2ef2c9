//! The extension frames of clients.

use super::moderation::{Moderation, RoomMode};
use crate::command::{ParseCommandError, content, parameter};
use crate::frame::{EncodeError, Frame, cut, join};

/// A frame from a client that belongs to an extension. Names of rooms and users are unchecked text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionCommand<'a> {
    /// `CAPABILITIES|a,b`: the extensions that the client understands, perhaps none (rule N1).
    Capabilities {
        /// The names, for [`capabilities`](super::capabilities).
        list: &'a str,
    },
    /// `JOIN|room`.
    Join {
        /// The name of the room, which comes into being if there is none.
        room: &'a str,
    },
    /// `LEAVE|room`.
    Leave {
        /// The name of the room.
        room: &'a str,
    },
    /// `SAY|room|content`. The content is not empty.
    Say {
        /// The name of the room.
        room: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// `ROOMS`.
    Rooms,
    /// `MEMBERS|room`.
    Members {
        /// The name of the room.
        room: &'a str,
    },
    /// `TOPIC|room|text`.
    Topic {
        /// The name of the room.
        room: &'a str,
        /// The rest of the frame; an empty text removes the topic.
        text: &'a str,
    },
    /// `INVITE|room|user`, and `KICK`, `BAN`, `UNBAN`, `GRANT` and `REVOKE` alike.
    Moderate {
        /// The action, which is the first field.
        action: Moderation,
        /// The name of the room.
        room: &'a str,
        /// The user whom the action concerns.
        user: &'a str,
    },
    /// `MODE|room|private` and so on.
    Mode {
        /// The name of the room.
        room: &'a str,
        /// The property to set.
        mode: RoomMode,
    },
}

impl<'a> ExtensionCommand<'a> {
    /// Parses a frame that [`Command::parse`](crate::Command::parse) does not know. It allocates nothing.
    pub fn parse(frame: &'a [u8]) -> Result<Self, ParseCommandError> {
        let frame = Frame::new(frame).map_err(|_| ParseCommandError::NotUtf8)?;
        let (verb, rest) = frame.command();
        match verb {
            "SAY" => two(rest, content).map(|(room, content)| Self::Say { room, content }),
            "JOIN" => Ok(Self::Join { room: parameter(rest, ROOM)? }),
            "LEAVE" => Ok(Self::Leave { room: parameter(rest, ROOM)? }),
            "MEMBERS" => Ok(Self::Members { room: parameter(rest, ROOM)? }),
            // Rule S3 is kept for the only other command without a parameter.
            "ROOMS" if rest.is_none_or(str::is_empty) => Ok(Self::Rooms),
            "ROOMS" => Err(ParseCommandError::Unexpected("ROOMS")),
            "TOPIC" => {
                let text = |text: Option<&'a str>| text.ok_or(ParseCommandError::Missing("text"));
                two(rest, text).map(|(room, text)| Self::Topic { room, text })
            }
            "MODE" => two(rest, mode).map(|(room, mode)| Self::Mode { room, mode }),
            // An empty list turns all extensions off.
            "CAPABILITIES" => Ok(Self::Capabilities { list: rest.ok_or(ParseCommandError::Missing("list"))? }),
            "OPERATORS" => Err(ParseCommandError::ServerOnly),
            _ => {
                let action = Moderation::from_verb(verb).ok_or(ParseCommandError::Unknown)?;
                let (room, user) = two(rest, |user| parameter(user, "user"))?;
                Ok(Self::Moderate { action, room, user })
            }
        }
    }

    /// Appends the frame to `out`, without a terminator. On an error, `out` is unchanged.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::Capabilities { list } => join(out, &["CAPABILITIES", list]),
            Self::Join { room } => join_filled(out, &["JOIN", room]),
            Self::Leave { room } => join_filled(out, &["LEAVE", room]),
            Self::Say { room, content } => join_filled(out, &["SAY", room, content]),
            Self::Rooms => join(out, &["ROOMS"]),
            Self::Members { room } => join_filled(out, &["MEMBERS", room]),
            Self::Topic { room: "", .. } => Err(EncodeError::Empty),
            Self::Topic { room, text } => join(out, &["TOPIC", room, text]),
            Self::Moderate { action, room, user } => join_filled(out, &[action.verb(), room, user]),
            Self::Mode { room, mode } => join_filled(out, &["MODE", room, mode.text()]),
        }
    }
}

const ROOM: &str = "room";

/// Splits `rest` into the name of a room and a last parameter, which `last` checks.
fn two<'a, T>(
    rest: Option<&'a str>,
    last: impl FnOnce(Option<&'a str>) -> Result<T, ParseCommandError>,
) -> Result<(&'a str, T), ParseCommandError> {
    let (room, rest) = cut(parameter(rest, ROOM)?);
    Ok((parameter(Some(room), ROOM)?, last(rest)?))
}

fn mode(text: Option<&str>) -> Result<RoomMode, ParseCommandError> {
    RoomMode::from_text(parameter(text, "mode")?).ok_or(ParseCommandError::UnknownMode)
}

fn join_filled(out: &mut Vec<u8>, fields: &[&str]) -> Result<(), EncodeError> {
    if fields.iter().any(|field| field.is_empty()) { Err(EncodeError::Empty) } else { join(out, fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_parameter_takes_the_rest() {
        let parse = |text: &'static str| ExtensionCommand::parse(text.as_bytes());
        assert_eq!(parse("SAY|r|a|b||"), Ok(ExtensionCommand::Say { room: "r", content: "a|b||" }));
        assert_eq!(parse("TOPIC|r||"), Ok(ExtensionCommand::Topic { room: "r", text: "|" }));
        assert_eq!(parse("TOPIC|r|"), Ok(ExtensionCommand::Topic { room: "r", text: "" }));
        // An illegal name, which the server answers with 422.
        assert_eq!(parse("JOIN|a|b"), Ok(ExtensionCommand::Join { room: "a|b" }));
        assert_eq!(parse("ROOMS|"), Ok(ExtensionCommand::Rooms));
        assert_eq!(parse("CAPABILITIES|"), Ok(ExtensionCommand::Capabilities { list: "" }));
        let action = Moderation::Ban;
        assert_eq!(parse("BAN|r|bob"), Ok(ExtensionCommand::Moderate { action, room: "r", user: "bob" }));
        assert_eq!(parse("MODE|r|quiet"), Ok(ExtensionCommand::Mode { room: "r", mode: RoomMode::Quiet }));
    }

    #[test]
    fn s4_each_malformed_frame_has_its_error() {
        use ParseCommandError::{Empty, Missing, ServerOnly, Unexpected, Unknown, UnknownMode};
        for (frame, fault) in [
            ("CAPABILITIES", Missing("list")),
            ("JOIN", Missing("room")),
            ("JOIN|", Empty("room")),
            ("LEAVE", Missing("room")),
            ("MEMBERS|", Empty("room")),
            ("SAY", Missing("room")),
            ("SAY|r", Missing("content")),
            ("SAY|r|", Empty("content")),
            ("SAY||hola", Empty("room")),
            ("SAY|r|a\nb", ParseCommandError::LineFeed),
            ("TOPIC|r", Missing("text")),
            ("ROOMS|x", Unexpected("ROOMS")),
            ("KICK|r", Missing("user")),
            ("KICK|r|", Empty("user")),
            ("MODE|r", Missing("mode")),
            ("MODE|r|loud", UnknownMode),
            ("OPERATORS|r|a", ServerOnly),
            ("join|r", Unknown),
            ("FOO", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(ExtensionCommand::parse(frame.as_bytes()), Err(fault), "{frame:?}");
        }
        assert_eq!(ExtensionCommand::parse(b"SAY|r|\xff"), Err(ParseCommandError::NotUtf8));
    }

    #[test]
    fn n3_no_verb_ends_in_a_verb_at_which_a_raw_reader_cuts() {
        let verbs = ["CAPABILITIES", "JOIN", "LEAVE", "SAY", "ROOMS", "MEMBERS", "OPERATORS", "TOPIC", "MODE"];
        for verb in verbs.into_iter().chain(Moderation::ALL.map(Moderation::verb)) {
            for base in ["CONNECT_ACK", "USER_LIST", "MESSAGE", "BROADCAST", "ERROR"] {
                assert!(!verb.ends_with(base), "{verb}");
            }
        }
    }
}
