//! Tests of the client against a small server in this crate.
#![expect(clippy::unwrap_used, reason = "the kit is test code, and clippy knows only functions under #[test] for that")]

mod test_server;
mod library;
#[cfg(feature = "cli")]
mod pipe;
#[cfg(all(feature = "cli", unix))]
mod term;
#[cfg(all(feature = "cli", unix))]
mod terminal;
