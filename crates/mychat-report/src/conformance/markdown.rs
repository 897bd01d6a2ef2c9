//! The result as Markdown, for the summary of a CI step.

use super::card;
use super::result::ConformanceResult;
use crate::visible;
use mychat_conformance::script::{Outcome, Status};
use std::fmt::Write as _;

/// Writes the result.
pub fn markdown(result: &ConformanceResult) -> String {
    let mut text = format!("## MyChat conformance: {}\n\n", result.verdict);
    let _ = write!(
        text,
        "{} checks of {} in {:.1} s, framing {}, seed {}\n\n",
        result.checks.len(),
        escaped(&result.about.target.address),
        result.about.seconds,
        result.about.target.framing,
        result.about.seed
    );
    for note in &result.about.notes {
        let _ = writeln!(text, "> {}", escaped(note));
    }
    text.push_str("\n| level | passed | failed | known | inconclusive | skipped |\n|---|---:|---:|---:|---:|---:|\n");
    for level in ["must", "should", "may"] {
        let counts = result.summary.get(level).copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {level} | {} | {} | {} | {} | {} |",
            counts.pass,
            counts.fail - counts.expected,
            counts.expected,
            counts.inconclusive,
            counts.skipped
        );
    }
    for check in result.checks.iter().filter(|check| check.status == Status::Fail) {
        text.push_str(&folded(check, result));
    }
    text.push_str("\n<details><summary>All checks</summary>\n\n| check | level | outcome | |\n|---|---|---|---|\n");
    for check in &result.checks {
        let word = match check.status {
            Status::Pass => "pass",
            Status::Fail => "**fail**",
            Status::Inconclusive => "inconclusive",
            Status::Skipped => "skipped",
        };
        let detail = check.observed.as_deref().or(check.reason.as_deref()).or(check.got.as_deref()).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {} | {word} | {} |", check.id, check.level, escaped(detail));
    }
    text.push_str("\n</details>\n\n<details><summary>The protocol's sentences</summary>\n\n| | section | sentence | |\n|---|---|---|---|\n");
    for statement in &result.statements {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            statement.id,
            statement.section,
            escaped(&statement.text),
            status(statement.status)
        );
    }
    text.push_str("\n</details>\n");
    visible(&text)
}

/// A card that is unfolded by a click.
pub(crate) fn folded(check: &Outcome, result: &ConformanceResult) -> String {
    let known = if check.expected { " (known)" } else { "" };
    let mark = if check.status == Status::Fail { "❌" } else { "❔" };
    format!(
        "\n<details><summary>{mark} <code>{}</code> {}{known}</summary>\n\n````text\n{}\n{}````\n</details>\n",
        check.id,
        html(&check.title),
        card::sources(check),
        card::text(check, result).replace("````", "'''' ")
    )
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Pass => "holds",
        Status::Fail => "**broken**",
        Status::Inconclusive => "undecided",
        Status::Skipped => "not looked at",
    }
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a server sent must not become a table, a link or a tag.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in html(text).chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
