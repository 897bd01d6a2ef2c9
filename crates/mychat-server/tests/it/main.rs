//! The server over real sockets, rule by rule.
#![expect(clippy::unwrap_used, reason = "a kit for tests fails where a test would")]

mod ending;
mod frames;
#[cfg(target_os = "linux")]
mod hostile;
mod kit;
mod limits;
mod lists;
mod messages;
mod operations;
#[cfg(unix)]
mod program;
mod raw;
mod syntax;
mod users;
mod workers;
