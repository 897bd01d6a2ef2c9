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
pub use frame::{EncodeError, Frame, NotUtf8};
pub use framing::{Deframer, Feed, Framing, Inbound, MAX_FRAME, MAX_UNTERMINATED};
pub use name::{NameError, UserName};
pub use reply::{Reply, ReplyError, Status, UserList};
pub use roster::{Roster, RosterPages, RosterReader};
