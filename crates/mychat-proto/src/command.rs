//! Parses and writes the frames of clients: `CONNECT`, `DISCONNECT`, `MESSAGE` and `BROADCAST`.

use crate::code::ErrorCode;
use crate::frame::{EncodeError, Frame, cut, join};

/// A frame from a client. Its fields are unchecked text: rule S6 checks a name only after the session's state, and
/// content is opaque (rule S5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// `CONNECT|name` (§3.2.1). An empty or illegal name is answered by FAIL and 422 (rule S6).
    Connect {
        /// The requested name.
        name: &'a str,
    },
    /// `DISCONNECT` (§3.2.3).
    Disconnect,
    /// `MESSAGE|recipient|content` (§3.2.4). Neither field is empty.
    Message {
        /// The recipient's name, legal or not.
        recipient: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// `BROADCAST|content` (§3.2.5). The content is not empty.
    Broadcast {
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
}

/// The reason for which a frame is not a command (rules F6, S4). A server answers all of them with `ERROR|400`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseCommandError {
    /// The frame is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The first field is not a command of the protocol.
    #[error("unknown command")]
    Unknown,
    /// Only a server may send the command.
    #[error("only a server sends this command")]
    ServerOnly,
    /// A parameter is missing.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A parameter has no bytes.
    #[error("empty {0}")]
    Empty(&'static str),
    /// The command takes no parameter but has one.
    #[error("{0} takes no parameter")]
    Unexpected(&'static str),
    /// No room has the mode that is to be set (extension `rooms`).
    #[error("unknown mode")]
    UnknownMode,
    /// The content contains a line feed, which only raw framing lets through. A recipient with LF framing would read
    /// the rest of the content as a separate frame (rules F2, R4).
    #[error("a line feed inside the content")]
    LineFeed,
}

impl ParseCommandError {
    /// Returns the code of the server's answer.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::Malformed
    }
}

impl<'a> Command<'a> {
    /// Parses a frame without its terminator. The caller skips empty frames (rule F4).
    pub fn parse(frame: &'a [u8]) -> Result<Self, ParseCommandError> {
        let frame = Frame::new(frame).map_err(|_| ParseCommandError::NotUtf8)?;
        let (command, rest) = frame.command();
        match command {
            "BROADCAST" => Ok(Self::Broadcast { content: content(rest)? }),
            "MESSAGE" => {
                let (recipient, rest) = cut(rest.ok_or(ParseCommandError::Missing("recipient"))?);
                let recipient = parameter(Some(recipient), "recipient")?;
                Ok(Self::Message { recipient, content: content(rest)? })
            }
            // The name may be empty: rule S6 makes that a bad name, not bad syntax.
            "CONNECT" => Ok(Self::Connect { name: rest.ok_or(ParseCommandError::Missing("username"))? }),
            // Rule S3: the original client sends one pipe after the command.
            "DISCONNECT" if rest.is_none_or(str::is_empty) => Ok(Self::Disconnect),
            "DISCONNECT" => Err(ParseCommandError::Unexpected("DISCONNECT")),
            "CONNECT_ACK" | "USER_LIST" | "ERROR" => Err(ParseCommandError::ServerOnly),
            _ => Err(ParseCommandError::Unknown),
        }
    }

    /// Appends the frame to `out`, without a terminator. On an error, `out` is unchanged.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::Connect { name } => join(out, &["CONNECT", name]),
            Self::Disconnect => join(out, &["DISCONNECT"]),
            Self::Message { recipient: "", .. }
            | Self::Message { content: "", .. }
            | Self::Broadcast { content: "" } => Err(EncodeError::Empty),
            Self::Message { recipient, content } => join(out, &["MESSAGE", recipient, content]),
            Self::Broadcast { content } => join(out, &["BROADCAST", content]),
        }
    }
}

pub(crate) fn content(text: Option<&str>) -> Result<&str, ParseCommandError> {
    let content = parameter(text, "content")?;
    if memchr::memchr(b'\n', content.as_bytes()).is_some() { Err(ParseCommandError::LineFeed) } else { Ok(content) }
}

pub(crate) fn parameter<'a>(text: Option<&'a str>, name: &'static str) -> Result<&'a str, ParseCommandError> {
    match text {
        None => Err(ParseCommandError::Missing(name)),
        Some("") => Err(ParseCommandError::Empty(name)),
        Some(text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_the_last_parameter_takes_the_rest() {
        let parse = |text: &'static str| Command::parse(text.as_bytes());
        assert_eq!(parse("MESSAGE|Bob|a|b||"), Ok(Command::Message { recipient: "Bob", content: "a|b||" }));
        assert_eq!(parse("BROADCAST||"), Ok(Command::Broadcast { content: "|" }));
        assert_eq!(parse("BROADCAST| \t\r "), Ok(Command::Broadcast { content: " \t\r " }));
    }

    #[test]
    fn s6_parsing_does_not_check_names() {
        for (frame, name) in [("CONNECT|", ""), ("CONNECT|a|b", "a|b"), ("CONNECT| a\n", " a\n")] {
            assert_eq!(Command::parse(frame.as_bytes()), Ok(Command::Connect { name }));
        }
    }

    #[test]
    fn s3_disconnect_tolerates_one_pipe() {
        assert_eq!(Command::parse(b"DISCONNECT"), Ok(Command::Disconnect));
        assert_eq!(Command::parse(b"DISCONNECT|"), Ok(Command::Disconnect));
        assert_eq!(Command::parse(b"DISCONNECT||"), Err(ParseCommandError::Unexpected("DISCONNECT")));
        assert_eq!(Command::parse(b"DISCONNECT|x"), Err(ParseCommandError::Unexpected("DISCONNECT")));
    }

    #[test]
    fn s4_each_malformed_frame_has_its_error() {
        for (frame, fault) in [
            ("CONNECT", ParseCommandError::Missing("username")),
            ("MESSAGE", ParseCommandError::Missing("recipient")),
            ("MESSAGE|", ParseCommandError::Empty("recipient")),
            ("MESSAGE||hola", ParseCommandError::Empty("recipient")),
            ("MESSAGE|Bob", ParseCommandError::Missing("content")),
            ("MESSAGE|Bob|", ParseCommandError::Empty("content")),
            ("BROADCAST", ParseCommandError::Missing("content")),
            ("BROADCAST|", ParseCommandError::Empty("content")),
            ("BROADCAST|a\nERROR|404|x", ParseCommandError::LineFeed),
            ("USER_LIST|a", ParseCommandError::ServerOnly),
            ("CONNECT_ACK|OK", ParseCommandError::ServerOnly),
            ("ERROR", ParseCommandError::ServerOnly),
            ("broadcast|a", ParseCommandError::Unknown),
            (" BROADCAST|a", ParseCommandError::Unknown),
            ("", ParseCommandError::Unknown),
        ] {
            assert_eq!(Command::parse(frame.as_bytes()), Err(fault), "{frame:?}");
        }
        assert_eq!(Command::parse(b"BROADCAST|\xff"), Err(ParseCommandError::NotUtf8));
    }

    #[test]
    fn a_command_that_would_not_parse_back_is_not_written() {
        for (command, fault) in [
            (Command::Broadcast { content: "" }, EncodeError::Empty),
            (Command::Message { recipient: "", content: "a" }, EncodeError::Empty),
            (Command::Message { recipient: "Bob", content: "" }, EncodeError::Empty),
            (Command::Message { recipient: "Bob|", content: "a" }, EncodeError::Pipe),
            (Command::Connect { name: "a\nb" }, EncodeError::LineFeed),
        ] {
            assert_eq!(command.write(&mut Vec::new()), Err(fault));
        }
    }
}
