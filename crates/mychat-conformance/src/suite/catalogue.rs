//! The checks that are part of the tool: the embedded files of `cases/`.

use mychat_scenario::model::Case;

/// A check of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The case to run.
    pub case: Case,
    /// The name of its file, without the folder.
    pub file: String,
    /// The text of the case in that file.
    pub text: String,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/", $name, ".yaml")))),*]
    };
}

/// The group and the text of every embedded file, in the order of the run.
pub const FILES: [(&str, &str); 14] = embedded!(
    "frame", "utf8", "conn", "name", "list", "msg", "bcast", "cmd", "leave", "order", "load", "robust", "ext", "room",
);

/// Returns all checks of the embedded files, in order. A test proves that each file can be parsed.
pub fn catalogue() -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, text) in FILES {
        let file = format!("{name}.yaml");
        if let Ok(loaded) = mychat_scenario::parse(&file, text) {
            checks.extend(of(&loaded.scenario.cases, &file, text));
        }
    }
    checks
}

/// Returns the checks of a file with the given cases and text.
pub fn of(cases: &[Case], file: &str, text: &str) -> Vec<Check> {
    let lines: Vec<&str> = text.lines().collect();
    let mut starts: Vec<usize> = cases.iter().map(|case| case.line.saturating_sub(1)).collect();
    starts.push(lines.len());
    let part = |index: usize| lines.get(starts[index]..starts[index + 1]).unwrap_or_default().join("\n");
    cases
        .iter()
        .enumerate()
        .map(|(index, case)| Check { case: case.clone(), file: file.to_owned(), text: trimmed(&part(index)) })
        .collect()
}

/// Removes the comment before the next case from the end of `text`.
fn trimmed(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    while lines.last().is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        lines.pop();
    }
    lines.join("\n")
}
