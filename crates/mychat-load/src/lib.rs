//! The load engine: a scenario and a server into figures, counts and verdicts that account for every delivery.
//!
//! ```text
//! mychat-scenario ─► plan ─► engine ─► record ─► verdict ─► mychat-report
//!  what was asked     who,    users     samples,  expectations,
//!  for                when,   over      counts,   validity
//!                     what    sockets   ledger
//! ```
//!
//! Each folder is a stage and hands plain data to the next. [`engine`] is the one with sockets in it, and even there the
//! users themselves know neither sockets nor clocks: those are behind [`engine::wire::Wire`] and [`engine::clock::Clock`].
//!
//! Reading order: [`plan`], [`engine::worker`], [`record::ledger`], [`verdict`].

pub mod plan;
pub mod record;
pub mod engine;
pub mod verdict;

mod exit;
pub mod format;

pub use exit::Exit;
