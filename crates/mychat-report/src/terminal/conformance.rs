//! Conformance result for a terminal: one line per check, a card per failure, and the summary.

use std::fmt::Write as _;

use super::check_lines::{GREEN, RED, YELLOW};
use super::layout::TextLayout;
use crate::failure_card::{self, LONGEST_TEXT};
use crate::fix_first::{causes, failed, fix_first};
use crate::model::conformance::ConformanceResult;
use crate::server_death;
use crate::wording::{self, Tone};
use crate::{reasons, visible};
use mychat_conformance::{Outcome, Status};

pub use super::check_lines::CheckLines;

/// Column at which the notes of the header continue.
const NOTE: usize = 9;
/// Column of the facts on a card, beside their labels.
const FACT: usize = 9;
/// Column of the message in a line of the transcript.
const MESSAGE: usize = 30;
/// Columns that a line of the transcript takes besides its message.
const AROUND_MESSAGE: usize = MESSAGE + 8;

/// Renders the header before the first check, for a terminal of `columns`.
pub fn head(address: &str, notes: &[String], columns: Option<usize>) -> String {
    title(address, columns) + &first_notes(notes, columns)
}

/// Renders the first line of the header, which needs no answer of the server.
pub fn title(address: &str, columns: Option<usize>) -> String {
    let mut text = TextLayout::new(columns);
    text.add(&format!("conformance of {address}"));
    text.finish()
}

/// Renders the rest of the header: what the first dialogue with the server showed.
pub fn first_notes(notes: &[String], columns: Option<usize>) -> String {
    let mut text = TextLayout::new(columns);
    for note in notes {
        text.hang(NOTE, note);
    }
    text.add("");
    text.finish()
}

/// Renders the cards, the clauses and the verdict, for a terminal of `columns`.
pub fn summary(result: &ConformanceResult, columns: Option<usize>) -> String {
    let mut text = TextLayout::new(columns);
    death(&mut text, result);
    for check in failed(result) {
        card(&mut text, check, result);
    }
    together(&mut text, result);
    statements(&mut text, result);
    counts(&mut text, result);
    first(&mut text, result);
    text.finish()
}

/// Adds the finding that the server died, with what it printed then.
fn death(text: &mut TextLayout, result: &ConformanceResult) {
    for (number, line) in server_death::finding(&result.checks, &result.info).iter().enumerate() {
        let line = visible(line);
        if number == 0 {
            text.add(&format!("\n{RED}{line}{RED:#}"));
        } else {
            text.add(&line);
        }
    }
}

/// Adds a starting point: the cause to fix first, a check that shows it, and the command that repeats the check.
pub(super) fn first(text: &mut TextLayout, result: &ConformanceResult) {
    let Some(first) = fix_first(result) else { return };
    for (number, line) in first.cause.iter().enumerate() {
        let line = visible(line);
        if number == 0 {
            text.add("");
            text.hang(11, &format!("{YELLOW}Fix first{YELLOW:#}  {line}"));
        } else {
            text.add(&line);
        }
    }
    if let Some(evidence) = &first.evidence {
        text.add(&format!("  {}", visible(evidence)));
    }
    if let Some(rerun) = first.rerun(result) {
        text.command("  ", &rerun);
    }
}

/// Adds a failure card.
pub(super) fn card(text: &mut TextLayout, check: &Outcome, result: &ConformanceResult) {
    let (sources, framing) = (failure_card::sources(check), &result.info.target.framing);
    text.add("");
    text.hang(6, &format!("{RED}FAIL{RED:#}  {:<28} {sources}   {:.3} s   framing {framing}", check.id, check.seconds));
    let longest = text.columns().map_or(LONGEST_TEXT, |columns| columns.saturating_sub(AROUND_MESSAGE));
    for field in failure_card::fields(check, result, longest.clamp(40, LONGEST_TEXT)) {
        let indent = if field.label == "Wire" { MESSAGE } else { FACT };
        for (index, line) in field.lines.iter().enumerate() {
            let label = if index == 0 { field.label } else { "" };
            if field.label == "Rerun" {
                text.command(&format!("  {label:<6} "), line);
                continue;
            }
            // A fact of several lines keeps its column.
            for (part, line) in visible(line).split('\n').enumerate() {
                text.hang(indent, &format!("  {:<6} {line}", if part == 0 { label } else { "" }));
            }
        }
    }
}

/// Adds the failures that seem to have one cause.
fn together(text: &mut TextLayout, result: &ConformanceResult) {
    for group in causes(result).iter().filter(|group| group.checks.len() > 1) {
        let ids: Vec<&str> = group.checks.iter().map(|check| check.id.as_str()).collect();
        text.add(&format!("\nThese {} probably fail for the same reason: {}", ids.len(), visible(group.cause)));
        text.hang(2, &format!("  {}", ids.join(", ")));
    }
}

/// Adds the statements of the protocol that the checks of this run cover, if they cover any.
fn statements(text: &mut TextLayout, result: &ConformanceResult) {
    let of = |status: Status| -> Vec<&str> {
        let all = result.statements.iter().filter(|statement| statement.status == status);
        all.map(|statement| statement.id.as_str()).collect()
    };
    let (held, broken, open) = (of(Status::Pass), of(Status::Fail), of(Status::Inconclusive));
    let covered = held.len() + broken.len() + open.len();
    text.add("");
    if covered == 0 {
        return;
    }
    let scope = if covered < result.statements.len() { " that these checks cover" } else { "" };
    let mut line = format!("statements  {} of {covered}{scope} hold", held.len());
    // Writing to a String cannot fail.
    if !broken.is_empty() {
        let _ = write!(line, ", {RED}broken: {}{RED:#}", broken.join(" "));
    }
    if !open.is_empty() {
        let _ = write!(line, ", undecided: {}", open.join(" "));
    }
    text.hang(12, &line);
}

fn counts(text: &mut TextLayout, result: &ConformanceResult) {
    for level in ["must", "should", "may"] {
        let counts = result.summary.get(level).copied().unwrap_or_default();
        if counts.total() == 0 {
            continue;
        }
        let mut line = format!("{level:<11} {} passed, {} failed", counts.pass, counts.fail);
        if counts.expected > 0 {
            let _ = write!(line, " ({} of them known)", counts.expected);
        }
        if counts.inconclusive > 0 {
            let _ = write!(line, ", {} inconclusive", counts.inconclusive);
        }
        if counts.skipped > 0 {
            let _ = write!(line, ", {} skipped", counts.skipped);
        }
        text.hang(12, &line);
    }
    if let Some(points) = &result.points {
        text.hang(12, &format!("points      {}", points.text()));
    }
    let (tone, word, detail) = wording::suite_verdict(result);
    let style = match tone {
        Tone::Good => GREEN,
        Tone::Bad => RED,
        Tone::Unsure => YELLOW,
    };
    let total = wording::number_of(result.checks.len(), "check");
    let (seconds, seed) = (result.info.seconds, result.info.seed);
    text.hang(6, &format!("{style}{word}{style:#}{detail} · {total} in {seconds:.1} s · seed {seed}"));
    for reason in reasons::inconclusive_checks(result) {
        text.add(&format!("      {}", reasons::one_line(&reason)));
    }
}

/// Renders the verdict in one line with its reasons, for scripts.
pub fn verdict_line(result: &ConformanceResult) -> String {
    let passed = result.checks.iter().filter(|check| check.status == Status::Pass).count();
    let failed = failed(result).next();
    let failed = failed.map(|check| format!("{} failed: {}", check.id, check.got.as_deref().unwrap_or_default()));
    let reasons = reasons::appended(failed.into_iter().chain(reasons::inconclusive_checks(result)));
    let (_, word, _) = wording::suite_verdict(result);
    format!("{word} {}: {passed} of {} cases passed{reasons}\n", visible(&result.info.suite), result.checks.len())
}
