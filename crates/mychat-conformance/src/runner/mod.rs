//! Runs one case: its steps against a server, into exactly one outcome with its transcript.
//!
//! ```text
//! case ─► context (a connection per actor) ─► step after step, or a procedure ─► fence ─► outcome
//! ```
//!
//! Connections read all the time, whether or not a step waits for something. Frames are kept in order and steps inspect
//! them later. Nothing sleeps to prove that nothing came: a step waits for a message that was sent after the stimulus.

mod dispatch;
mod together;

use crate::diagnosis::diagnose;
use crate::diagnosis::shared::shared_mistakes;
use crate::harness::TestEnv;
use crate::harness::context::CaseContext;
use crate::harness::failure::CaseFailure;
use crate::harness::outcome::{CaseRecord, Outcome, Status};
use mychat_scenario::model::{Case, Level};

/// Runs one case from its first step to its last fence.
pub(crate) async fn run_case(case: &Case, env: &TestEnv) -> Outcome {
    let started = std::time::Instant::now();
    let mut ctx = CaseContext::new(case, env.clone());
    let max_duration = if case.slow { env.max_duration * 2 } else { env.max_duration };
    let result = match tokio::time::timeout(max_duration, ctx.run_case(case)).await {
        Ok(result) => result,
        Err(_) => Err(CaseFailure::Inconclusive(format!("it did not end within {} s", max_duration.as_secs()))),
    };
    let declared = ctx.declared;
    let (hints, shared) = match &result {
        Err(failure @ CaseFailure::Fail { .. }) => {
            let transcript = ctx.transcript();
            // The known mistakes are those of MyChat/1.
            let hints = if case.concerns_extensions() { Vec::new() } else { diagnose(&transcript, failure) };
            (hints, shared_mistakes(&transcript, failure))
        }
        _ => Default::default(),
    };
    let shows_wire = !matches!(result, Ok(()) | Err(CaseFailure::Skipped(_)));
    let record = CaseRecord {
        seconds: started.elapsed().as_secs_f64(),
        observed: std::mem::take(&mut ctx.observed),
        declare: ctx.declare.take(),
        hints,
        shared,
        wire: if shows_wire { ctx.wire_lines() } else { Vec::new() },
    };
    let outcome = Outcome::of(case, result, record);
    ctx.disconnect_all().await;
    match (case.level, declared, outcome.status) {
        // A check of level `may` records the behaviour. It can only fail if a profile declares another one.
        (Level::May, false, Status::Fail) => outcome.recorded(),
        _ => outcome,
    }
}
