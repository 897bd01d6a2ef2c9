//! The kit of the end-to-end tests: a reference server that stops when it is dropped ([`TestServer`]), a client that
//! sends exactly what it is told ([`RawPeer`]), servers with one fault ([`faulty_server`]) or
//! take a known time ([`timed_server`]), the truth table ([`truth`]), and the tool itself with a
//! scenario in a file ([`Run`]).

#![expect(clippy::missing_panics_doc, reason = "in a test's kit every failure is a panic")]

pub mod cores;
pub mod faulty_server;
mod peer;
mod run;
mod server;
// Known times to the microsecond take timerfd and epoll; the same rows are tests over a simulated clock everywhere.
#[cfg(target_os = "linux")]
pub mod timed_server;
#[cfg(target_os = "linux")]
pub mod truth;

pub use peer::RawPeer;
pub use run::{Outcome, Run};
pub use server::TestServer;
