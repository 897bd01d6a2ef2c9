//! The catalogue of checks, and a run of them against one server: each selected check into exactly one outcome.
//!
//! ```text
//! scenarios/conformance/*.yaml ─► catalogue ─► select ─► run (play, Alive, monitors) ─► outcomes ─► baseline
//! ```

pub mod baseline;
pub mod catalogue;
mod end_of_run;
pub mod run;
pub mod select;
pub mod clauses;

pub use catalogue::{Check, catalogue};
pub use run::{Event, Options, run};
