//! Holds any MyChat server against the protocol and under load, and accounts for every delivery.

pub mod drive;
mod exit;
pub mod judge;
pub mod observe;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod target;

pub use exit::Exit;
