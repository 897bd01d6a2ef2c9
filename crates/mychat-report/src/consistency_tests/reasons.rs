//! INCONCLUSIVE, DEGRADED and INVALID: every format that prints the word also prints the reason.

use crate::html::{conformance_page, run_page};
use crate::junit::{conformance_report, run_report};
use crate::markdown::{conformance_summary, run_summary};
use crate::merge::merge;
use crate::model::conformance::{self, ConformanceResult, SuiteRunInfo};
use crate::model::{RunResult, ShardInfo};
use crate::{terminal, test_fixture};
use mychat_conformance::Status;
use mychat_conformance::probe::Profile;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Returns a run whose verdict nothing but the caller's change explains.
fn plain(verdict: Verdict) -> RunResult {
    let mut result = test_fixture::run(3);
    (result.verdict, result.validity) = (verdict, Validity::Valid);
    result.validity_reasons.clear();
    for expectation in &mut result.expectations {
        (expectation.ok, expectation.note) = (Some(true), None);
    }
    result
}

fn without_styles(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Returns the result in each format that has a verdict. The copy of the terminal's report is removed from JUnit: build
/// servers hide it.
fn formats(result: &RunResult) -> [(&'static str, String); 5] {
    let junit = run_report(result);
    [
        ("the terminal", without_styles(&terminal::run::summary(result, None))),
        ("the quiet line", without_styles(&terminal::run::line(result))),
        ("HTML", run_page(result)),
        ("Markdown", run_summary(result)),
        ("JUnit", junit.split("<system-out>").next().unwrap_or_default().to_owned()),
    ]
}

/// Asserts that each format prints the reason.
fn assert_said(formats: impl IntoIterator<Item = (&'static str, String)>, word: &str, reason: &str) {
    for (format, text) in formats {
        assert!(text.to_lowercase().contains(word), "{format} does not say {word}: {text}");
        assert!(text.contains(reason), "{format} says {word} and not why ({reason}): {text}");
    }
}

#[test]
fn a_degraded_and_an_invalid_run_say_why() {
    for (validity, verdict, word) in [
        (Validity::Degraded, Verdict::Pass, "degraded"),
        (Validity::Invalid, Verdict::Inconclusive, "invalid"),
        (Validity::Invalid, Verdict::Fail, "invalid"),
    ] {
        let mut result = plain(verdict);
        result.validity = validity;
        result.validity_reasons = vec!["the generator stood still for 312 ms".to_owned()];
        assert_said(formats(&result), word, "the generator stood still for 312 ms");
    }
}

#[test]
fn an_undecided_expectation_says_why() {
    let mut result = plain(Verdict::Inconclusive);
    (result.expectations[1].ok, result.expectations[1].note) =
        (None, Some("n/a: needs 1000 independent samples".into()));
    assert_said(formats(&result), "inconclusive", "n/a: needs 1000 independent samples");
}

#[test]
fn an_undecided_case_says_why() {
    let mut result = plain(Verdict::Inconclusive);
    result.cases = vec![test_fixture::case("slow", Status::Inconclusive, "it did not end within 30 s")];
    assert_said(formats(&result), "inconclusive", "it did not end within 30 s");
}

#[test]
fn a_search_says_why() {
    let mut result = plain(Verdict::Inconclusive);
    let reason = "inconclusive: the generator was the limit at 800 %";
    result.capacity = Some(crate::model::Capacity { reason: reason.to_owned(), ..test_fixture::capacity() });
    assert_said(formats(&result), "inconclusive", reason);
    // The expectations are those of the last try that held: without a case of its own the page of a build server is green.
    result.verdict = Verdict::Fail;
    let junit = run_report(&result);
    assert!(junit.contains("<failure type=\"capacity\"") && junit.contains(reason), "{junit}");
}

#[test]
fn a_merge_of_incomplete_parts_says_why() {
    let shard = ShardInfo { index: 1, of: 2, missing: Vec::new(), unsent: Vec::new(), unconfirmed: Vec::new() };
    let mut part = RunResult { shard: Some(shard), ..plain(Verdict::Pass) };
    (part.counts.lost, part.expectations[0].actual) = (0, Some(0.0));
    let merged = merge(&[part]).unwrap();
    assert_eq!((merged.verdict, merged.exit_code), (Verdict::Inconclusive, 4));
    assert_said(formats(&merged), "inconclusive", "of 2 shards these are missing: 2");
}

#[test]
fn no_format_is_inconclusive_for_no_reason() {
    assert_said(formats(&plain(Verdict::Inconclusive)), "inconclusive", "nothing in this run decides the verdict");
    for (format, text) in formats(&plain(Verdict::Pass)) {
        for word in ["inconclusive", "degraded", "invalid"] {
            assert!(!text.to_lowercase().contains(word), "{format} of a plain pass says {word}: {text}");
        }
    }
}

fn checks(status: Status, reason: &str) -> ConformanceResult {
    let info = SuiteRunInfo {
        suite: "conformance".to_owned(),
        target: plain(Verdict::Pass).target,
        profile: Profile::default(),
        notes: Vec::new(),
        seed: 1,
        started: "2026-11-22T16:15:28Z".to_owned(),
        seconds: 1.0,
        strict: false,
        options: Vec::new(),
    };
    conformance::build(vec![test_fixture::case("conn.ack-ok", status, reason)], info, false)
}

#[test]
fn an_inconclusive_suite_says_why() {
    for status in [Status::Inconclusive, Status::Skipped] {
        let result = checks(status, "the server accepts no further user");
        assert_eq!(result.verdict, Verdict::Inconclusive);
        let formats = [
            ("the terminal", without_styles(&terminal::conformance::summary(&result, None))),
            ("the quiet line", terminal::conformance::verdict_line(&result)),
            ("HTML", conformance_page(&result)),
            ("Markdown", conformance_summary(&result)),
            ("JUnit", conformance_report(&result)),
        ];
        assert_said(formats, "inconclusive", "the server accepts no further user");
    }
}
