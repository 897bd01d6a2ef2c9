//! Compares outcomes: expectations, cases and conformance checks. One that passed before and fails now is a regression.

use super::{ChangeVerdict, ComparedRun, FEWEST};
use mychat_load::verdict::validity::Validity;

/// Outcome of one item in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassOutcome {
    /// Name of the item.
    pub name: String,
    /// True for a pass; `None` for no verdict.
    pub passed: Option<bool>,
    /// True if the item is about counts or steps. Other items can also fail because of the machine.
    pub exact: bool,
}

/// Number of passes among the decided outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassRate {
    /// Number of passes.
    pub passed: usize,
    /// Number of decided outcomes.
    pub of: usize,
}

/// Item with a different outcome on the second side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassChange {
    /// Name of the item.
    pub name: String,
    /// Pass rate of each side.
    pub shares: (PassRate, PassRate),
    /// Verdict on the change.
    pub finding: ChangeVerdict,
}

/// Returns all changes, and the number of items that both sides have.
pub(super) fn compare(first: &[ComparedRun], second: &[ComparedRun]) -> (Vec<PassChange>, usize) {
    let Some(names) = first.first().map(|run| &run.outcomes) else { return (Vec::new(), 0) };
    let mut changed = Vec::new();
    let mut known = 0;
    for PassOutcome { name, exact, .. } in names {
        let shares = (share(first, name, *exact), share(second, name, *exact));
        if shares.0.of == 0 || shares.1.of == 0 {
            continue;
        }
        known += 1;
        if let Some(finding) = finding(shares.0, shares.1, *exact) {
            changed.push(PassChange { name: name.clone(), shares, finding });
        }
    }
    (changed, known)
}

fn share(runs: &[ComparedRun], name: &str, exact: bool) -> PassRate {
    let counts = |run: &&ComparedRun| exact || run.validity != Validity::Invalid;
    let of_run = |run: &ComparedRun| run.outcomes.iter().find(|outcome| outcome.name == name)?.passed;
    let decided: Vec<bool> = runs.iter().filter(counts).filter_map(of_run).collect();
    PassRate { passed: decided.iter().filter(|passed| **passed).count(), of: decided.len() }
}

/// Returns the verdict if one side never failed and the other did. A time near its limit passes or fails by chance:
/// such a change counts only if several runs per side agree.
fn finding(a: PassRate, b: PassRate, exact: bool) -> Option<ChangeVerdict> {
    let (all, none) = (|share: PassRate| share.passed == share.of, |share: PassRate| share.passed == 0);
    let said = |clear: bool, finding| {
        let enough = clear && a.of.min(b.of) >= FEWEST;
        if exact || enough { finding } else { ChangeVerdict::TooLittleData }
    };
    match (all(a), all(b)) {
        (true, false) => Some(said(none(b), ChangeVerdict::Worse)),
        (false, true) => Some(said(none(a), ChangeVerdict::Better)),
        _ => None,
    }
}
