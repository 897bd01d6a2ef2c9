//! The reasons behind the words INCONCLUSIVE, DEGRADED and INVALID. Every format that prints one of them prints these.

use crate::model::conformance::ConformanceResult;
use crate::model::run_cases::remark;
use crate::model::{ExpectationResult, RunResult};
use crate::undecided::{self, Undecided};
use crate::{visible, wording};
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_scenario::model::Level;

/// Returns why a run is inconclusive: undecided expectations and cases, missing parts, and the end of a search. Empty for
/// other verdicts. The reasons of an invalid run are [`validity`].
pub(crate) fn inconclusive(result: &RunResult) -> Vec<String> {
    if result.verdict != Verdict::Inconclusive {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    // Of a valid run, these say which parts of it are missing.
    if result.validity == Validity::Valid {
        reasons.extend(result.validity_reasons.iter().cloned());
    }
    reasons.extend(result.expectations.iter().filter(|expectation| is_undecided(expectation)).map(why_undecided));
    let cases = result.cases.iter().filter(|case| case.status == Status::Inconclusive);
    reasons.extend(cases.map(|case| format!("the case {} is undecided: {}", case.id, remark(case))));
    reasons.extend(result.capacity.as_ref().map(|capacity| capacity.reason.clone()));
    if reasons.is_empty() && result.validity != Validity::Invalid {
        reasons.push("nothing in this run decides the verdict".to_owned());
    }
    reasons
}

/// Returns why the latencies of a run are not only the server's: the validity with its meaning, then each finding. Empty
/// for a valid run.
pub(crate) fn validity(result: &RunResult) -> Vec<String> {
    if result.validity == Validity::Valid {
        return Vec::new();
    }
    let (_, word, meaning) = wording::validity(result.validity);
    std::iter::once(format!("{word}: {meaning}")).chain(result.validity_reasons.iter().cloned()).collect()
}

/// Returns why a conformance result is inconclusive: the undecided checks that count, those with the same reason together.
/// Empty for other verdicts.
pub(crate) fn inconclusive_checks(result: &ConformanceResult) -> Vec<String> {
    if result.verdict != Verdict::Inconclusive {
        return Vec::new();
    }
    let counts = |check: &&Outcome| check.level == Level::Must || result.info.strict;
    let mut reasons = Vec::new();
    for Undecided { reason, checks } in undecided::by_reason(&result.checks) {
        let ids: Vec<&str> = checks.into_iter().filter(counts).map(|check| check.id.as_str()).collect();
        if !ids.is_empty() {
            reasons.push(format!("{}: {reason}", named(&ids)));
        }
    }
    if reasons.is_empty() {
        reasons.push(match result.checks.iter().find(|check| check.status == Status::Skipped) {
            Some(check) => format!("no check was run: {}", remark(check)),
            None => "no check was run".to_owned(),
        });
    }
    reasons
}

/// Joins reasons behind a verdict of one line: `; first; second`. Control characters become visible.
pub(crate) fn appended(reasons: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for reason in reasons {
        text.push_str("; ");
        text.push_str(&one_line(&reason));
    }
    text
}

/// Makes control characters visible and joins lines.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace('\n', " ")
}

/// Returns the first ids, and the number of the others.
fn named(ids: &[&str]) -> String {
    const NAMED: usize = 3;
    let (are, others) = (if ids.len() == 1 { "is" } else { "are" }, ids.len().saturating_sub(NAMED));
    let more = if others > 0 { format!(" and {others} others") } else { String::new() };
    format!("{}{more} {are} undecided", ids[..ids.len().min(NAMED)].join(", "))
}

/// Returns true for an expectation that leaves the verdict open. One about an unknown server process does not.
fn is_undecided(expectation: &ExpectationResult) -> bool {
    expectation.ok.is_none() && !expectation.text.starts_with("server.")
}

fn why_undecided(expectation: &ExpectationResult) -> String {
    match &expectation.note {
        Some(note) => format!("`{}` is undecided: {note}", expectation.text),
        None => format!("`{}` is undecided: nothing was measured", expectation.text),
    }
}
