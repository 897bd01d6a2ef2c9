//! Server under test: its address, its start, and its readings of the protocol.

mod load_profile;
mod load_target;
mod process_watch;
mod server_under_test;

pub(crate) use load_profile::{LoadProfile, ProfileOptions};
pub(crate) use load_target::{LoadTarget, ServerChoice};
pub(crate) use process_watch::ProcessWatch;
pub(crate) use server_under_test::ServerUnderTest;
