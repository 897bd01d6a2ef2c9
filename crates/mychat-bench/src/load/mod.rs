//! Load of a scenario: the request, its preflight checks, and the runs.

mod newcomer;
mod ports;
pub(crate) mod preflight;
mod room_limit;
mod request;
mod session;

pub(crate) use request::{LoadOptions, RunRequest};
pub(crate) use room_limit::check_rooms;
pub(crate) use session::{LoadSession, SessionContext};
