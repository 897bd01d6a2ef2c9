//! The load of a scenario: what was requested, whether it is possible, and the runs themselves.

pub(crate) mod preflight;
mod request;
mod session;

pub(crate) use request::{LoadOptions, RunRequest};
pub(crate) use session::LoadSession;
