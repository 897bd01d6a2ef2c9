//! The result as JUnit XML: a suite a group of checks, a case a check.

use super::card;
use super::result::ConformanceResult;
use crate::junit::{Case, Outcome as Told, Suite, document};
use mychat_conformance::script::{Outcome, Status};

/// Writes the result.
pub fn junit(result: &ConformanceResult) -> String {
    let mut suites: Vec<Suite> = Vec::new();
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

fn suite(group: &str, result: &ConformanceResult) -> Suite {
    let mut properties = vec![
        ("target".to_owned(), result.about.target.address.clone()),
        ("seed".to_owned(), result.about.seed.to_string()),
        ("verdict".to_owned(), result.verdict.clone()),
    ];
    properties.extend(result.about.profile.values.iter().map(|(key, value)| (format!("profile.{key}"), value.clone())));
    Suite {
        name: group.to_owned(),
        started: result.about.started.clone(),
        seconds: 0.0,
        properties,
        cases: Vec::new(),
        text: result.about.notes.join("\n"),
    }
}

fn case(check: &Outcome, result: &ConformanceResult) -> Case {
    let reason = || check.reason.clone().unwrap_or_default();
    let card = || card::text(check, result);
    let outcome = match check.status {
        Status::Pass => Told::Passed,
        Status::Skipped => Told::Skipped(reason()),
        Status::Fail if check.expected => Told::Skipped("a failure that the baseline expects".to_owned()),
        Status::Inconclusive => Told::Undecided("inconclusive", reason(), card()),
        Status::Fail => {
            let told = |words: &Option<String>| words.clone().unwrap_or_default();
            let message = format!("{}; got: {}", told(&check.want), told(&check.got));
            Told::Failed(card::level(check), message, card())
        }
    };
    let group = check.id.split('.').next().unwrap_or("cases");
    Case { name: check.id.clone(), class: format!("{}.{group}", check.level), seconds: check.seconds, outcome }
}
