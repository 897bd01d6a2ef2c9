//! Result of a run as JUnit XML: one test case per expectation, one for the validity of the run, and one for the answer of a
//! search or for the verdict where these alone do not give it.

use super::document::{TestCase, TestOutcome, TestSuite, document};
use crate::failure_card::card_text;
use crate::html::violation_name;
use crate::model::conformance::ConformanceResult;
use crate::model::run_cases::{as_conformance_result, remark};
use crate::model::{Capacity, ExpectationResult, RunResult};
use crate::{reasons, terminal, wording};
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Renders the report.
pub fn run_report(result: &RunResult) -> String {
    let mut cases: Vec<TestCase> = result.expectations.iter().map(|expectation| case(result, expectation)).collect();
    cases.push(validity(result));
    cases.extend(result.capacity.as_ref().map(|capacity| answer(result, capacity)));
    cases.extend(conclusive(result));
    let view = as_conformance_result(result);
    cases.extend(result.cases.iter().map(|played| one(result, played, &view)));
    document(&[TestSuite {
        name: result.scenario.name.clone(),
        started: result.started.clone(),
        seconds: result.seconds,
        properties: properties(result),
        cases,
        text: anstream::adapter::strip_str(&terminal::run::summary(result, None)).to_string(),
    }])
}

fn case(result: &RunResult, expectation: &ExpectationResult) -> TestCase {
    let measured = expectation.actual.map_or_else(|| "n/a".to_owned(), |actual| expectation.unit.format(actual));
    let note = expectation.note.as_deref().map_or_else(String::new, |note| format!("; {note}"));
    let message = format!("expected {}, measured {measured}{note}", expectation.text);
    let place = format!("{}, {}", result.scenario.file, wording::expectation_place(expectation));
    // The server's end explains this expectation, and stands in `system-out` too.
    let end = result.server_end.as_ref().filter(|_| expectation.line == 0);
    let place =
        end.map_or(place.clone(), |end| format!("{place}\n{}\n{}", wording::server_end(end), end.output.join("\n")));
    let outcome = match expectation.ok {
        Some(true) => TestOutcome::Passed,
        Some(false) => TestOutcome::Failed("expectation", message, place),
        // The server may be correct, but an invalid run must not look like a success.
        None => TestOutcome::Undecided("undecided", message, place),
    };
    TestCase { name: expectation.text.clone(), class: result.scenario.name.clone(), seconds: 0.0, outcome }
}

/// Converts a case of the scenario into a test case, with the failure card if it has one.
fn one(result: &RunResult, played: &Outcome, view: &ConformanceResult) -> TestCase {
    let (message, card) = (format!("{}: {}", played.title, remark(played)), || card_text(played, view));
    let outcome = match played.status {
        Status::Pass => TestOutcome::Passed,
        Status::Fail => TestOutcome::Failed(played.level.name(), message, card()),
        Status::Inconclusive => TestOutcome::Undecided("inconclusive", message, card()),
        Status::Skipped => TestOutcome::Skipped(message),
    };
    let class = format!("{}.cases", result.scenario.name);
    TestCase { name: played.id.clone(), class, seconds: played.seconds, outcome }
}

fn validity(result: &RunResult) -> TestCase {
    let outcome = if result.validity == Validity::Invalid {
        let reasons = result.validity_reasons.join("\n");
        let message = format!("the generator was the limit: {}", result.validity_reasons.join("; "));
        TestOutcome::Undecided("invalid", message, reasons)
    } else {
        TestOutcome::Passed
    };
    let name = "the generator kept its schedule".to_owned();
    TestCase { name, class: result.scenario.name.clone(), seconds: result.seconds, outcome }
}

/// Converts the answer of a search into a test case: the expectations are those of one probe alone.
fn answer(result: &RunResult, capacity: &Capacity) -> TestCase {
    let (answer, rest) = wording::answer(capacity);
    let (message, probes) = (format!("{answer}{rest}: {}", capacity.reason), || {
        let lines =
            capacity.probes.iter().map(|probe| anstream::adapter::strip_str(&terminal::run::probe(probe)).to_string());
        lines.collect::<Vec<_>>().join("\n")
    });
    let outcome = match result.verdict {
        Verdict::Pass => TestOutcome::Passed,
        Verdict::Fail => TestOutcome::Failed("capacity", message, probes()),
        Verdict::Inconclusive | Verdict::Interrupted => TestOutcome::Undecided("inconclusive", message, probes()),
    };
    let name = "the search found a rate that holds".to_owned();
    TestCase { name, class: result.scenario.name.clone(), seconds: result.seconds, outcome }
}

/// Returns a test case with the reasons of an inconclusive verdict.
fn conclusive(result: &RunResult) -> Option<TestCase> {
    let reasons = reasons::inconclusive(result);
    let outcome = TestOutcome::Undecided("inconclusive", reasons.first()?.clone(), reasons.join("\n"));
    let name = "the run has a verdict".to_owned();
    Some(TestCase { name, class: result.scenario.name.clone(), seconds: result.seconds, outcome })
}

fn properties(result: &RunResult) -> Vec<(String, String)> {
    let mut properties = vec![
        ("verdict".to_owned(), wording::verdict_name(result.verdict).to_owned()),
        ("validity".to_owned(), wording::validity(result.validity).1.to_owned()),
        ("seed".to_owned(), result.scenario.seed.to_string()),
        ("plan_sha256".to_owned(), result.scenario.plan_sha256.clone()),
        ("target".to_owned(), result.target.address.clone()),
    ];
    let reasons = result.validity_reasons.iter().filter(|_| result.validity != Validity::Valid);
    properties.extend(reasons.enumerate().map(|(number, why)| (format!("validity_reason.{number}"), why.clone())));
    properties.extend(result.counts.named().map(|(name, count)| (name.to_owned(), count.to_string())));
    properties.extend(result.counts.errors.iter().map(|(code, count)| (format!("errors.{code}"), count.to_string())));
    for (number, example) in result.examples.iter().enumerate() {
        properties.push((format!("example.{number}"), format!("{}: {}", violation_name(example.kind), example.what)));
    }
    properties
}
