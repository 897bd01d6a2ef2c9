//! Parses and writes the frames of servers: `CONNECT_ACK`, `USER_LIST`, `MESSAGE`, `BROADCAST` and `ERROR`.

use crate::code::ErrorCode;
use crate::frame::{EncodeError, Frame, cut, join};

/// A frame from a server. Parsing accepts what any server of the protocol may send, so it does not check names and codes
/// against the rules of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `CONNECT_ACK|status` (§3.2.2).
    ConnectAck(AckStatus),
    /// `USER_LIST|user1,user2,…` (§3.2.6).
    UserList(UserList<'a>),
    /// `MESSAGE|sender|content` (§3.3.2).
    Message {
        /// The sender's name.
        sender: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// `BROADCAST|sender|content` (§3.3.3).
    Broadcast {
        /// The sender's name.
        sender: &'a str,
        /// The rest of the frame, pipes included.
        content: &'a str,
    },
    /// `ERROR|code|text` (§3.2.7).
    Error {
        /// Three digits in MyChat/1, any text from other servers. See [`ErrorCode::from_text`].
        code: &'a str,
        /// A description for people.
        text: &'a str,
    },
}

/// The parameter of `CONNECT_ACK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckStatus {
    /// The session has the requested name.
    Ok,
    /// The server refused the name.
    Fail,
}

impl AckStatus {
    const fn text(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Fail => "FAIL",
        }
    }
}

/// The names in one `USER_LIST` frame. A list may continue in the next frame (rule L4); [`crate::RosterReader`] joins the
/// frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserList<'a> {
    text: &'a str,
}

impl<'a> UserList<'a> {
    /// Wraps the parameter of a `USER_LIST` frame.
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Returns the parameter of the frame.
    pub const fn text(self) -> &'a str {
        self.text
    }

    /// Returns true if the list continues in the next `USER_LIST` frame, because it ends in a comma (rule L4).
    pub fn continues(self) -> bool {
        self.text.ends_with(',')
    }

    /// Returns the names in the order of the frame. The empty text after a final comma is not a name.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let text = self.text.strip_suffix(',').unwrap_or(self.text);
        (!text.is_empty()).then(|| text.split(',')).into_iter().flatten()
    }
}

/// The reason for which a frame is not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The frame is not UTF-8 (rule F1).
    #[error("not UTF-8")]
    NotUtf8,
    /// The first field is not a reply of the protocol.
    #[error("unknown command")]
    Unknown,
    /// A parameter is missing.
    #[error("missing {0}")]
    Missing(&'static str),
    /// The status of a `CONNECT_ACK` is neither `OK` nor `FAIL`.
    #[error("CONNECT_ACK is neither OK nor FAIL")]
    BadStatus,
}

impl<'a> Reply<'a> {
    /// Parses a frame without its terminator.
    pub fn parse(frame: &'a [u8]) -> Result<Self, ReplyError> {
        let frame = Frame::new(frame).map_err(|_| ReplyError::NotUtf8)?;
        let (command, rest) = frame.command();
        match command {
            "BROADCAST" => {
                two_fields(rest, "sender", "content").map(|(sender, content)| Self::Broadcast { sender, content })
            }
            "MESSAGE" => {
                two_fields(rest, "sender", "content").map(|(sender, content)| Self::Message { sender, content })
            }
            "USER_LIST" => Ok(Self::UserList(UserList::new(rest.ok_or(ReplyError::Missing("names"))?))),
            "CONNECT_ACK" => match rest.ok_or(ReplyError::Missing("status"))? {
                "OK" => Ok(Self::ConnectAck(AckStatus::Ok)),
                "FAIL" => Ok(Self::ConnectAck(AckStatus::Fail)),
                _ => Err(ReplyError::BadStatus),
            },
            "ERROR" => two_fields(rest, "code", "text").map(|(code, text)| Self::Error { code, text }),
            _ => Err(ReplyError::Unknown),
        }
    }

    /// Returns an `ERROR` with the default text of `code`.
    pub const fn error(code: ErrorCode) -> Self {
        Self::Error { code: code.digits(), text: code.text() }
    }

    /// Appends the frame to `out`, without a terminator. On an error, `out` is unchanged.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match *self {
            Self::ConnectAck(status) => join(out, &["CONNECT_ACK", status.text()]),
            Self::UserList(list) => join(out, &["USER_LIST", list.text]),
            Self::Message { sender, content } => join(out, &["MESSAGE", sender, content]),
            Self::Broadcast { sender, content } => join(out, &["BROADCAST", sender, content]),
            Self::Error { code, text } => join(out, &["ERROR", code, text]),
        }
    }
}

/// Splits `rest` into two fields. The names of the fields are for the error.
pub(crate) fn two_fields<'a>(
    rest: Option<&'a str>,
    first: &'static str,
    second: &'static str,
) -> Result<(&'a str, &'a str), ReplyError> {
    let (field, rest) = cut(rest.ok_or(ReplyError::Missing(first))?);
    Ok((field, rest.ok_or(ReplyError::Missing(second))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_is_written_and_parsed_back() {
        for (reply, frame) in [
            (Reply::ConnectAck(AckStatus::Ok), "CONNECT_ACK|OK"),
            (Reply::ConnectAck(AckStatus::Fail), "CONNECT_ACK|FAIL"),
            (Reply::UserList(UserList::new("a,b")), "USER_LIST|a,b"),
            (Reply::Message { sender: "a", content: "b|c" }, "MESSAGE|a|b|c"),
            (Reply::Broadcast { sender: "a", content: "|" }, "BROADCAST|a||"),
            (Reply::error(ErrorCode::NoSuchUser), "ERROR|404|no such user"),
        ] {
            let mut out = Vec::new();
            assert_eq!(reply.write(&mut out), Ok(()));
            assert_eq!(out, frame.as_bytes());
            assert_eq!(Reply::parse(frame.as_bytes()), Ok(reply));
        }
    }

    #[test]
    fn each_malformed_reply_has_its_error() {
        for (frame, fault) in [
            ("CONNECT_ACK", ReplyError::Missing("status")),
            ("CONNECT_ACK|ok", ReplyError::BadStatus),
            ("CONNECT_ACK|OK|", ReplyError::BadStatus),
            ("USER_LIST", ReplyError::Missing("names")),
            ("MESSAGE", ReplyError::Missing("sender")),
            ("MESSAGE|a", ReplyError::Missing("content")),
            ("ERROR|404", ReplyError::Missing("text")),
            ("CONNECT|a", ReplyError::Unknown),
            ("", ReplyError::Unknown),
        ] {
            assert_eq!(Reply::parse(frame.as_bytes()), Err(fault), "{frame:?}");
        }
        assert_eq!(Reply::parse(b"MESSAGE|a|\xff"), Err(ReplyError::NotUtf8));
    }

    #[test]
    fn l4_a_list_that_ends_in_a_comma_continues() {
        for (text, continues, names) in [
            ("", false, &[][..]),
            ("a", false, &["a"]),
            ("a,b,", true, &["a", "b"]),
            (",", true, &[]),
            ("a,,b", false, &["a", "", "b"]),
        ] {
            let list = UserList::new(text);
            assert_eq!((list.continues(), list.names().collect::<Vec<_>>()), (continues, names.to_vec()), "{text:?}");
        }
    }

    #[test]
    fn a_sender_with_a_pipe_cannot_be_written() {
        let forged = Reply::Message { sender: "a|b", content: "c" };
        assert_eq!(forged.write(&mut Vec::new()), Err(EncodeError::Pipe));
    }
}
