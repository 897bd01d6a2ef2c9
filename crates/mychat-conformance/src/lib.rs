//! The conformance suite: plays checks against a MyChat server, and turns each into one outcome with its transcript.
//!
//! ```text
//! suite ─► runner ─► steps, procedures ─► harness (connections, fences, monitors)
//!             │
//!             └────► diagnosis (finished transcript and failure ─► hint)
//! probe ─► harness
//! ```
//!
//! Reading order: [`suite::catalogue()`] (the checks), [`suite::run()`] (their order), `runner` (one check), `harness`
//! (its connections), `diagnosis` (the likely mistake behind a failure).

mod diagnosis;
mod harness;
pub mod probe;
mod procedures;
mod runner;
mod steps;
pub mod suite;

pub use harness::connection::FramingPair;
pub use harness::liveness::measure_response_time;
pub use harness::outcome::{Outcome, Status};
pub use harness::wire_log::{Direction, WireLine};
pub use harness::{AnnouncedExtensions, FirstContact, TestEnv, join_all};
