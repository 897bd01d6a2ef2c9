//! What passes or fails: expectations, cases, and the checks of a suite. What passed and fails now is a regression.

use super::{ChangeVerdict, ComparedRun, FEWEST};
use mychat_load::verdict::validity::Validity;

/// How something ended in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassOutcome {
    /// What it is called.
    pub name: String,
    /// Whether it passed; `None` where that could not be said.
    pub passed: Option<bool>,
    /// Whether it is about counts or steps. Anything else may be broken by the machine as well.
    pub exact: bool,
}

/// So many passed, of so many that could be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassRate {
    /// Passed.
    pub passed: usize,
    /// Decided.
    pub of: usize,
}

/// Something that does not end as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassChange {
    /// What it is called.
    pub name: String,
    /// In the runs of each side.
    pub shares: (PassRate, PassRate),
    /// What that says.
    pub finding: ChangeVerdict,
}

/// All that changed, and of how many that both sides have.
pub(super) fn compare(first: &[ComparedRun], second: &[ComparedRun]) -> (Vec<PassChange>, usize) {
    let Some(names) = first.first().map(|run| &run.tried) else { return (Vec::new(), 0) };
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
    let of_run = |run: &ComparedRun| run.tried.iter().find(|tried| tried.name == name)?.passed;
    let decided: Vec<bool> = runs.iter().filter(counts).filter_map(of_run).collect();
    PassRate { passed: decided.iter().filter(|passed| **passed).count(), of: decided.len() }
}

/// Where one side never failed and the other one did. A time that is near its limit falls on either side of it by chance:
/// that it did so is believed when several runs a side agree.
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
