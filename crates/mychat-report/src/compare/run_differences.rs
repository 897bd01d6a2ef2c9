//! Notes on runs that differ in their circumstances or are incomplete.

use crate::model::RunResult;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Returns notes on the circumstances of the runs.
pub fn run_differences(first: &[RunResult], second: &[RunResult]) -> Vec<String> {
    let all = || first.iter().chain(second);
    let mut notes = Vec::new();
    for (name, runs) in [("A", first), ("B", second)] {
        let mut some = |what: &str, wanted: fn(&RunResult) -> bool| {
            let count = runs.iter().filter(|run| wanted(run)).count();
            if count > 0 {
                notes.push(format!("{count} of {} runs of {name} {what}", runs.len()));
            }
        };
        some("are degraded: their latencies are partly the generator's own", |run| run.validity == Validity::Degraded);
        some("were interrupted: they saw only a part of the load", |run| run.verdict == Verdict::Interrupted);
    }
    let differ = |what: fn(&RunResult) -> &str| all().map(what).any(|found| all().next().map(what) != Some(found));
    if differ(|run| &run.scenario.sha256) {
        notes.push(
            "the runs are of several versions of the scenario: differences may come from what was asked".to_owned(),
        );
    }
    if differ(|run| &run.generator.machine) {
        notes.push("the runs were done on different machines: differences may be theirs".to_owned());
    }
    if differ(|run| &run.tool.version) {
        notes.push("the runs were done by different versions of mychat-bench".to_owned());
    }
    notes
}
