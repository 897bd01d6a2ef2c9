//! Diagnosis of a conformance result: what to fix first, and the causes that failures share.

use crate::failure_card::rerun_command;
use crate::model::conformance::ConformanceResult;
use crate::server_death;
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;
use mychat_scenario::model::Level;

/// The mistake to fix first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FixFirst<'r> {
    /// The cause, or what happened if the cause is not known; the first line says most.
    pub(crate) cause: Vec<String>,
    /// The check that shows it, if a check does.
    pub(crate) check: Option<&'r Outcome>,
    /// A sentence on the check, its level, the number of other checks, and what the server did.
    pub(crate) evidence: Option<String>,
}

impl FixFirst<'_> {
    /// Returns the command that repeats the check.
    pub(crate) fn rerun(&self, result: &ConformanceResult) -> Option<String> {
        self.check.map(|check| rerun_command(check, result))
    }
}

/// A likely cause with the failed checks that it explains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FailureCause<'r> {
    pub(crate) cause: &'r str,
    pub(crate) checks: Vec<&'r Outcome>,
}

impl FailureCause<'_> {
    /// Number of must checks, and of all checks.
    fn weight(&self) -> (usize, usize) {
        (self.checks.iter().filter(|check| check.level == Level::Must).count(), self.checks.len())
    }
}

/// Returns the failed checks that count.
pub(crate) fn failed(result: &ConformanceResult) -> impl Iterator<Item = &Outcome> {
    result.checks.iter().filter(|check| check.status == Status::Fail && !check.expected)
}

/// Returns the likely causes of the failures. The one with the most must checks is first, then the one with the most checks.
pub(crate) fn causes(result: &ConformanceResult) -> Vec<FailureCause<'_>> {
    let mut causes: Vec<FailureCause<'_>> = Vec::new();
    for check in failed(result) {
        let Some(cause) = check.likely.as_deref() else { continue };
        match causes.iter_mut().find(|known| known.cause == cause) {
            Some(known) => known.checks.push(check),
            None => causes.push(FailureCause { cause, checks: vec![check] }),
        }
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.weight()));
    causes
}

/// Returns the mistake to fix first: the death of the server, else what the first contact showed, else the cause of most
/// failures.
pub(crate) fn fix_first(result: &ConformanceResult) -> Option<FixFirst<'_>> {
    death(result).or_else(|| first_contact(result)).or_else(|| main_cause(result))
}

fn death(result: &ConformanceResult) -> Option<FixFirst<'_>> {
    let check = server_death::fatal_check(&result.checks)?;
    let finding = server_death::finding(&result.checks, &result.info);
    let (first, rest) = finding.split_first()?;
    let printed = rest.first().filter(|line| line.contains("printed: "));
    let cause = std::iter::once(first).chain(printed).cloned().collect();
    Some(FixFirst { cause, check: Some(check), evidence: None })
}

/// An observation made before the first check causes later failures, unless it is only a reading.
fn first_contact(result: &ConformanceResult) -> Option<FixFirst<'_>> {
    if result.info.target.framing == "raw" || result.verdict == Verdict::Pass {
        return None;
    }
    let note = result.info.notes.iter().find_map(|note| {
        let note = note.trim_start();
        note.strip_prefix("Fix this first: ").or_else(|| note.strip_prefix("To fix: "))
    })?;
    let cause = format!("{note} (see the first lines of this report)");
    Some(FixFirst { cause: vec![cause], check: None, evidence: None })
}

fn main_cause(result: &ConformanceResult) -> Option<FixFirst<'_>> {
    let FailureCause { cause, checks } = causes(result).into_iter().next()?;
    // Some causes name the check for them.
    let check = checks.iter().find(|check| cause.contains(check.id.as_str())).or(checks.first())?;
    let others = match checks.len() - 1 {
        0 => String::new(),
        1 => ", and one more".to_owned(),
        more => format!(", and {more} more"),
    };
    let level = if checks.iter().any(|check| check.level == Level::Must) { "must" } else { "should" };
    let got = check.got.as_deref().unwrap_or_default().replace('\n', " ");
    let evidence = format!("visible in {} ({level}){others}: {got}", check.id);
    Some(FixFirst { cause: vec![cause.to_owned()], check: Some(check), evidence: Some(evidence) })
}
