//! The MyChat/1 protocol without I/O: bytes to frames to commands and replies, and back.
//!
//! ```text
//! bytes ──framing──► frame ──frame──► fields ──command──► Command, from a client
//!                                            └─reply────► Reply, from a server
//! ```
//!
//! The crate uses no sockets, no clock and no async runtime. A caller passes bytes in and takes frames out:
//!
//! ```
//! use mychat_proto::{Command, Deframer, Framing, Inbound};
//!
//! let mut deframer = Deframer::new(Framing::Lf);
//! let mut feed = deframer.feed(b"CONNECT|Alice\nBROADCAST|hola a to");
//! let Some(Inbound::Frame(frame)) = feed.next() else { panic!("the first frame is complete") };
//! assert_eq!(Command::parse(frame), Ok(Command::Connect { name: "Alice" }));
//! assert!(feed.next().is_none(), "the second frame is not complete yet");
//! ```
//!
//! Reading order: [`framing`], [`frame`], [`command`], [`reply`], then [`name`], [`text`], [`page`], [`roster`] and
//! [`code`]. [`extension`] has the frames of extensions, such as chat rooms. Comments give the ids of the rules (`F3`,
//! `U4`, …) that `PROTOCOL.md` in this crate defines.

pub mod code;
pub mod command;
pub mod extension;
pub mod frame;
pub mod framing;
pub mod name;
pub mod page;
pub mod reply;
pub mod roster;
pub mod text;
pub mod units;

pub use code::ErrorCode;
pub use command::{Command, ParseCommandError};
pub use extension::{Capability, ExtensionCommand, ExtensionReply, Moderation, RoomMode};
pub use frame::{EncodeError, Frame, NotUtf8};
pub use framing::{Deframer, Feed, Framing, FramingChoice, Inbound, MAX_FRAME, MAX_UNTERMINATED};
pub use name::{NameError, UserName};
pub use page::PageWriter;
pub use reply::{AckStatus, Reply, ReplyError, UserList};
pub use roster::{CompleteRoster, RosterReader, RosterWriter};
