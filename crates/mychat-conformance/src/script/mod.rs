//! A case's steps, played with real connections, into exactly one outcome with the transcript behind it.
//!
//! ```text
//! case ─► stage: actors (line each) ─► step after step, or a procedure ─► fence ─► outcome
//!                  │                                                               │
//!                  └─ every byte ─► transcript, monitors ──────────────────────────┘
//! ```
//!
//! A line reads all the time, whether or not a step waits for something: what arrives is kept in order and looked at
//! later. Nothing sleeps to prove that nothing came: a message sent behind the stimulus is waited for instead.

pub mod alive;
pub mod fence;
pub mod form;
mod join;
pub mod line;
pub mod monitor;
pub mod outcome;
pub mod procedure;
pub mod stage;
mod steps;
pub mod transcript;

pub use outcome::{Outcome, Played, Status, Trouble};
pub use stage::{Stage, Surroundings};

pub use join::join_all;
pub(crate) use line::contains as line_contains;

use mychat_scenario::model::{Case, Level};

/// Why messages come in another order than they were sent in, whatever the check is about.
pub(crate) const OVERTAKEN: &str =
    "messages overtake each other: each is handled by a thread, task or timer of its own (see order.fifo-private)";

/// Plays one case from its first step to its last fence.
pub async fn play(case: &Case, surroundings: &Surroundings) -> Outcome {
    let started = std::time::Instant::now();
    let mut stage = Stage::new(case, surroundings.clone());
    let longest = if case.slow { surroundings.longest * 2 } else { surroundings.longest };
    let played = match tokio::time::timeout(longest, stage.perform(&case.steps)).await {
        Ok(played) => played,
        Err(_) => Err(Trouble::Inconclusive(format!("it did not end within {} s", longest.as_secs()))),
    };
    let declared = stage.declared;
    let outcome = Outcome::of(case, played, &mut stage, started.elapsed());
    stage.leave().await;
    match (case.level, declared, outcome.status) {
        // A reading is written down, whatever it is; only what a profile declares is asked for.
        (Level::May, false, Status::Fail) => outcome.recorded(),
        _ => outcome,
    }
}
