//! The errors of a client: of joining ([`ConnectError`], [`Refusal`]), of sending ([`SendError`]) and of a lost
//! connection ([`DisconnectCause`]).

use std::io;
use std::time::Duration;

use mychat_proto::{ErrorCode, MAX_FRAME, NameError};

/// The reason for which [`Client::connect`](crate::Client::connect) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name breaks rule U1. Nothing was sent.
    #[error("not a legal name")]
    IllegalName(#[from] NameError),
    /// No connection to the address.
    #[error("cannot reach {addr}")]
    Unreachable {
        /// The address as it was given.
        addr: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The server answered `CONNECT_ACK|FAIL` (rules U2, U3).
    #[error("the server refused the name: {0}")]
    Refused(Refusal),
    /// The server accepted the connection but did not answer `CONNECT`. With framing `lf`, a raw server behaves like
    /// this.
    #[error("no answer to CONNECT within {} ms", waited.as_millis())]
    NoAnswer {
        /// The time limit that has passed.
        waited: Duration,
    },
    /// The connection ended before the server answered.
    #[error("the connection ended before the server answered")]
    Closed(#[source] DisconnectCause),
}

/// The reason for which a server refused a name (rule U3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `ERROR|409`: another user has the name.
    #[error("name in use")]
    InUse,
    /// `ERROR|422`: the name is illegal for the server.
    #[error("not a legal name")]
    IllegalName,
    /// `ERROR|503`: the server is full or shutting down.
    #[error("server full or shutting down")]
    Unavailable,
    /// Another `ERROR` from the server.
    #[error("{code} {text}")]
    Other {
        /// The code as received.
        code: String,
        /// The text as received, not sanitized.
        text: String,
    },
    /// `FAIL` without an `ERROR`. The first implementation of the protocol sends this for a name in use.
    #[error("no reason given")]
    Unexplained,
}

impl Refusal {
    pub(crate) fn from_error(code: &str, text: &str) -> Self {
        match ErrorCode::from_text(code) {
            Some(ErrorCode::Conflict) => Self::InUse,
            Some(ErrorCode::IllegalName) => Self::IllegalName,
            Some(ErrorCode::Unavailable) => Self::Unavailable,
            _ => Self::Other { code: code.to_owned(), text: text.to_owned() },
        }
    }
}

/// The reason for which a message was not sent. No part of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The content is empty (rule S4).
    #[error("empty message")]
    Empty,
    /// The content contains a line feed, which would end the frame early (rule F2).
    #[error("a message is one line: line feed at byte {at}")]
    LineBreak {
        /// Offset of the line feed in the content, in bytes.
        at: usize,
    },
    /// The frame, or the frame that the server would forward, would be longer than 1024 bytes (rules F3, M4).
    #[error("{over} bytes too many: a frame has at most {MAX_FRAME} bytes")]
    TooLong {
        /// Number of bytes by which the content is too long.
        over: usize,
    },
    /// The recipient's name breaks rule U1, so no user can have it.
    #[error("recipient is not a legal name")]
    IllegalName(#[from] NameError),
    /// The server has no chat rooms, or [`ConnectOptions::rooms`](crate::ConnectOptions::rooms) was not set.
    #[error("this server has no chat rooms")]
    NoRooms,
    /// The content contains a pipe, which would end the session at a server with raw framing.
    #[error("a server with raw framing accepts no pipe in a message")]
    PipeInRaw,
    /// The connection is lost, and the client is reconnecting; see [`ClientEvent::Lost`](crate::ClientEvent::Lost).
    #[error("not connected at the moment")]
    Offline,
    /// The client has disconnected.
    #[error("disconnected")]
    Closed,
}

/// The cause of a lost connection or of a failed attempt to reconnect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// The server closed the connection.
    #[error("closed by the server")]
    ServerClosed,
    /// A network error.
    #[error("{0}")]
    Io(io::ErrorKind),
    /// 64 KiB arrived without a terminator (rule F5).
    #[error("the server sends no terminators")]
    Unterminated,
    /// The server accepted the new connection but did not answer `CONNECT`.
    #[error("no answer to CONNECT")]
    NoAnswer,
    /// The server refused the name.
    #[error("refused: {0}")]
    Refused(Refusal),
}

impl From<ConnectError> for DisconnectCause {
    fn from(error: ConnectError) -> Self {
        match error {
            // The name was legal when the client first connected.
            ConnectError::IllegalName(_) => Self::Refused(Refusal::IllegalName),
            ConnectError::Unreachable { source, .. } => Self::Io(source.kind()),
            ConnectError::Refused(refusal) => Self::Refused(refusal),
            ConnectError::NoAnswer { .. } => Self::NoAnswer,
            ConnectError::Closed(loss) => loss,
        }
    }
}
