//! Property tests of the protocol crate, and tests that `PROTOCOL.md` agrees with the code.

mod allocation;
mod any;
mod extension;
mod framing;
mod messages;
mod page;
mod roster;
