//! What a client may say: `CONNECT`, `DISCONNECT`, `MESSAGE`, `BROADCAST`; parsing and writing side by side.

use crate::frame::{Frame, cut};
use crate::{EncodeError, ErrorCode, bounded, reply};

/// One thing a client says. The text fields are as they came: a name is not yet known to be legal (rule S6 puts that
/// after the session's state), content is opaque (rule S5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// §3.2.1 `CONNECT|name`. The name may be empty or illegal: that is answered by FAIL and 422 (rule S6).
    Connect {
        /// The name asked for.
        name: &'a str,
    },
    /// §3.2.3 `DISCONNECT`.
    Disconnect,
    /// §3.2.4 `MESSAGE|recipient|content`, neither of them empty.
    Message {
        /// Who is to get it; not necessarily a legal name.
        recipient: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// §3.2.5 `BROADCAST|content`, not empty.
    Broadcast {
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
}

/// Why a frame is no command (rules S4 and F6; all of them are answered by `ERROR|400`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The frame is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The first field is no command of the protocol.
    #[error("unknown command")]
    Unknown,
    /// The command exists, and only a server may say it.
    #[error("only a server sends this command")]
    ServerOnly,
    /// A parameter is not there.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A parameter is there and has no bytes.
    #[error("empty {0}")]
    Empty(&'static str),
    /// The command takes no parameter and got one.
    #[error("DISCONNECT takes no parameter")]
    Unexpected,
}

impl CommandError {
    /// The code a server answers with.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::Malformed
    }
}

impl<'a> Command<'a> {
    /// Reads one frame, without terminator. The frame must not be empty: an empty one is ignored before (rule F4).
    pub fn parse(frame: &'a [u8]) -> Result<Self, CommandError> {
        let frame = Frame::new(frame).map_err(|_| CommandError::NotUtf8)?;
        let (command, rest) = frame.command();
        match command {
            "BROADCAST" => Ok(Self::Broadcast { content: parameter(rest, "content")? }),
            "MESSAGE" => {
                let (recipient, content) = cut(rest.ok_or(CommandError::Missing("recipient"))?);
                let recipient = parameter(Some(recipient), "recipient")?;
                Ok(Self::Message { recipient, content: parameter(content, "content")? })
            }
            // The name may be empty: rule S6 makes that a bad name, not bad syntax.
            "CONNECT" => Ok(Self::Connect { name: rest.ok_or(CommandError::Missing("username"))? }),
            // Rule S3: the original client sends a pipe and nothing behind it.
            "DISCONNECT" if rest.is_none_or(str::is_empty) => Ok(Self::Disconnect),
            "DISCONNECT" => Err(CommandError::Unexpected),
            _ if reply::COMMANDS.contains(&command.as_bytes()) => Err(CommandError::ServerOnly),
            _ => Err(CommandError::Unknown),
        }
    }

    /// Appends the frame, without terminator, or nothing where it would break a rule of framing.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        bounded(out, |out| match *self {
            Self::Connect { name } => fields(out, &["CONNECT", name]),
            Self::Disconnect => fields(out, &["DISCONNECT"]),
            Self::Message { recipient, content } => fields(out, &["MESSAGE", recipient, content]),
            Self::Broadcast { content } => fields(out, &["BROADCAST", content]),
        })
    }
}

fn parameter<'a>(text: Option<&'a str>, what: &'static str) -> Result<&'a str, CommandError> {
    match text {
        None => Err(CommandError::Missing(what)),
        Some("") => Err(CommandError::Empty(what)),
        Some(text) => Ok(text),
    }
}

/// Appends fields with a pipe between them.
pub(crate) fn fields(out: &mut Vec<u8>, fields: &[&str]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b'|');
        }
        out.extend_from_slice(field.as_bytes());
    }
}
