//! The client against a server that these tests carry themselves.
#![expect(clippy::unwrap_used, reason = "the kit is test code, and clippy knows only functions under #[test] for that")]

mod kit;
mod library;
#[cfg(feature = "cli")]
mod pipe;
#[cfg(all(feature = "cli", unix))]
mod term;
#[cfg(all(feature = "cli", unix))]
mod terminal;
