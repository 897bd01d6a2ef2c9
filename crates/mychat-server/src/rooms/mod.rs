//! Chat rooms (extension `rooms`, rules Q1 to Q7) as a state machine without sockets, clocks or threads.
//!
//! ```text
//!   request of a session ─► batch ─► common order ─► registry of each worker ─► frames for this worker's members
//! ```
//!
//! A request is not executed where it is read. It takes its place in the worker's batch, among broadcasts, and the exchange
//! puts all batches into one order. Each worker has a [`RoomRegistry`] of its own and applies all requests of all workers to
//! it in this order. The registries are therefore equal at each place of the order, without a lock, and every worker knows
//! who is a member when a message takes its place (rules Q2 to Q4). Each worker delivers to its own sessions only, which
//! the [`RoomSink`] decides.
//!
//! Nothing in this module may depend on anything but the registry and the request: not on the time, nor on limits that
//! change while the server runs. Otherwise the registries would differ.

mod lists;
mod membership;
mod moderation;
mod options;
mod registry;
mod room;
mod talk;

use crate::error_reply::ErrorReply;
use crate::router::SessionAddress;

pub use options::RoomOptions;
pub(crate) use registry::RoomRegistry;

/// The receiver of the frames that requests cause, in their order.
pub(crate) trait RoomSink {
    /// Takes whole frames for the session at `to`, which may belong to another worker. `messages` of them are messages; the
    /// others are replies.
    fn deliver(&mut self, to: SessionAddress, frames: &[u8], messages: u32);
    /// Takes the error that answers a request of the session at `to`.
    fn refuse(&mut self, to: SessionAddress, error: ErrorReply<'_>);
    /// Counts a message that the session at `from` has said in a room.
    fn count_message(&mut self, from: SessionAddress);
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
