//! Holds any MyChat server against the protocol and under load, and accounts for every delivery.

pub mod drive;
pub mod observe;
pub mod plan;
pub mod scenario;
