//! Parses and writes the frames of extensions, which a client and a server use after they have agreed on them (rules N1 to
//! N5): the negotiation itself, and chat rooms (rules Q1 to Q7).
//!
//! The frames of MyChat/1 stay in [`Command`](crate::Command) and [`Reply`](crate::Reply). A program looks here only at
//! frames whose first field is unknown there, so extensions cost nothing while nobody uses them:
//!
//! ```
//! use mychat_proto::{Command, ExtensionCommand, ParseCommandError};
//!
//! let frame = b"SAY|garden|hola";
//! assert_eq!(Command::parse(frame), Err(ParseCommandError::Unknown));
//! assert_eq!(ExtensionCommand::parse(frame), Ok(ExtensionCommand::Say { room: "garden", content: "hola" }));
//! ```

mod capability;
mod command;
mod moderation;
mod reply;

pub use capability::{Capability, capabilities};
pub use command::ExtensionCommand;
pub use moderation::{Moderation, RoomMode};
pub use reply::ExtensionReply;
