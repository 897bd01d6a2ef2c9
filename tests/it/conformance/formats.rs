//! Terminal, JSON, JUnit, Markdown and HTML reports of one run agree.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{TOOL, faulty_server, read};

/// The options that write everything into a directory.
pub(super) fn everything(directory: &Path) -> Vec<String> {
    let file = |option: &str, name: &str| [format!("--{option}"), directory.join(name).display().to_string()];
    ["json", "junit", "markdown", "html"].iter().flat_map(|form| file(form, &format!("result.{form}"))).collect()
}

/// Asserts that all reports in a directory and the terminal output agree. Returns the status of each check.
pub(super) fn agree(directory: &Path, output: &str) -> BTreeMap<String, String> {
    let text = |name: &str| std::fs::read_to_string(directory.join(name)).expect(name);
    let result = read(&directory.join("result.json"));
    let checks = result["checks"].as_array().expect("checks");
    let word = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let json: BTreeMap<String, String> =
        checks.iter().map(|check| (word(check, "id"), word(check, "status"))).collect();
    assert_eq!(json.len(), checks.len(), "every check once");
    assert_eq!(terminal(output), json, "terminal");
    assert_eq!(junit(&text("result.junit")), json, "JUnit");
    assert_eq!(markdown(&text("result.markdown")), json, "Markdown");
    assert_eq!(html(&text("result.html")), json, "HTML");
    json
}

fn terminal(output: &str) -> BTreeMap<String, String> {
    let status = |word| match word {
        "ok" => Some("pass"),
        "FAIL" | "known" => Some("fail"),
        "?" => Some("inconclusive"),
        "-" => Some("skipped"),
        _ => None,
    };
    let mut found = BTreeMap::new();
    let mut lines = output.lines().filter(|line| !line.contains("   framing ")).peekable();
    while let Some(line) = lines.next() {
        // Checks that are inconclusive for the same reason: their ids stand on indented lines.
        if line.starts_with("?     and ") {
            while let Some(ids) = lines.next_if(|line| line.starts_with("        ")) {
                for id in ids.split_whitespace() {
                    assert_eq!(found.insert(id.to_owned(), "inconclusive".to_owned()), None, "{id} is output twice");
                }
            }
            continue;
        }
        let mut words = line.split_whitespace();
        if let (Some(status), Some(id)) = (words.next().and_then(status), words.next().filter(|id| id.contains('.'))) {
            assert_eq!(found.insert(id.to_owned(), status.to_owned()), None, "{id} is output twice");
        }
    }
    found
}

fn junit(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for case in text.split("<testcase ").skip(1) {
        let id = case.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        let body = case.split("</testcase>").next().expect("a body");
        let kinds = [("<failure", "fail"), ("<error", "inconclusive"), ("<skipped", "skipped")];
        let status = kinds.iter().find(|(tag, _)| body.contains(tag)).map_or("pass", |(_, status)| status);
        assert_eq!(found.insert(id.to_owned(), status.to_owned()), None, "{id} stands twice");
    }
    found
}

fn markdown(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        (cells[0].trim_end_matches('`').to_owned(), cells[2].trim_matches('*').to_owned())
    })
    .collect()
}

fn html(text: &str) -> BTreeMap<String, String> {
    let table = text.split("<h2>All checks").nth(1).expect("the table");
    let rows = table.split("<tr data-status=").skip(1);
    let part = |row: &str, from: &str| {
        row.split(from).nth(1).and_then(|rest| rest.split('<').next()).expect("it is there").to_owned()
    };
    rows.map(|row| {
        let status = match part(row, "</span>").as_str() {
            "passed" => "pass",
            "failed" => "fail",
            other => other,
        }
        .to_owned();
        (part(row, "<code class=\"digest\">"), status)
    })
    .collect()
}

#[test]
fn all_reports_of_a_failing_run_agree() {
    let directory = tempfile::tempdir().expect("a directory");
    let groups = ["--only", "m*", "--only", "utf8*", "--only", "frame.out*", "--only", "cmd*"];
    let output = Command::new(TOOL)
        .args(["conformance", "--spawn", &faulty_server("invalid-utf8-replaced"), "--timeout", "500ms", "--seed", "1"])
        .args(groups)
        .args(everything(directory.path()))
        .stdin(Stdio::null())
        .output()
        .expect("the tool runs");
    let checks = agree(directory.path(), &String::from_utf8_lossy(&output.stdout));
    assert_eq!(checks["utf8.replacement"], "fail");
    assert_eq!(checks["msg.deliver"], "pass");
    well_formed(&directory.path().join("result.junit"));
    crate::junit::assert_valid(&directory.path().join("result.junit"));
}

/// By a parser that has nothing to do with the writer, where there is one.
pub(super) fn well_formed(file: &Path) {
    let script = "import sys, xml.etree.ElementTree as t
root = t.parse(sys.argv[1]).getroot()
assert root.tag == 'testsuites', root.tag
cases = root.findall('./testsuite/testcase')
for suite in root:
    inside = suite.findall('testcase')
    count = lambda tag: sum(1 for case in inside if case.find(tag) is not None)
    assert int(suite.get('tests')) == len(inside), suite.get('name')
    assert int(suite.get('failures')) == count('failure') and int(suite.get('errors')) == count('error')
assert cases
for case in cases:
    assert case.get('name') and case.get('classname') and float(case.get('time')) >= 0
    assert len(case) <= 1 and all(child.get('message') for child in case), case.get('name')";
    let Ok(output) = Command::new("python3").args(["-c", script]).arg(file).output() else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
