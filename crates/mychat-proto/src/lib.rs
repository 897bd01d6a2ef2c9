//! MyChat/1 without I/O: what goes over the wire, and nothing else.
//!
//! ```text
//! bytes ──framing──► frame ──frame──► text ──command──► what a client said
//!                                          └─reply────► what a server said
//! ```
//!
//! and the same way back. Nothing here knows sockets, clocks or tokio; a caller hands bytes in and takes frames out:
//!
//! ```
//! use mychat_proto::{Command, Deframer, Framing, Inbound};
//!
//! let mut deframer = Deframer::new(Framing::Lf);
//! let mut feed = deframer.feed(b"CONNECT|Alice\nBROADCAST|hola a to");
//! let Some(Inbound::Frame(frame)) = feed.next() else { panic!("a whole frame is there") };
//! assert_eq!(Command::parse(frame), Ok(Command::Connect { name: "Alice" }));
//! assert!(feed.next().is_none(), "the second frame is not complete yet");
//! ```
//!
//! Reading order: [`framing`], [`frame`], [`command`], [`reply`]; then [`name`], [`roster`] and [`code`], which
//! those use. Every rule has an id (`F3`, `U4`, …); `PROTOCOL.md` beside this crate lists them all, and the code
//! names the rule it obeys.

pub mod code;
pub mod command;
pub mod frame;
pub mod framing;
pub mod name;
pub mod reply;
pub mod roster;

pub use code::ErrorCode;
pub use command::{Command, CommandError};
pub use frame::{Frame, NotUtf8};
pub use framing::{Deframer, Framing, Inbound, MAX_FRAME, MAX_UNTERMINATED};
pub use name::{NameError, UserName};
pub use reply::{Reply, ReplyError, Status, UserList};
pub use roster::{RosterPages, RosterReader};

/// Why a frame cannot be written. Nothing is appended to the output when this is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The frame would have more than [`MAX_FRAME`] bytes (rule F3).
    #[error("frame of {bytes} bytes, {} more than the {MAX_FRAME} that are allowed", bytes - MAX_FRAME)]
    TooLong {
        /// Length that the frame would have had, in bytes, terminator not counted.
        bytes: usize,
    },
    /// A field holds a line feed, which would end the frame early (rule F2).
    #[error("a line feed inside a field would end the frame early")]
    LineFeed,
}

/// Appends one frame through `write`, or nothing where it breaks F2 or F3.
fn bounded(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), EncodeError> {
    let start = out.len();
    write(out);
    let frame = &out[start..];
    let fault = if frame.len() > MAX_FRAME {
        EncodeError::TooLong { bytes: frame.len() }
    } else if memchr::memchr(b'\n', frame).is_some() {
        EncodeError::LineFeed
    } else {
        return Ok(());
    };
    out.truncate(start);
    Err(fault)
}
