//! Reads and writes baselines: the failures that are expected of a server, each with its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::harness::outcome::{Outcome, Status};

/// Reads a baseline: one line `id: want` per expected failure.
///
/// # Errors
///
/// Returns a description of the syntax error.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(BTreeMap::new());
    }
    serde_yaml::from_str(text).map_err(|error| format!("a baseline has a reason per id: {error}"))
}

/// Returns the text of a baseline that accepts the failures among these outcomes.
pub fn write(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "# Failures that are known: id, and what the check wanted. A line that is no longer true fails the run.\n",
    );
    for outcome in outcomes.iter().filter(|outcome| outcome.status == Status::Fail) {
        let reason = outcome.want.as_deref().unwrap_or_default();
        let quoted = serde_json::to_string(reason).unwrap_or_default();
        let _ = writeln!(text, "{}: {quoted}", outcome.id);
    }
    text
}

/// Compares outcomes with a baseline: marks expected failures, and fails checks that are expected to fail but pass.
pub fn apply(outcomes: &mut [Outcome], baseline: &BTreeMap<String, String>) {
    for outcome in outcomes {
        let Some(reason) = baseline.get(&outcome.id) else { continue };
        match outcome.status {
            Status::Fail if outcome.want.as_deref() == Some(reason) => outcome.expected = true,
            Status::Pass => {
                outcome.status = Status::Fail;
                outcome.want = Some(format!("it fails, as the baseline says ({reason})"));
                outcome.got = Some("it passes now: remove its line from the baseline (--update-baseline)".to_owned());
            }
            _ => {}
        }
    }
}
