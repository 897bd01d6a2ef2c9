//! Catalogue of checks for `--list` and `--explain`.

use std::fmt::Write as _;

use crate::error::CommandError;
use mychat_conformance::suite::{self, Check, select};

pub(crate) fn list(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { case, .. } in checks {
        let sources: Vec<&str> = case.spec.iter().chain(&case.rule).map(String::as_str).collect();
        let level = case.level;
        let _ = writeln!(text, "{:<28} {level:<6} {:<12} {}", case.id, sources.join(","), case.title);
    }
    text
}

pub(crate) fn explain(checks: &[Check], id: &str) -> Result<String, CommandError> {
    let Some(check) = checks.iter().find(|check| check.case.id == id) else {
        return Err(CommandError::usage(select::unknown(checks, id)));
    };
    let mut text = format!("{}: {}\n", check.case.id, check.case.title);
    for source in check.case.spec.iter().chain(&check.case.rule) {
        if let Some(words) = suite::clauses::text(source) {
            let _ = writeln!(text, "  {source}: {words}");
        }
    }
    if let Some(likely) = &check.case.likely {
        let _ = writeln!(text, "  A failure usually means: {likely}");
    }
    let _ = write!(text, "\nscenarios/conformance/{}, line {}:\n{}\n", check.file, check.case.line, check.text);
    Ok(text)
}
