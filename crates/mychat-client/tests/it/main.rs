//! Tests of the client against a small server in this crate and, for rooms, the reference server.
#![expect(clippy::unwrap_used, reason = "the kit is test code, and clippy knows only functions under #[test] for that")]

mod test_server;
mod library;
#[cfg(feature = "cli")]
mod pipe;
#[cfg(feature = "cli")]
mod reference_server;
#[cfg(feature = "cli")]
mod room_pipe;
#[cfg(all(feature = "cli", unix))]
mod room_terminal;
#[cfg(all(feature = "cli", unix))]
mod term;
#[cfg(all(feature = "cli", unix))]
mod terminal;
