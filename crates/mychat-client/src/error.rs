//! What can go wrong: joining ([`ConnectError`], [`Refusal`]), sending ([`SendError`]) and staying ([`Loss`]).

use std::io;
use std::time::Duration;

use mychat_proto::{ErrorCode, MAX_FRAME, NameError};

/// Why [`Client::connect`](crate::Client::connect) gave no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name breaks rule U1; nothing was sent.
    #[error("not a legal name")]
    IllegalName(#[from] NameError),
    /// No connection to the address, for the reason in `source`.
    #[error("cannot reach {addr}")]
    Unreachable {
        /// The address as it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server said `CONNECT_ACK|FAIL` (rules U2, U3).
    #[error("the server refused the name: {0}")]
    Refused(Refusal),
    /// The server took the connection and did not answer `CONNECT`. With framing `lf` that is what a server without
    /// terminators does.
    #[error("no answer to CONNECT within {} ms", waited.as_millis())]
    NoAnswer {
        /// How long the answer was waited for.
        waited: Duration,
    },
    /// The connection ended before the answer was there.
    #[error("the connection ended before the server answered")]
    Closed(#[source] Loss),
}

/// Why a server refused a name (rule U3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `ERROR|409`: somebody has it.
    #[error("name in use")]
    InUse,
    /// `ERROR|422`: the server does not think it legal.
    #[error("not a legal name")]
    IllegalName,
    /// `ERROR|503`: the server is full or shutting down.
    #[error("server full or shutting down")]
    Unavailable,
    /// Another error of the server's.
    #[error("{code} {text}")]
    Other {
        /// Code as the server sent it.
        code: String,
        /// Text as the server sent it: not sanitised.
        text: String,
    },
    /// `FAIL` and nothing more. The protocol's first implementation does so, for a name in use.
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

/// Why a message was not sent. Nothing of it went out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Content has at least one byte (rule S4).
    #[error("empty message")]
    Empty,
    /// Content holds a line feed, which would end the frame early (rule F2).
    #[error("a message is one line: line feed at byte {at}")]
    LineBreak {
        /// Its offset in the content, in bytes.
        at: usize,
    },
    /// The frame, or the one that the server would make of it for the recipient, would be over 1024 bytes
    /// (rules F3, M4).
    #[error("{over} bytes too many: a frame has at most {MAX_FRAME} bytes")]
    TooLong {
        /// Bytes by which the content must shrink.
        over: usize,
    },
    /// The recipient's name breaks rule U1: nobody can have it.
    #[error("recipient is not a legal name")]
    IllegalName(#[from] NameError),
    /// A pipe in the content would end the session at a server with raw framing.
    #[error("a server with raw framing takes no pipe in a message")]
    PipeInRaw,
    /// The connection is lost and being made anew; see [`Event::Lost`](crate::Event::Lost).
    #[error("not connected at the moment")]
    Offline,
    /// The client was disconnected for good.
    #[error("disconnected")]
    Closed,
}

/// Why a connection ended, or could not be made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// The server closed it.
    #[error("closed by the server")]
    ServerClosed,
    /// The network, or this machine.
    #[error("{0}")]
    Io(io::ErrorKind),
    /// 64 KiB without a terminator (rule F5).
    #[error("the server sends no terminators")]
    Unterminated,
    /// The server took the new connection and did not answer.
    #[error("no answer to CONNECT")]
    NoAnswer,
    /// The server did not give the name back.
    #[error("refused: {0}")]
    Refused(Refusal),
}

impl From<ConnectError> for Loss {
    fn from(error: ConnectError) -> Self {
        match error {
            // The name was legal at the first connection.
            ConnectError::IllegalName(_) => Self::Refused(Refusal::IllegalName),
            ConnectError::Unreachable { source, .. } => Self::Io(source.kind()),
            ConnectError::Refused(refusal) => Self::Refused(refusal),
            ConnectError::NoAnswer { .. } => Self::NoAnswer,
            ConnectError::Closed(loss) => loss,
        }
    }
}
