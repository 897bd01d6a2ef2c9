//! Conformance result as JUnit XML: one test suite per group of checks, one test case per check.

use super::document::{TestCase, TestOutcome, TestSuite, document};
use crate::failure_card;
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
    let reasons = reasons::inconclusive_checks(result).into_iter().enumerate();
    properties.extend(reasons.map(|(number, why)| (format!("verdict_reason.{number}"), why)));
    properties.extend(result.info.profile.values.iter().map(|(key, value)| (format!("profile.{key}"), value.clone())));
    TestSuite {
        name: group.to_owned(),
        started: result.info.started.clone(),
        seconds: 0.0,
        properties,
        cases: Vec::new(),
        text: result.info.notes.join("\n"),
    }
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
