//! The server under test: where it is, how it is started, and how it reads the protocol.

mod load_profile;
mod load_target;
mod server_under_test;

pub(crate) use load_profile::{LoadProfile, ProfileOptions};
pub(crate) use load_target::{LoadTarget, ServerChoice};
pub(crate) use server_under_test::ServerUnderTest;
