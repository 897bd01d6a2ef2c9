//! Procedures about extensions: chat rooms with many members, and members who act at the same time.
//!
//! ```text
//! race ─► members (connections of its own) ─► replay (the frames of all, against those of one observer)
//! ```

pub(super) mod answers;
pub(super) mod limit;
mod members;
pub(super) mod pages;
pub(super) mod race;
pub(super) mod raw;
mod replay;
#[cfg(test)]
mod replay_tests;
mod together;
