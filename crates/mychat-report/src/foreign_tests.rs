//! Reads results of strangers, with a hostile value in one place after the other, and looks at all that is printed of them.

use std::path::Path;

use serde_json::{Value, json};

use crate::compare::{ComparedRun, Threshold, compare, markdown as comparison_markdown, terminal as comparison_text};
use crate::json::{self, StoredResult, ndjson};
use crate::model::conformance::{ConformanceResult, SuiteRunInfo, build};
use crate::model::{RunResult, ShardInfo, TargetInfo, UserLosses};
use crate::{hlog, html, junit, markdown, matrix, merge, terminal, test_fixture};
use mychat_conformance::Status;
use mychat_conformance::probe::Profile;
use mychat_proto::text::hidden_characters;

/// Clears the screen, returns to the start of the line, reverses the text, and ends a C string.
const HOSTILE: &str = "\u{1b}[2J\r\u{202e}\0";

/// A step into a document: a key or an index.
type PathStep = Result<String, usize>;

fn cases() -> Vec<mychat_conformance::Outcome> {
    [Status::Pass, Status::Fail, Status::Skipped, Status::Inconclusive]
        .map(|status| test_fixture::case(&format!("group.{status:?}"), status, "said"))
        .into()
}

fn run() -> Value {
    let mut result = test_fixture::run(2);
    result.latency.retain(|name, _| name == "delivery");
    result.cases = cases();
    result.capacity = Some(test_fixture::capacity());
    result.shard =
        Some(ShardInfo { index: 1, of: 2, missing: Vec::new(), unsent: Vec::new(), unconfirmed: vec!["ana".into()] });
    result.scenario.verify_note = Some("note".to_owned());
    result.validity_reasons = vec!["late".to_owned()];
    result.target.command = Some("server {port}".to_owned());
    result.lost_by_user = vec![UserLosses { user: "ana".to_owned(), lost: 1 }];
    result.counts.errors.insert("404".to_owned(), 1);
    serde_json::to_value(result).unwrap()
}

fn conformance() -> Value {
    let target = TargetInfo {
        address: "127.0.0.1:5000".to_owned(),
        framing: "lf".to_owned(),
        spawned: true,
        profile: None,
        command: Some("server {port}".to_owned()),
    };
    let profile = Profile { values: [("framing".to_owned(), "lf".to_owned())].into(), ..Profile::default() };
    let info = SuiteRunInfo {
        suite: "conformance".to_owned(),
        target,
        profile,
        notes: vec!["Fix this first: all".to_owned()],
        seed: 7,
        started: "2026-11-22T16:15:29Z".to_owned(),
        seconds: 1.5,
        strict: false,
        options: vec!["--spawn".to_owned(), "server {port}".to_owned()],
    };
    serde_json::to_value(build(cases(), info, false)).unwrap()
}

/// Lists the paths to all values of a document.
fn places(value: &Value, path: &mut Vec<PathStep>, found: &mut Vec<Vec<PathStep>>) {
    found.push(path.clone());
    let steps: Vec<(PathStep, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Ok(key.clone()), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(index, value)| (Err(index), value)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in steps {
        path.push(step);
        places(value, path, found);
        path.pop();
    }
}

fn at<'v>(document: &'v mut Value, path: &[PathStep]) -> &'v mut Value {
    path.iter().fold(document, |value, step| match step {
        Ok(key) => &mut value[key],
        Err(index) => &mut value[*index],
    })
}

/// Returns everything that the tool prints or writes about a result, or about why it cannot.
fn printed(path: &Path) -> Vec<String> {
    let table = matrix::read(&[path.to_owned()]);
    let mut texts = vec![table.csv(), html::matrix_page(&table)];
    match json::read_any(path) {
        Ok(StoredResult::Run(result)) => texts.extend(of_run(&result)),
        Ok(StoredResult::Conformance(result)) => texts.extend(of_checks(&result)),
        Err(error) => texts.push(error.to_string()),
    }
    texts
}

fn of_run(result: &RunResult) -> Vec<String> {
    let mut texts = vec![
        terminal::run::summary(result, Some(60)),
        terminal::run::line(result),
        html::run_page(result),
        junit::run_report(result),
        markdown::run_summary(result),
        hlog::write(result),
        json::write(result),
        ndjson::write(result),
    ];
    match ComparedRun::new(result) {
        Ok(run) => {
            let both = compare(std::slice::from_ref(&run), std::slice::from_ref(&run), Threshold::default());
            texts.extend([comparison_text(&both), comparison_markdown(&both)]);
        }
        Err(error) => texts.push(error.to_string()),
    }
    texts.extend(merge::merge(&[result.clone(), result.clone()]).err().map(|error| error.to_string()));
    texts
}

fn of_checks(result: &ConformanceResult) -> Vec<String> {
    let mut lines = terminal::conformance::CheckLines::new(result.checks.iter().map(|check| check.id.as_str()), None);
    let own = result.checks.iter().map(|check| lines.add(check)).collect();
    vec![
        own,
        lines.rest(),
        terminal::conformance::head(&result.info.target.address, &result.info.notes, Some(60)),
        terminal::conformance::summary(result, Some(60)),
        html::conformance_page(result),
        junit::conformance_report(result),
        markdown::conformance_summary(result),
        serde_json::to_string(result).unwrap(),
    ]
}

/// Returns the first hidden character of a text besides line feeds, tabs and the tool's own colours.
fn hidden(text: &str) -> Option<char> {
    let mut bare = String::new();
    let mut parts = text.split("\u{1b}[");
    bare.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        bare.push_str(rest.strip_prefix('m').unwrap_or("\u{1b}"));
    }
    hidden_characters(&bare).map(|(_, c)| c).find(|c| !matches!(c, '\n' | '\t'))
}

/// Writes the document with each change of each place, and calls `check` with everything that is printed of it.
fn for_each_change(original: &Value, change: impl Fn(&mut Value) -> bool, check: impl Fn(&[PathStep], &[String])) {
    let mut found = Vec::new();
    places(original, &mut Vec::new(), &mut found);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result.json");
    let mut changes = 0;
    for path in found {
        let mut document = original.clone();
        if change(at(&mut document, &path)) {
            std::fs::write(&file, document.to_string()).unwrap();
            check(&path, &printed(&file));
            changes += 1;
        }
    }
    assert!(changes > 40, "{changes} places were changed");
}

#[test]
fn no_text_of_a_foreign_result_reaches_the_terminal_raw() {
    let spoil = |value: &mut Value| match value {
        Value::String(text) => {
            text.push_str(HOSTILE);
            true
        }
        Value::Object(map) => {
            let first = map.values().next().cloned().unwrap_or(json!(1));
            map.insert(format!("key{HOSTILE}"), first);
            true
        }
        _ => false,
    };
    for original in [run(), conformance()] {
        for_each_change(&original, spoil, |path, texts| {
            for text in texts {
                assert_eq!(hidden(text), None, "{path:?}: {text:?}");
            }
        });
    }
}

#[test]
fn no_number_of_a_foreign_result_causes_a_panic() {
    for number in [json!(0), json!(-1), json!(1u64 << 53), json!(u64::MAX), json!(1e300), json!(-1e300)] {
        let replace = |value: &mut Value| {
            let is_number = value.is_number();
            if is_number {
                *value = number.clone();
            }
            is_number
        };
        for_each_change(&run(), replace, |path, texts| assert!(texts.len() >= 3, "{path:?}"));
    }
}
