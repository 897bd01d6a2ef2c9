//! Merges the results of several machines into one: adds histograms and counts, joins the timelines, reconciles
//! deliveries between machines, and judges the expectations again.

mod expectations;
mod histograms;
mod implicit;
mod reconcile;
mod add_counts;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::model::histogram::HistogramError;
use crate::model::run_cases::as_conformance_result;
use crate::model::{Counts, RunResult};
use mychat_load::Exit;
use mychat_load::verdict::Verdict;

/// Reason why results cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There are no results.
    #[error("there is nothing to merge")]
    Nothing,
    /// The results are of different scenarios, seeds or versions.
    #[error("`{0}` and `{1}` are runs of different scenarios or seeds")]
    Different(String, String),
    /// The same run occurs twice, and would be counted twice.
    #[error("the same run of `{0}`, which began at {1}, is given twice")]
    Twice(String, String),
    /// The results are parts of differently sharded runs, or the same part twice.
    #[error("{0}")]
    Shards(String),
    /// The counts do not have the fields of this version.
    #[error("the counts cannot be added: {0}")]
    Counts(#[from] serde_json::Error),
    /// A result is damaged.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// Merges several results of the same scenario and seed into one.
pub fn merge(results: &[RunResult]) -> Result<RunResult, MergeError> {
    let [first, rest @ ..] = results else { return Err(MergeError::Nothing) };
    if rest.is_empty() && first.shard.is_none() {
        return Ok(first.clone());
    }
    let mut merged = first.clone();
    for result in rest {
        let (a, b) = (&first.scenario, &result.scenario);
        if a.sha256 != b.sha256 || a.seed != b.seed {
            return Err(MergeError::Different(a.name.clone(), b.name.clone()));
        }
        add(&mut merged, result)?;
    }
    let which = |result: &RunResult| {
        (result.started.clone(), result.scenario.plan_sha256.clone(), result.shard.as_ref().map(|shard| shard.index))
    };
    let mut known = HashSet::new();
    if let Some(twice) = results.iter().find(|result| !known.insert(which(result))) {
        return Err(MergeError::Twice(twice.scenario.name.clone(), twice.started.clone()));
    }
    merged.timeline = histograms::timeline(results)?;
    let reconciliation = reconcile::reconcile(&mut merged, results)?;
    expectations::judge(&mut merged, results, &reconciliation);
    conclude(&mut merged, results, &reconciliation);
    Ok(merged)
}

fn add(merged: &mut RunResult, result: &RunResult) -> Result<(), MergeError> {
    merged.started = merged.started.clone().min(result.started.clone());
    merged.seconds = merged.seconds.max(result.seconds);
    merged.validity = merged.validity.max(result.validity);
    merged.validity_reasons.extend(result.validity_reasons.iter().cloned());
    histograms::add_latencies(&mut merged.latency, result)?;
    let on_time = |counts: &Counts| counts.achieved.unwrap_or(0.0) * counts.scheduled as f64;
    let achieved = on_time(&merged.counts) + on_time(&result.counts);
    merged.counts = add_counts::add_counts(&merged.counts, &result.counts)?;
    let scheduled = merged.counts.scheduled;
    merged.counts.achieved = (scheduled > 0).then(|| achieved / scheduled as f64);
    merged.cases.extend(result.cases.iter().cloned());
    merged.examples.extend(result.examples.iter().cloned());
    merged.examples.sort_by_key(|example| example.kind);
    merged.lost_by_user.extend(result.lost_by_user.iter().cloned());
    merged.server = merged.server.take().or(result.server);
    merged.server_end = merged.server_end.take().or_else(|| result.server_end.clone());
    merged.generator.cpu_seconds += result.generator.cpu_seconds;
    merged.generator.busy_wait_seconds += result.generator.busy_wait_seconds;
    merged.generator.rss_peak += result.generator.rss_peak;
    merged.generator.threads += result.generator.threads;
    merged.generator.read_lag_p99 = merged.generator.read_lag_p99.max(result.generator.read_lag_p99);
    merged.generator.clock = merged.generator.clock.max(result.generator.clock);
    merged.generator.clock_steps = merged.generator.clock_steps.max(result.generator.clock_steps);
    histograms::add_optional(&mut merged.generator.read_lag, result.generator.read_lag.as_ref())?;
    histograms::add_optional(&mut merged.generator.arrival_error, result.generator.arrival_error.as_ref())?;
    merged.generator.fullest_receive_buffer =
        merged.generator.fullest_receive_buffer.max(result.generator.fullest_receive_buffer);
    merged.generator.unread_bytes = merged.generator.unread_bytes.max(result.generator.unread_bytes);
    merged.generator.stall_max = merged.generator.stall_max.max(result.generator.stall_max);
    if !merged.generator.machine.contains(&result.generator.machine) {
        merged.generator.machine = format!("{}; {}", merged.generator.machine, result.generator.machine);
    }
    Ok(())
}

/// Returns the verdict on the whole, by the rules of a single run. Findings of single machines alone do not count.
fn conclude(merged: &mut RunResult, results: &[RunResult], reconciliation: &reconcile::ShardReconciliation) {
    let any = |exit: Exit| results.iter().any(|result| result.exit_code == exit.code());
    let exit = if any(Exit::Interrupted) {
        Exit::Interrupted
    } else if any(Exit::CouldNotRun) {
        Exit::CouldNotRun
    } else {
        expectations::conclusion(merged)
    };
    let exit = if reconciliation.is_whole() { exit } else { exit.or(Exit::Inconclusive) };
    let cases = as_conformance_result(merged);
    let exit = if merged.cases.is_empty() { exit } else { exit.or(Exit::from_code(cases.exit_code)) };
    merged.exit_code = exit.code();
    merged.verdict = Verdict::of(exit).unwrap_or(Verdict::Inconclusive);
}
