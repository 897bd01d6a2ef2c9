//! The `ERROR` replies of the server: their codes and texts.

use mychat_proto::code::ErrorCode;
use mychat_proto::{MAX_FRAME, NameError, ParseCommandError};

/// A reason to reply `ERROR`.
///
/// Its text is for people and names the command and the limit. It repeats nothing that the peer sent except a legal name,
/// so it cannot contain a line feed or exceed a frame. It contains no pipe, because simple clients split at every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply<'a> {
    /// A frame has too many bytes (rule F5).
    #[error("a frame has at most {MAX_FRAME} bytes, this one is discarded up to its line feed")]
    Oversize,
    /// A frame does not parse (rules F6 and S4).
    #[error("{error}{}", hint(*error))]
    Syntax {
        /// The error of the parser.
        error: ParseCommandError,
    },
    /// The session has no name yet (rule U5).
    #[error("{command} needs a name first: send CONNECT with one")]
    NotConnected {
        /// The command of the refused frame.
        command: &'static str,
    },
    /// The session already has a name (rule U4).
    #[error("CONNECT: this session has a name already and keeps it")]
    AlreadyConnected,
    /// The name is not legal (rule U1).
    #[error("CONNECT: {0}")]
    IllegalName(NameError),
    /// Another session has the name (rule U2).
    #[error("CONNECT: the name {0} is in use")]
    NameInUse(&'a str),
    /// `--max-users` is reached (rule U3).
    #[error("CONNECT: the server is full")]
    Full,
    /// The server has as many connections as its descriptors allow.
    #[error("the server has no room for another connection")]
    NoRoom,
    /// `--max-per-address` is reached.
    #[error("too many connections from your address")]
    AddressFull,
    /// No session has the name of the recipient (rule M2).
    #[error("MESSAGE: no user of that name is connected{}", IfLegal(.0))]
    NoSuchUser(&'a str),
    /// The forwarded frame would be too long (rule M4).
    #[error("{command}: with your name in it the frame has {bytes} bytes, {MAX_FRAME} are allowed")]
    ForwardTooLong {
        /// The command of the refused frame.
        command: &'static str,
        /// The length that the forwarded frame would have, in bytes.
        bytes: usize,
    },
    /// `--rate` is exceeded and `--rate-action` is `error`.
    #[error("too fast, this one is dropped")]
    TooFast,
    /// A frame of an extension does not parse.
    #[error("{error}{}", room_hint(*error))]
    RoomSyntax {
        /// The error of the parser.
        error: ParseCommandError,
    },
    /// No such room, or a room that the user is not in; an outsider cannot tell which (rule Q7).
    #[error("no such room, or you are not in it")]
    NoSuchRoom,
    /// The user is a member already.
    #[error("JOIN: you are in this room already")]
    AlreadyMember,
    /// The user is banned, or not invited to a private room (rule Q7).
    #[error("JOIN: you are banned from this room, or it is private and you are not invited")]
    NoAdmission,
    /// `--max-rooms-per-user` is reached.
    #[error("JOIN: you are in as many rooms as one user may be in")]
    TooManyRooms,
    /// `--max-rooms` is reached.
    #[error("JOIN: the server has as many rooms as it may have")]
    NoMoreRooms,
    /// `--max-room-members` is reached.
    #[error("JOIN: the room is full")]
    RoomFull,
    /// The name is not legal for a room or a user (rule U1).
    #[error("{command}: {error}")]
    IllegalRoomName {
        /// The command of the refused frame.
        command: &'static str,
        /// The fault of the name.
        error: NameError,
    },
    /// Only operators may speak in the room.
    #[error("SAY: only operators may speak in this room")]
    QuietRoom,
    /// The user is a member but no operator.
    #[error("{command}: only operators of the room may do this")]
    NotOperator {
        /// The command of the refused frame.
        command: &'static str,
    },
    /// The user whom the command concerns is not in the room.
    #[error("{command}: no member of the room has this name")]
    NoSuchMember {
        /// The command of the refused frame.
        command: &'static str,
    },
    /// The user to be invited is not connected, or does not have the extension in force.
    #[error("{command}: no user with rooms has this name")]
    NoSuchGuest {
        /// The command of the refused frame.
        command: &'static str,
    },
    /// The name to be unbanned is not banned.
    #[error("UNBAN: this name is not banned")]
    NotBanned,
    /// An operator has tried to ban itself.
    #[error("BAN: you cannot ban yourself")]
    OwnBan,
    /// `--max-room-bans` is reached.
    #[error("{command}: the room has as many bans or invitations as it may have")]
    TooManyGuests {
        /// The command of the refused frame.
        command: &'static str,
    },
    /// `--max-topic` is exceeded.
    #[error("TOPIC: a topic has at most {max} bytes, this one has {bytes}")]
    TopicTooLong {
        /// The length of the topic in bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The mode needs history, which the server does not have.
    #[error("MODE: this server keeps no messages")]
    NoHistory,
    /// `--rooms-interval` is not over.
    #[error("ROOMS: asked too soon after the last time")]
    RoomsTooOften,
    /// The session got no name within the handshake timeout (rule U5).
    #[error("no CONNECT within the time allowed, closing")]
    HandshakeTimeout,
    /// The server is stopping.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl ErrorReply<'_> {
    /// Returns the code of the reply.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Syntax { error } | Self::RoomSyntax { error } => error.code(),
            Self::NoHistory => ErrorCode::Malformed,
            Self::NotConnected { .. } | Self::HandshakeTimeout => ErrorCode::NotConnected,
            Self::NoAdmission | Self::QuietRoom | Self::NotOperator { .. } | Self::OwnBan => ErrorCode::Forbidden,
            Self::NoSuchUser(_)
            | Self::NoSuchRoom
            | Self::NoSuchMember { .. }
            | Self::NoSuchGuest { .. }
            | Self::NotBanned => ErrorCode::NoSuchUser,
            Self::AlreadyConnected | Self::NameInUse(_) | Self::AlreadyMember => ErrorCode::Conflict,
            Self::Oversize | Self::ForwardTooLong { .. } | Self::TopicTooLong { .. } => ErrorCode::TooLarge,
            Self::IllegalName(_) | Self::IllegalRoomName { .. } => ErrorCode::IllegalName,
            Self::TooFast | Self::RoomsTooOften => ErrorCode::TooFast,
            Self::Full
            | Self::NoRoom
            | Self::AddressFull
            | Self::ShuttingDown
            | Self::TooManyRooms
            | Self::NoMoreRooms
            | Self::RoomFull
            | Self::TooManyGuests { .. } => ErrorCode::Unavailable,
        }
    }
}

/// A recipient, shown only if it is a legal name: anything else may be long or hostile.
struct IfLegal<'a>(&'a str);

impl std::fmt::Display for IfLegal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match mychat_proto::name::check(self.0) {
            Ok(()) => write!(f, ": {}", self.0),
            Err(_) => Ok(()),
        }
    }
}

const fn hint(error: ParseCommandError) -> &'static str {
    match error {
        ParseCommandError::Unknown | ParseCommandError::ServerOnly => {
            ": a client says CONNECT, MESSAGE, BROADCAST or DISCONNECT, in upper case"
        }
        ParseCommandError::Missing(_) | ParseCommandError::Empty(_) => {
            ": CONNECT takes a name, BROADCAST takes content, MESSAGE takes a recipient and content"
        }
        ParseCommandError::NotUtf8
        | ParseCommandError::Unexpected(_)
        | ParseCommandError::UnknownMode
        | ParseCommandError::LineFeed => "",
    }
}

const fn room_hint(error: ParseCommandError) -> &'static str {
    match error {
        ParseCommandError::Missing(_) | ParseCommandError::Empty(_) => {
            ": JOIN, LEAVE and MEMBERS take a room, SAY, TOPIC and MODE one more field, the others a room and a user"
        }
        ParseCommandError::UnknownMode => ": private, public, quiet, open, stored or unstored",
        _ => hint(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f3_no_input_makes_an_error_text_break_its_frame() {
        let long = "x".repeat(1000);
        for name in [long.as_str(), "a\nb", "a|b", "bo\u{202e}b", "", "bob"] {
            let text = ErrorReply::NoSuchUser(name).to_string();
            assert!(text.len() < 200 && !text.contains(['\n', '|', '\u{202e}']), "{text:?}");
        }
        for error in [ParseCommandError::Unknown, ParseCommandError::Missing("content"), ParseCommandError::NotUtf8] {
            for text in [ErrorReply::Syntax { error }.to_string(), ErrorReply::RoomSyntax { error }.to_string()] {
                assert!(text.len() < 200 && !text.contains('|'), "{text:?}");
            }
        }
        assert!(ErrorReply::NoSuchUser("bob").to_string().ends_with(": bob"));
    }
}
