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
            Self::Syntax { error } => error.code(),
            Self::NotConnected { .. } | Self::HandshakeTimeout => ErrorCode::NotConnected,
            Self::NoSuchUser(_) => ErrorCode::NoSuchUser,
            Self::AlreadyConnected | Self::NameInUse(_) => ErrorCode::Conflict,
            Self::Oversize | Self::ForwardTooLong { .. } => ErrorCode::TooLarge,
            Self::IllegalName(_) => ErrorCode::IllegalName,
            Self::TooFast => ErrorCode::TooFast,
            Self::Full | Self::NoRoom | Self::AddressFull | Self::ShuttingDown => ErrorCode::Unavailable,
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
        ParseCommandError::NotUtf8 | ParseCommandError::Unexpected | ParseCommandError::LineFeed => "",
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
            let text = ErrorReply::Syntax { error }.to_string();
            assert!(text.len() < 200 && !text.contains('|'), "{text:?}");
        }
        assert!(ErrorReply::NoSuchUser("bob").to_string().ends_with(": bob"));
    }
}
