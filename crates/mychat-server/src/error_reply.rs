//! What a peer did wrong, as the code and the text of the `ERROR` that tells it.

use mychat_proto::code::ErrorCode;
use mychat_proto::{CommandError, MAX_FRAME, NameError};

/// One reason to answer `ERROR`. The text is for people and names the command and the limit. It never repeats what the
/// peer sent unless that is a legal name, so that it cannot hold a line feed or grow beyond a frame; and it holds no
/// pipe, because simple clients cut at every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorReply<'a> {
    /// Rule F5.
    #[error("a frame has at most {MAX_FRAME} bytes, this one is discarded up to its line feed")]
    Oversize,
    /// Rules F6 and S4.
    #[error("{error}{}", hint(*error))]
    Syntax {
        /// What the parser found.
        error: CommandError,
    },
    /// Rule U5.
    #[error("{command} needs a name first: send CONNECT with one")]
    NotConnected {
        /// What was tried.
        command: &'static str,
    },
    /// Rule U4.
    #[error("CONNECT: this session has a name already and keeps it")]
    AlreadyConnected,
    /// Rule U1.
    #[error("CONNECT: {0}")]
    IllegalName(NameError),
    /// Rule U2.
    #[error("CONNECT: the name {0} is in use")]
    NameInUse(&'a str),
    /// Rule U3: `--max-users` is reached.
    #[error("CONNECT: the server is full")]
    Full,
    /// The server has as many connections as its descriptors allow.
    #[error("the server has no room for another connection")]
    NoRoom,
    /// `--max-per-address` is reached.
    #[error("too many connections from your address")]
    AddressFull,
    /// Rule M2.
    #[error("MESSAGE: no user of that name is connected{}", Named(.0))]
    NoSuchUser(&'a str),
    /// Rule M4.
    #[error("{command}: with your name in it the frame has {bytes} bytes, {MAX_FRAME} are allowed")]
    ForwardTooLong {
        /// What was tried.
        command: &'static str,
        /// Bytes that the forwarded frame would have had.
        bytes: usize,
    },
    /// `--rate` is exceeded and `--rate-action` is `error`.
    #[error("too fast, this one is dropped")]
    TooFast,
    /// Rule U5: no name within the handshake deadline.
    #[error("no CONNECT within the time allowed, closing")]
    HandshakeTimeout,
    /// The server stops.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl ErrorReply<'_> {
    /// The number that goes with it.
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

/// A recipient is repeated only where it could have been a name: anything else may be long or hostile.
struct Named<'a>(&'a str);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match mychat_proto::name::check(self.0) {
            Ok(()) => write!(f, ": {}", self.0),
            Err(_) => Ok(()),
        }
    }
}

const fn hint(error: CommandError) -> &'static str {
    match error {
        CommandError::Unknown | CommandError::ServerOnly => {
            ": a client says CONNECT, MESSAGE, BROADCAST or DISCONNECT, in upper case"
        }
        CommandError::Missing(_) | CommandError::Empty(_) => {
            ": CONNECT takes a name, BROADCAST takes content, MESSAGE takes a recipient and content"
        }
        CommandError::NotUtf8 | CommandError::Unexpected | CommandError::LineFeed => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f3_no_text_breaks_a_frame_whatever_the_peer_sent() {
        let long = "x".repeat(1000);
        for text in [long.as_str(), "a\nb", "a|b", "bo\u{202e}b", "", "bob"] {
            let said = ErrorReply::NoSuchUser(text).to_string();
            assert!(said.len() < 200 && !said.contains(['\n', '|', '\u{202e}']), "{said:?}");
        }
        for error in [CommandError::Unknown, CommandError::Missing("content"), CommandError::NotUtf8] {
            let said = ErrorReply::Syntax { error }.to_string();
            assert!(said.len() < 200 && !said.contains('|'), "{said:?}");
        }
        assert!(ErrorReply::NoSuchUser("bob").to_string().ends_with(": bob"));
    }
}
