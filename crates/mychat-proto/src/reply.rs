//! What a server may say: `CONNECT_ACK`, `USER_LIST`, `MESSAGE`, `BROADCAST`, `ERROR`; parsing and writing side by side.

use crate::code::ErrorCode;
use crate::frame::{EncodeError, Frame, cut, join};

/// One thing a server says. Parsing takes what any server of the protocol may send: names and codes are not checked
/// against this project's own rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// §3.2.2 `CONNECT_ACK|status`.
    ConnectAck(Status),
    /// §3.2.6 `USER_LIST|user1,user2,…`.
    UserList(UserList<'a>),
    /// §3.3.2 `MESSAGE|sender|content`.
    Message {
        /// Who wrote it.
        sender: &'a str,
        /// What, pipes included.
        content: &'a str,
    },
    /// §3.3.3 `BROADCAST|sender|content`.
    Broadcast {
        /// Who wrote it.
        sender: &'a str,
        /// What, pipes included.
        content: &'a str,
    },
    /// §3.2.7 `ERROR|error_code|error_message`.
    Error {
        /// Three digits in this project; any text elsewhere. See [`ErrorCode::from_text`].
        code: &'a str,
        /// For people.
        text: &'a str,
    },
}

/// The answer to `CONNECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The name is this session's.
    Ok,
    /// It is not.
    Fail,
}

impl Status {
    const fn text(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Fail => "FAIL",
        }
    }
}

/// The names of one `USER_LIST` frame. A list may go on in the next frame (rule L4); [`crate::RosterReader`] puts the
/// frames together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserList<'a> {
    text: &'a str,
}

impl<'a> UserList<'a> {
    /// Takes the parameter of a `USER_LIST` frame.
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The parameter as it stands in the frame.
    pub const fn text(self) -> &'a str {
        self.text
    }

    /// Whether the list goes on in the next `USER_LIST` frame: its last character is a comma (rule L4).
    pub fn continues(self) -> bool {
        self.text.ends_with(',')
    }

    /// The names in this frame, in its order. The empty piece behind the comma of a list that goes on is no name.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let text = self.text.strip_suffix(',').unwrap_or(self.text);
        (!text.is_empty()).then(|| text.split(',')).into_iter().flatten()
    }
}

/// Why a frame is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The frame is not UTF-8 (rule F1).
    #[error("not UTF-8")]
    NotUtf8,
    /// The first field is no reply of the protocol.
    #[error("unknown command")]
    Unknown,
    /// A parameter is not there.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A `CONNECT_ACK` that says neither `OK` nor `FAIL`.
    #[error("CONNECT_ACK is neither OK nor FAIL")]
    BadStatus,
}

impl<'a> Reply<'a> {
    /// Reads one frame, without terminator.
    pub fn parse(frame: &'a [u8]) -> Result<Self, ReplyError> {
        let frame = Frame::new(frame).map_err(|_| ReplyError::NotUtf8)?;
        let (command, rest) = frame.command();
        match command {
            "BROADCAST" => two(rest, "sender", "content").map(|(sender, content)| Self::Broadcast { sender, content }),
            "MESSAGE" => two(rest, "sender", "content").map(|(sender, content)| Self::Message { sender, content }),
            "USER_LIST" => Ok(Self::UserList(UserList::new(rest.ok_or(ReplyError::Missing("names"))?))),
            "CONNECT_ACK" => match rest.ok_or(ReplyError::Missing("status"))? {
                "OK" => Ok(Self::ConnectAck(Status::Ok)),
                "FAIL" => Ok(Self::ConnectAck(Status::Fail)),
                _ => Err(ReplyError::BadStatus),
            },
            "ERROR" => two(rest, "code", "text").map(|(code, text)| Self::Error { code, text }),
            _ => Err(ReplyError::Unknown),
        }
    }

    /// An error with the code's own text.
    pub const fn error(code: ErrorCode) -> Self {
        Self::Error { code: code.digits(), text: code.text() }
    }

    /// Appends the frame, without terminator, or nothing where [`Reply::parse`] would not read the same back.
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

fn two<'a>(rest: Option<&'a str>, first: &'static str, second: &'static str) -> Result<(&'a str, &'a str), ReplyError> {
    let (one, rest) = cut(rest.ok_or(ReplyError::Missing(first))?);
    Ok((one, rest.ok_or(ReplyError::Missing(second))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_its_frame() {
        for (reply, frame) in [
            (Reply::ConnectAck(Status::Ok), "CONNECT_ACK|OK"),
            (Reply::ConnectAck(Status::Fail), "CONNECT_ACK|FAIL"),
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
    fn what_is_no_reply_says_why() {
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
    fn l4_a_list_that_ends_in_a_comma_goes_on() {
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
