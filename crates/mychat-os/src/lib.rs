//! The few requests to the operating system that no maintained crate makes safely.
//!
//! The rest of the workspace forbids `unsafe`; all of it is here, five calls. The requests are hints: where a system
//! doesn't know them, nothing happens, and nothing but speed or memory differs.
//!
//! - [`short_slice`]: a thread that sleeps and works in turn is put on a core at once when it wakes (Linux 6.12).
//! - [`give_back`]: memory that was freed goes back to the system (glibc).
//! - [`hold_no_more_than_now`]: and as little of it is held at any time as at the start (glibc).
//! - [`choose_port_late`]: connections from a chosen address get their port when they are made (Linux).
//!
//! What the server's workers and the generator's share in waiting for sockets is here as well, without any `unsafe`: a
//! [`Bell`] that wakes them, and a socket's [`Readiness`].

mod bell;
mod memory;
mod port;
mod readiness;
mod slice;

pub use bell::Bell;
pub use memory::{give_back, hold_no_more_than_now};
pub use port::choose_port_late;
pub use readiness::{Readiness, SHORT_IS_ALL};
pub use slice::short_slice;
