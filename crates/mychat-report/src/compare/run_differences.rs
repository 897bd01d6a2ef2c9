//! Notes on runs that differ in their circumstances or are incomplete.

use crate::model::RunResult;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Returns notes on the circumstances of the runs.
pub fn run_differences(first: &[RunResult], second: &[RunResult]) -> Vec<String> {
    let all = || first.iter().chain(second);
    let mut notes = Vec::new();
    for (name, runs) in [("A", first), ("B", second)] {
        let degraded: Vec<&RunResult> = runs.iter().filter(|run| run.validity == Validity::Degraded).collect();
        if let Some(first) = degraded.first() {
            notes.push(format!(
                "{} of {} runs of {name} are degraded: their latencies include delays of the generator ({})",
                degraded.len(),
                runs.len(),
                first.validity_reasons.join("; ")
            ));
        }
        let interrupted = runs.iter().filter(|run| run.verdict == Verdict::Interrupted).count();
        if interrupted > 0 {
            let all = runs.len();
            notes.push(format!(
                "{interrupted} of {all} runs of {name} were interrupted: they have only a part of the load"
            ));
        }
    }
    let differ = |what: fn(&RunResult) -> &str| all().map(what).any(|found| all().next().map(what) != Some(found));
    if differ(|run| &run.scenario.sha256) {
        notes.push(
            "the runs are of several versions of the scenario: differences may come from the scenario".to_owned(),
        );
    }
    if differ(|run| &run.generator.machine) {
        notes.push("the runs were done on different machines: differences may come from the machines".to_owned());
    }
    if differ(|run| &run.tool.version) {
        notes.push("the runs were done by different versions of mychat-bench".to_owned());
    }
    notes
}
