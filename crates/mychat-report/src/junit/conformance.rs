//! Conformance result as JUnit XML: one test suite per group of checks, one test case per check.

use super::document::{TestCase, TestOutcome, TestSuite, document};
use crate::failure_card;
use crate::fix_first::{causes, fix_first};
use crate::model::conformance::ConformanceResult;
use crate::{reasons, wording};
use mychat_conformance::{Outcome, Status};

/// Renders the result.
pub fn conformance_report(result: &ConformanceResult) -> String {
    let mut suites: Vec<TestSuite> = Vec::new();
    for check in &result.checks {
        let group = check.id.split('.').next().unwrap_or("cases");
        let at = suites.iter().position(|suite| suite.name == group).unwrap_or_else(|| {
            suites.push(suite(group, result));
            suites.len() - 1
        });
        suites[at].seconds += check.seconds;
        suites[at].cases.push(case(check, result));
    }
    document(&suites)
}

fn suite(group: &str, result: &ConformanceResult) -> TestSuite {
    let mut properties = vec![
        ("target".to_owned(), result.info.target.address.clone()),
        ("seed".to_owned(), result.info.seed.to_string()),
        ("verdict".to_owned(), wording::verdict_name(result.verdict).to_owned()),
    ];
    let (_, word, detail) = wording::suite_verdict(result);
    properties.push(("verdict_line".to_owned(), format!("{word}{detail}")));
    properties.extend(result.points.as_ref().map(|points| ("points".to_owned(), points.text())));
    let first = fix_first(result).map(|first| first.cause.join("\n"));
    properties.extend(first.map(|cause| ("fix_first".to_owned(), cause)));
    for (number, group) in causes(result).iter().enumerate() {
        let ids: Vec<&str> = group.checks.iter().map(|check| check.id.as_str()).collect();
        properties.push((format!("cause.{number}"), format!("{}: {}", group.cause, ids.join(", "))));
    }
    let reasons = reasons::inconclusive_checks(result).into_iter().enumerate();
    properties.extend(reasons.map(|(number, why)| (format!("verdict_reason.{number}"), why)));
    properties.extend(result.info.profile.values.iter().map(|(key, value)| (format!("profile.{key}"), value.clone())));
    TestSuite {
        name: group.to_owned(),
        started: result.info.started.clone(),
        seconds: 0.0,
        properties,
        cases: Vec::new(),
        text: text(result),
    }
}

/// Returns the readable report: the diagnosis, then the notes.
fn text(result: &ConformanceResult) -> String {
    let mut lines = Vec::new();
    if let Some(first) = fix_first(result) {
        lines.push(format!("Fix first: {}", first.cause.join("\n")));
        lines.extend(first.evidence.clone());
        lines.extend(first.rerun(result));
    }
    for group in causes(result).iter().filter(|group| group.checks.len() > 1) {
        let ids: Vec<&str> = group.checks.iter().map(|check| check.id.as_str()).collect();
        lines.push(format!("These {} probably fail for the same reason: {}", ids.len(), group.cause));
        lines.push(format!("  {}", ids.join(", ")));
    }
    lines.extend(result.info.notes.iter().cloned());
    lines.join("\n")
}

fn case(check: &Outcome, result: &ConformanceResult) -> TestCase {
    let reason = || check.reason.clone().unwrap_or_default();
    let card = || failure_card::card_text(check, result);
    let outcome = match check.status {
        Status::Pass => TestOutcome::Passed,
        Status::Skipped => TestOutcome::Skipped(reason()),
        Status::Fail if check.expected => TestOutcome::Skipped("a failure that the baseline expects".to_owned()),
        Status::Inconclusive => TestOutcome::Undecided("inconclusive", reason(), card()),
        Status::Fail => {
            let told = |words: &Option<String>| words.clone().unwrap_or_default();
            let message = format!("{}; got: {}", told(&check.want), told(&check.got));
            TestOutcome::Failed(check.level.name(), message, card())
        }
    };
    let group = check.id.split('.').next().unwrap_or("cases");
    TestCase { name: check.id.clone(), class: format!("{}.{group}", check.level), seconds: check.seconds, outcome }
}
