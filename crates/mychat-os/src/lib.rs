//! The few requests to the operating system for which no maintained crate has a safe function.
//!
//! The rest of the workspace forbids `unsafe`; all of it is here, in a few calls. Each request is a hint: on a system
//! that does not know it nothing happens, and only speed, memory use or precision differs.
//!
//! - [`request_short_time_slice`]: a thread that alternates between sleep and short work gets a core soon after it
//!   wakes (Linux 6.12).
//! - [`trim_heap`]: returns freed memory to the system (glibc).
//! - [`limit_malloc_retention`]: limits how much freed memory the allocator keeps (glibc).
//! - [`keep_arrival_times`], [`receive`] and [`receive_memory`]: when data arrived, and how full a receive buffer is (Linux).
//! - [`received_segments`] and [`window_limited`]: how many segments a socket has received, and for how long its peer's full
//!   receive buffer kept it from sending (Linux).
//! - [`defer_port_choice`]: an outgoing connection from a chosen address gets its port at `connect` (Linux).
//!
//! Two types that the server's workers and the load generator's workers share for event loops are here as well, without
//! `unsafe`: [`ThreadWaker`] wakes a thread that waits in a poll, and [`Readiness`] remembers what a socket is ready for.
//! [`proc`] reads what Linux tells about the machine and its processes.

mod arrival;
mod memory;
mod port;
pub mod proc;
mod readiness;
mod segments;
mod time_slice;
mod waker;

pub use arrival::{ReceiveMemory, keep_arrival_times, receive, receive_memory};
pub use memory::{limit_malloc_retention, trim_heap};
pub use port::defer_port_choice;
pub use readiness::{PARTIAL_MEANS_DRAINED, Readiness};
pub use segments::{received_segments, window_limited};
pub use time_slice::request_short_time_slice;
pub use waker::ThreadWaker;
