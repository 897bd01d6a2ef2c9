//! What passes or fails: expectations, cases, and the checks of a suite. What passed and fails now is a regression.

use super::{FEWEST, Finding, Run};
use mychat_load::verdict::validity::Validity;

/// How something ended in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What it is called.
    pub name: String,
    /// Whether it passed; `None` where that could not be said.
    pub passed: Option<bool>,
    /// Whether it is about counts or steps. Anything else may be broken by the machine as well.
    pub exact: bool,
}

/// So many passed, of so many that could be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Passed.
    pub passed: usize,
    /// Decided.
    pub of: usize,
}

/// Something that does not end as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// What it is called.
    pub name: String,
    /// In the runs of each side.
    pub shares: (Share, Share),
    /// What that says.
    pub finding: Finding,
}

/// All that changed, and of how many that both sides have.
pub(super) fn compare(first: &[Run], second: &[Run]) -> (Vec<Passed>, usize) {
    let Some(names) = first.first().map(|run| &run.tried) else { return (Vec::new(), 0) };
    let mut changed = Vec::new();
    let mut known = 0;
    for Tried { name, exact, .. } in names {
        let shares = (share(first, name, *exact), share(second, name, *exact));
        if shares.0.of == 0 || shares.1.of == 0 {
            continue;
        }
        known += 1;
        if let Some(finding) = finding(shares.0, shares.1, *exact) {
            changed.push(Passed { name: name.clone(), shares, finding });
        }
    }
    (changed, known)
}

fn share(runs: &[Run], name: &str, exact: bool) -> Share {
    let counts = |run: &&Run| exact || run.validity != Validity::Invalid;
    let of_run = |run: &Run| run.tried.iter().find(|tried| tried.name == name)?.passed;
    let decided: Vec<bool> = runs.iter().filter(counts).filter_map(of_run).collect();
    Share { passed: decided.iter().filter(|passed| **passed).count(), of: decided.len() }
}

/// Where one side never failed and the other one did. A time that is near its limit falls on either side of it by chance:
/// that it did so is believed when several runs a side agree.
fn finding(a: Share, b: Share, exact: bool) -> Option<Finding> {
    let (all, none) = (|share: Share| share.passed == share.of, |share: Share| share.passed == 0);
    let said = |clear: bool, finding| {
        let enough = clear && a.of.min(b.of) >= FEWEST;
        if exact || enough { finding } else { Finding::TooLittleData }
    };
    match (all(a), all(b)) {
        (true, false) => Some(said(none(b), Finding::Worse)),
        (false, true) => Some(said(none(a), Finding::Better)),
        _ => None,
    }
}
