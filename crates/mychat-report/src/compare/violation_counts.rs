//! Compares counts that are zero for a correct server. They are exact, so a single run can show new violations.

use super::{ChangeVerdict, ComparedFigure, ComparedRun};

/// Returns a row for each count that either side has, and always one for losses.
pub(super) fn compare_violations(first: &[ComparedRun], second: &[ComparedRun]) -> Vec<ComparedFigure> {
    let sum = |runs: &[ComparedRun], count: fn(&ComparedRun) -> u64| runs.iter().map(count).sum::<u64>() as f64;
    let delivered = (sum(first, |run| run.delivered), sum(second, |run| run.delivered));
    let Some(names) = first.first().map(|run| run.violations.keys().copied().collect::<Vec<_>>()) else {
        return Vec::new();
    };
    let of =
        |runs: &[ComparedRun], name: &str| runs.iter().filter_map(|run| run.violations.get(name)).sum::<u64>() as f64;
    names
        .into_iter()
        .filter_map(|name| {
            let (a, b) = (of(first, name), of(second, name));
            if a == 0.0 && b == 0.0 && name != "lost" {
                return None;
            }
            // Expected count of the second side at the rate of the first.
            let share = if delivered.0 > 0.0 && delivered.1 > 0.0 { delivered.1 / delivered.0 } else { 1.0 };
            let difference = b - a * share;
            // Rare events vary by the square root of their count. If the first side had none, one is a change.
            let noticeable = if a == 0.0 { 0.5 } else { 3.0 * (b + a * share * share).sqrt() };
            let finding = match difference {
                difference if difference > noticeable => ChangeVerdict::Worse,
                difference if -difference > noticeable => ChangeVerdict::Better,
                _ => ChangeVerdict::NoDifference,
            };
            Some(ComparedFigure { name, values: (a, b), change: None, interval: None, finding, runs_needed: None })
        })
        .collect()
}
