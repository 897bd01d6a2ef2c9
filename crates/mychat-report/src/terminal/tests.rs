//! Tests of the layout: reports of both kinds on terminals of several widths.

use super::conformance::{self, CheckLines};
use super::layout::width;
use super::run;
use crate::model::conformance::{ConformanceResult, SuiteRunInfo, build};
use crate::model::{RunResult, TargetInfo};
use crate::test_fixture;
use mychat_conformance::Status;
use mychat_conformance::probe::Profile;
use mychat_scenario::model::Level;

const WIDTHS: [usize; 4] = [60, 80, 120, 200];

fn bare(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Returns the text without layout: white space, and the backslashes of commands that continue.
fn without_layout(text: &str) -> String {
    bare(text).replace("\\\n", "").split_whitespace().collect()
}

#[track_caller]
fn assert_fits(text: &str, columns: usize) {
    for line in bare(text).lines() {
        assert!(width(line) <= columns, "{} of {columns} columns: {line}", width(line));
    }
}

/// A result with long and wide texts everywhere.
fn checks() -> ConformanceResult {
    let long = "el servidor respondió 漢字漢字漢字漢字 with a sentence that is longer than any terminal of a lecture hall is wide, \
                and then some more of it: 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
    let mut checks: Vec<_> = [Status::Pass, Status::Fail, Status::Fail, Status::Inconclusive, Status::Inconclusive]
        .into_iter()
        .enumerate()
        .map(|(number, status)| test_fixture::case(&format!("frame.number-{number}"), status, long))
        .collect();
    for check in &mut checks {
        check.likely = Some(format!("a cause in words: {long}"));
        check.sources = vec!["T21".to_owned()];
    }
    checks[2].level = Level::Should;
    let target = TargetInfo {
        address: "127.0.0.1:5000 (started by `python3 server.py {port}`)".to_owned(),
        framing: "lf".to_owned(),
        spawned: true,
        profile: None,
        command: None,
    };
    let spawn = ["--spawn", "python3 'my server.py' --port {port}", "--timeout", "5s"];
    let info = SuiteRunInfo {
        suite: "conformance".to_owned(),
        target,
        profile: Profile::default(),
        notes: vec![format!("framing  lf: {long}")],
        seed: 7,
        started: "2026-11-22T16:15:29Z".to_owned(),
        seconds: 1.5,
        strict: false,
        options: spawn.map(str::to_owned).to_vec(),
    };
    build(checks, info, false)
}

fn report_of_checks(result: &ConformanceResult, columns: Option<usize>) -> String {
    let mut lines = CheckLines::new(result.checks.iter().map(|check| check.id.as_str()), columns);
    let own: String = result.checks.iter().map(|check| lines.add(check)).collect();
    let head = conformance::head(&result.info.target.address, &result.info.notes, columns);
    format!("{head}{own}{}{}", lines.rest(), conformance::summary(result, columns))
}

#[test]
fn a_report_of_checks_fits_each_terminal_and_loses_nothing() {
    let result = checks();
    let whole = report_of_checks(&result, None);
    assert!(bare(&whole).lines().any(|line| width(line) > 200), "lines of a pipe have any length");
    for columns in WIDTHS {
        let text = report_of_checks(&result, Some(columns));
        assert_fits(&text, columns);
        assert_eq!(without_layout(&text), without_layout(&whole), "{columns} columns");
    }
}

fn long_run() -> RunResult {
    let mut result = test_fixture::run(30);
    result.scenario.name = "una tarde larga en la sala 漢字".to_owned();
    result.target.command = Some("python3 server.py --port {port} --name 漢字漢字".to_owned());
    result.expectations[1].note =
        Some("n/a: needs 1000 samples, has 488; all are within 1 ms to 漢字漢字漢字漢字 s".to_owned());
    result.cases =
        vec![test_fixture::case("greet", Status::Fail, "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字 y más")];
    result.capacity = Some(test_fixture::capacity());
    for block in result.latency.values_mut() {
        let steady = block.by.stage.get("steady").cloned();
        block.by.stage.extend(steady.map(|steady| ("a stage with a long name 漢字漢字漢字".to_owned(), steady)));
    }
    result
}

#[test]
fn a_report_of_a_run_fits_each_terminal() {
    let result = long_run();
    for columns in WIDTHS {
        let text = run::summary(&result, Some(columns));
        assert_fits(&text, columns);
        let words = without_layout(&text);
        for needed in ["p50", "p99", "max", "actuallysent→eachrecipient", "lost2", "duplicated1", "peakmemory"] {
            assert!(words.contains(needed), "{needed} at {columns} columns: {text}");
        }
        assert_eq!(bare(&text).contains("     p99.9"), columns >= 80, "{text}");
    }
}

#[test]
fn the_verdict_speaks_of_what_was_run() {
    let mut result = checks();
    let text = bare(&conformance::summary(&result, None));
    assert!(
        text.contains("FAIL · 1 of 4 must checks failed · 1 of 1 should checks failed · 5 checks in 1.5 s"),
        "{text}"
    );
    assert!(text.contains("statements  0 of 1 that these checks cover hold, broken: T21"), "{text}");
    assert!(!text.contains("may   "), "a level without checks: {text}");
    let checks = result.checks.drain(..).filter(|check| check.level == Level::Should || check.status == Status::Pass);
    let result = build(checks.collect(), result.info.clone(), false);
    let text = bare(&conformance::summary(&result, None));
    assert!(text.contains("PASS (musts) · 1 of 1 should checks failed · 2 checks in 1.5 s"), "{text}");
    let strict = SuiteRunInfo { strict: true, ..result.info.clone() };
    let text = bare(&conformance::summary(&build(result.checks, strict, false), None));
    assert!(text.contains("FAIL · 1 of 1 should checks failed"), "{text}");
}
