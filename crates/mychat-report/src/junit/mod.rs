//! The result as JUnit XML, which every build server reads: a test case an expectation, and one for the run's validity.

mod suite;

pub use suite::{Case, Outcome, Suite, document};

use super::conformance::ConformanceResult;
use super::conformance::card::{level, text};
use super::html::kind;
use super::result::{ExpectationResult, RunResult};
use super::{cases, terminal, value};
use mychat_conformance::script::{Outcome as Played, Status};
use mychat_load::verdict::validity::Validity;

/// The report.
pub fn write(result: &RunResult) -> String {
    let mut cases: Vec<Case> = result.expectations.iter().map(|expectation| case(result, expectation)).collect();
    cases.push(validity(result));
    let view = cases::view(result);
    cases.extend(result.cases.iter().map(|played| one(result, played, &view)));
    document(&[Suite {
        name: result.scenario.name.clone(),
        started: result.started.clone(),
        seconds: result.seconds,
        properties: properties(result),
        cases,
        text: anstream::adapter::strip_str(&terminal::summary(result)).to_string(),
    }])
}

fn case(result: &RunResult, expectation: &ExpectationResult) -> Case {
    let measured = expectation.actual.map_or_else(|| "n/a".to_owned(), |actual| value(actual, &expectation.unit));
    let note = expectation.note.as_deref().map_or_else(String::new, |note| format!("; {note}"));
    let told = format!("expected {}, measured {measured}{note}", expectation.text);
    let place = format!("{}, line {}", result.scenario.file, expectation.line);
    let outcome = match expectation.ok {
        Some(true) => Outcome::Passed,
        Some(false) => Outcome::Failed("expectation", told, place),
        // Nothing is known to be wrong with the server, but nobody should take this for a success.
        None => Outcome::Undecided("undecided", told, place),
    };
    Case { name: expectation.text.clone(), class: result.scenario.name.clone(), seconds: 0.0, outcome }
}

/// A case of the scenario, with its card where it has one.
fn one(result: &RunResult, played: &Played, view: &ConformanceResult) -> Case {
    let (message, card) = (format!("{}: {}", played.title, cases::remark(played)), || text(played, view));
    let outcome = match played.status {
        Status::Pass => Outcome::Passed,
        Status::Fail => Outcome::Failed(level(played), message, card()),
        Status::Inconclusive => Outcome::Undecided("inconclusive", message, card()),
        Status::Skipped => Outcome::Skipped(message),
    };
    let class = format!("{}.cases", result.scenario.name);
    Case { name: played.id.clone(), class, seconds: played.seconds, outcome }
}

fn validity(result: &RunResult) -> Case {
    let outcome = if result.validity == Validity::Invalid {
        let reasons = result.validity_reasons.join("\n");
        Outcome::Undecided("invalid", "the generator was the limit".to_owned(), reasons)
    } else {
        Outcome::Passed
    };
    let name = "the generator kept its schedule".to_owned();
    Case { name, class: result.scenario.name.clone(), seconds: result.seconds, outcome }
}

fn properties(result: &RunResult) -> Vec<(String, String)> {
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let mut properties = vec![
        ("verdict".to_owned(), word(serde_json::to_value(result.verdict))),
        ("validity".to_owned(), word(serde_json::to_value(result.validity))),
        ("seed".to_owned(), result.scenario.seed.to_string()),
        ("plan_sha256".to_owned(), result.scenario.plan_sha256.clone()),
        ("target".to_owned(), result.target.address.clone()),
    ];
    properties.extend(result.counts.named().map(|(name, count)| (name.to_owned(), count.to_string())));
    properties.extend(result.counts.errors.iter().map(|(code, count)| (format!("errors.{code}"), count.to_string())));
    for (number, example) in result.examples.iter().enumerate() {
        properties.push((format!("example.{number}"), format!("{}: {}", kind(example.kind), example.what)));
    }
    properties
}
