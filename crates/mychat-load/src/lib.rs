//! The load generator: drives a server with a scenario and accounts for every delivery.
//!
//! ```text
//! mychat-scenario ─► plan ─► engine ─► record ─► reconcile ─► verdict ─► mychat-report
//!                    who,    users     sent and   owed and      expectations,
//!                    when,   over      received   missing       validity
//!                    what    sockets
//! ```
//!
//! Each folder is a stage and hands plain data to the next. Only [`engine`] uses sockets. Its users know neither sockets nor
//! clocks; those are behind [`engine::wire::Wire`] and [`engine::clock::Clock`].
//!
//! Reading order: [`plan`], [`engine::worker`], [`reconcile`], [`verdict`].

pub mod plan;
pub mod record;
pub mod reconcile;
pub mod engine;
pub mod verdict;

mod exit;
pub mod format;

pub use exit::Exit;
