//! The extension frames of servers.

use super::moderation::Moderation;
use crate::frame::{EncodeError, Frame, cut, join};
use crate::reply::{ReplyError, UserList, two_fields};

/// A frame from a server that belongs to an extension. Parsing accepts what any server may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionReply<'a> {
    /// `CAPABILITIES|rooms=50`: the extensions in force from here on (rule N1).
    Capabilities {
        /// The names with their limits, for [`capabilities`](super::capabilities).
        list: &'a str,
    },
    /// `JOIN|room|user`.
    Join {
        /// The name of the room.
        room: &'a str,
        /// The user, who is a member from here on.
        user: &'a str,
    },
    /// `LEAVE|room|user`.
    Leave {
        /// The name of the room.
        room: &'a str,
        /// The user, who is no member any more.
        user: &'a str,
    },
    /// `SAY|room|sender|content`.
    Say {
        /// The name of the room.
        room: &'a str,
        /// The sender's name.
        sender: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// `ROOMS|a,b`: public rooms and one's own. A list may continue in the next frame, as in rule L4.
    Rooms(UserList<'a>),
    /// `MEMBERS|room|a,b`. A list may continue in the next frame.
    Members {
        /// The name of the room.
        room: &'a str,
        /// The names of the members.
        users: UserList<'a>,
    },
    /// `OPERATORS|room|a,b`. A list may continue in the next frame.
    Operators {
        /// The name of the room.
        room: &'a str,
        /// The names of all operators.
        users: UserList<'a>,
    },
    /// `TOPIC|room|by|text`.
    Topic {
        /// The name of the room.
        room: &'a str,
        /// The user who set the topic.
        by: &'a str,
        /// The rest of the frame; an empty text means that there is no topic any more.
        text: &'a str,
    },
    /// `INVITE|room|by|user`, and `KICK`, `BAN`, `UNBAN`, `GRANT` and `REVOKE` alike.
    Moderated {
        /// The action, which is the first field.
        action: Moderation,
        /// The name of the room.
        room: &'a str,
        /// The operator.
        by: &'a str,
        /// The user whom the action concerns.
        user: &'a str,
    },
    /// `MODE|room|by|mode`.
    Mode {
        /// The name of the room.
        room: &'a str,
        /// The operator.
        by: &'a str,
        /// The mode, for [`RoomMode::from_text`](super::RoomMode::from_text).
        mode: &'a str,
    },
}

impl<'a> ExtensionReply<'a> {
    /// Parses a frame that [`Reply::parse`](crate::Reply::parse) does not know. It allocates nothing.
    pub fn parse(frame: &'a [u8]) -> Result<Self, ReplyError> {
        let frame = Frame::new(frame).map_err(|_| ReplyError::NotUtf8)?;
        let (verb, rest) = frame.command();
        match verb {
            "SAY" => {
                three(rest, "sender", "content").map(|(room, sender, content)| Self::Say { room, sender, content })
            }
            "JOIN" => two_fields(rest, "room", "user").map(|(room, user)| Self::Join { room, user }),
            "LEAVE" => two_fields(rest, "room", "user").map(|(room, user)| Self::Leave { room, user }),
            "ROOMS" => Ok(Self::Rooms(UserList::new(rest.ok_or(ReplyError::Missing("names"))?))),
            "MEMBERS" => members(rest).map(|(room, users)| Self::Members { room, users }),
            "OPERATORS" => members(rest).map(|(room, users)| Self::Operators { room, users }),
            "TOPIC" => three(rest, "by", "text").map(|(room, by, text)| Self::Topic { room, by, text }),
            "MODE" => three(rest, "by", "mode").map(|(room, by, mode)| Self::Mode { room, by, mode }),
            "CAPABILITIES" => Ok(Self::Capabilities { list: rest.ok_or(ReplyError::Missing("list"))? }),
            _ => {
                let action = Moderation::from_verb(verb).ok_or(ReplyError::Unknown)?;
                three(rest, "by", "user").map(|(room, by, user)| Self::Moderated { action, room, by, user })
            }
        }
    }

    /// Appends the frame to `out`, without a terminator. On an error, `out` is unchanged.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::Capabilities { list } => join(out, &["CAPABILITIES", list]),
            Self::Join { room, user } => join(out, &["JOIN", room, user]),
            Self::Leave { room, user } => join(out, &["LEAVE", room, user]),
            Self::Say { room, sender, content } => join(out, &["SAY", room, sender, content]),
            Self::Rooms(rooms) => join(out, &["ROOMS", rooms.text()]),
            Self::Members { room, users } => join(out, &["MEMBERS", room, users.text()]),
            Self::Operators { room, users } => join(out, &["OPERATORS", room, users.text()]),
            Self::Topic { room, by, text } => join(out, &["TOPIC", room, by, text]),
            Self::Moderated { action, room, by, user } => join(out, &[action.verb(), room, by, user]),
            Self::Mode { room, by, mode } => join(out, &["MODE", room, by, mode]),
        }
    }
}

fn members(rest: Option<&str>) -> Result<(&str, UserList<'_>), ReplyError> {
    two_fields(rest, "room", "names").map(|(room, names)| (room, UserList::new(names)))
}

/// Splits `rest` into a room and two more fields. Their names are for the error.
fn three<'a>(
    rest: Option<&'a str>,
    second: &'static str,
    third: &'static str,
) -> Result<(&'a str, &'a str, &'a str), ReplyError> {
    let (room, rest) = cut(rest.ok_or(ReplyError::Missing("room"))?);
    two_fields(rest, second, third).map(|(second, third)| (room, second, third))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_malformed_reply_has_its_error() {
        for (frame, fault) in [
            ("JOIN", ReplyError::Missing("room")),
            ("JOIN|r", ReplyError::Missing("user")),
            ("SAY|r", ReplyError::Missing("sender")),
            ("SAY|r|a", ReplyError::Missing("content")),
            ("ROOMS", ReplyError::Missing("names")),
            ("MEMBERS|r", ReplyError::Missing("names")),
            ("TOPIC|r|a", ReplyError::Missing("text")),
            ("KICK|r|a", ReplyError::Missing("user")),
            ("CAPABILITIES", ReplyError::Missing("list")),
            ("MESSAGE|a|b", ReplyError::Unknown),
        ] {
            assert_eq!(ExtensionReply::parse(frame.as_bytes()), Err(fault), "{frame:?}");
        }
    }
}
