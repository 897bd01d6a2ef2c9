//! Conformance result as Markdown, for the summary of a CI step.

use super::{code, escaped};
use crate::failure_card;
use crate::fix_first::{causes, fix_first};
use crate::model::conformance::ConformanceResult;
use crate::undecided::by_reason;
use crate::{reasons, visible, wording};
use mychat_conformance::{Outcome, Status};
use mychat_proto::text::visible_line;
use std::fmt::Write as _;

/// Renders the result.
pub fn conformance_summary(result: &ConformanceResult) -> String {
    let (tone, word, detail) = wording::suite_verdict(result);
    // The GitHub action reads the verdict from this line.
    let mut text = format!("## MyChat conformance: {}\n\n", wording::verdict_name(result.verdict));
    let _ = write!(text, "{} **{word}{detail}**\n\n", super::sign(tone));
    let _ = write!(
        text,
        "{} of {} in {:.1} s, framing {}, seed {}\n\n",
        wording::number_of(result.checks.len(), "check"),
        escaped(&result.info.target.address),
        result.info.seconds,
        result.info.target.framing,
        result.info.seed
    );
    if let Some(points) = &result.points {
        let _ = writeln!(text, "**Points: {}**\n", points.text());
    }
    for note in &result.info.notes {
        let _ = writeln!(text, "> {}", escaped(note));
    }
    for reason in reasons::inconclusive_checks(result) {
        let _ = writeln!(text, "> ❔ {}", escaped(&reason));
    }
    text.push_str(&diagnosis(result));
    text.push_str("\n| level | passed | failed | known | inconclusive | skipped |\n|---|---:|---:|---:|---:|---:|\n");
    for level in ["must", "should", "may"] {
        let counts = result.summary.get(level).copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {level} | {} | {} | {} | {} | {} |",
            counts.pass,
            counts.unexpected(),
            counts.expected,
            counts.inconclusive,
            counts.skipped
        );
    }
    for check in result.checks.iter().filter(|check| check.status == Status::Fail) {
        text.push_str(&folded_card(check, result));
    }
    text.push_str(&undecided(result));
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
    text.push_str(
        "\n</details>\n\n<details><summary>The protocol's statements</summary>\n\n| | section | statement | \
                   |\n|---|---|---|---|\n",
    );
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
    visible(&text).into_owned()
}

/// Renders what to fix first, and the causes that failures share.
pub(super) fn diagnosis(result: &ConformanceResult) -> String {
    let mut text = String::new();
    if let Some(first) = fix_first(result) {
        let cause: Vec<String> = first.cause.iter().map(|line| escaped(line.trim())).collect();
        let _ = writeln!(text, "\n**Fix first:** {}", cause.join("<br>"));
        if let Some(evidence) = &first.evidence {
            let _ = writeln!(text, "<br>{}", escaped(evidence));
        }
        if let Some(rerun) = first.rerun(result) {
            let _ = writeln!(text, "\n````sh\n{}\n````", visible_line(&rerun).replace("````", "'''' "));
        }
    }
    for group in causes(result).iter().filter(|group| group.checks.len() > 1) {
        let ids: Vec<String> = group.checks.iter().map(|check| code(&check.id)).collect();
        let _ = writeln!(
            text,
            "\n- These {} probably fail for the same reason: {} ({})",
            ids.len(),
            escaped(group.cause),
            ids.join(", ")
        );
    }
    text
}

/// Renders the reasons of inconclusive checks, each with the ids of its checks.
fn undecided(result: &ConformanceResult) -> String {
    let mut text = String::new();
    for group in by_reason(&result.checks) {
        let ids: Vec<String> = group.checks.iter().map(|check| format!("`{}`", check.id)).collect();
        let _ = writeln!(text, "\n❔ {} inconclusive: {} ({})", ids.len(), escaped(group.reason), ids.join(", "));
    }
    text
}

/// Renders a failure card that unfolds on a click.
pub(crate) fn folded_card(check: &Outcome, result: &ConformanceResult) -> String {
    let known = if check.expected { " (known)" } else { "" };
    let mark = if check.status == Status::Fail { "❌" } else { "❔" };
    format!(
        "\n<details><summary>{mark} <code>{}</code> {}{known}</summary>\n\n````text\n{}\n{}````\n</details>\n",
        check.id,
        html(&check.title),
        failure_card::sources(check),
        failure_card::card_text(check, result).replace("````", "'''' ")
    )
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Pass => "holds",
        Status::Fail => "**broken**",
        Status::Inconclusive => "undecided",
        Status::Skipped => "not checked",
    }
}

/// Escapes what HTML would interpret.
pub(super) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
