//! Chat rooms (rules N1 to N5 and Q1 to Q7): what the client asks for, what it sends, and what arrives.

mod decode;
mod sending;
mod support;
mod update;

pub(crate) use decode::RoomDecoder;
pub(crate) use support::{Negotiation, RoomSupport};
pub use update::RoomUpdate;
