//! The catalogue of checks, and a run of them against one server, with exactly one outcome per selected check.
//!
//! ```text
//! cases/*.yaml ─► catalogue ─► select ─► run (case, liveness check, monitors) ─► outcomes ─► baseline
//! ```

mod abilities;
pub mod baseline;
pub mod catalogue;
mod end_of_run;
mod instance;
mod jobs;
pub mod points;
pub mod run;
mod schedule;
pub mod select;
mod server_death;
mod serving;
pub mod clauses;

pub use catalogue::{Check, catalogue};
pub use run::{Event, Options, run};
pub use server_death::ServerDeath;
