//! The server over real sockets, rule by rule, and its program as a process of its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod session_end;
mod frames;
#[cfg(target_os = "linux")]
mod hostile;
mod support;
mod limits;
mod rosters;
mod messages;
mod operations;
#[cfg(unix)]
mod program;
mod raw_framing;
mod rooms;
mod syntax;
mod users;
mod workers;
