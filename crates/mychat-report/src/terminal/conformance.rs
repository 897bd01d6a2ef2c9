//! Conformance result for a terminal: one line per check, a card per failure, and the summary.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::failure_card;
use crate::model::conformance::ConformanceResult;
use crate::server_death;
use crate::wording::{self, Tone};
use crate::{reasons, visible};
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;
use mychat_scenario::model::Level;

pub use super::check_lines::CheckLines;
use super::check_lines::{GREEN, RED, YELLOW};

/// Renders the header before the first check.
pub fn head(address: &str, notes: &[String]) -> String {
    let mut text = format!("conformance of {address}\n");
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    text.push('\n');
    text
}

/// Renders the cards, the clauses and the verdict.
pub fn summary(result: &ConformanceResult) -> String {
    let mut text = death(result);
    for check in result.checks.iter().filter(|check| check.status == Status::Fail && !check.expected) {
        text.push_str(&card(check, result));
    }
    text.push_str(&together(result));
    text.push_str(&statements(result));
    text.push_str(&counts(result));
    text.push_str(&first(result));
    text
}

/// Renders the finding that the server died, with what it printed then.
fn death(result: &ConformanceResult) -> String {
    let mut text = String::new();
    for (number, line) in server_death::finding(&result.checks, &result.info).iter().enumerate() {
        let (start, end) = if number == 0 { (format!("\n{RED}"), format!("{RED:#}")) } else { Default::default() };
        let _ = writeln!(text, "{start}{}{end}", visible(line));
    }
    text
}

/// Suggests to mend first what killed the server.
fn first_death(result: &ConformanceResult) -> Option<String> {
    let check = server_death::fatal_check(&result.checks)?;
    let finding = server_death::finding(&result.checks, &result.info);
    let lines = finding.first().into_iter().chain(finding.get(1).filter(|line| line.contains("printed: ")));
    let finding: Vec<String> = lines.map(|line| visible(line).into_owned()).collect();
    let rerun = failure_card::rerun_command(check, result);
    Some(format!("\n{YELLOW}Fix first{YELLOW:#}  {}\n  {}\n", finding.join("\n"), visible(&rerun)))
}

/// Suggests a starting point: the most frequent cause, one check that shows it, and the command that repeats it.
fn first(result: &ConformanceResult) -> String {
    if let Some(death) = first_death(result) {
        return death;
    }
    // An observation made before the first check causes later failures, unless it is only a reading.
    let noted = result.info.notes.iter().find_map(|note| {
        let note = note.trim_start();
        note.strip_prefix("Fix this first: ").or_else(|| note.strip_prefix("To fix: "))
    });
    if let Some(note) = noted.filter(|_| result.info.target.framing != "raw" && result.verdict != Verdict::Pass) {
        return format!("\n{YELLOW}Fix first{YELLOW:#}  {note} (see the first lines of this report)\n");
    }
    let failed = || result.checks.iter().filter(|check| check.status == Status::Fail && !check.expected);
    let of = |cause: &Option<String>| failed().filter(|check| check.likely == *cause).collect::<Vec<_>>();
    let weight = |checks: &[&Outcome]| (checks.iter().filter(|check| check.level == Level::Must).count(), checks.len());
    let mut best: Vec<&Outcome> = Vec::new();
    for check in failed().filter(|check| check.likely.is_some()) {
        let group = of(&check.likely);
        if weight(&group) > weight(&best) {
            best = group;
        }
    }
    let Some(cause) = best.first().and_then(|check| check.likely.as_deref()) else { return String::new() };
    // Some causes name the check for them.
    let about = best.iter().find(|check| cause.contains(check.id.as_str())).or(best.first());
    let Some(check) = about else { return String::new() };
    let others = match best.len() - 1 {
        0 => String::new(),
        1 => ", and one more".to_owned(),
        more => format!(", and {more} more"),
    };
    let level = if best.iter().any(|check| check.level == Level::Must) { "must" } else { "should" };
    let got = check.got.as_deref().unwrap_or_default().replace('\n', " ");
    format!(
        "\n{YELLOW}Fix first{YELLOW:#}  {cause}\n  it shows in {} ({level}){others}: {}\n  {}\n",
        check.id,
        visible(&got),
        visible(&failure_card::rerun_command(check, result))
    )
}

/// Renders a failure card.
pub(crate) fn card(check: &Outcome, result: &ConformanceResult) -> String {
    let mut text = format!(
        "\n{RED}FAIL{RED:#}  {:<28} {}   {:.3} s   framing {}\n",
        check.id,
        failure_card::sources(check),
        check.seconds,
        result.info.target.framing
    );
    for field in failure_card::fields(check, result) {
        for (index, line) in field.lines.iter().enumerate() {
            let label = if index == 0 { field.label } else { "" };
            let _ = writeln!(text, "  {label:<6} {}", visible(line));
        }
    }
    text
}

/// Failures that seem to have one cause.
fn together(result: &ConformanceResult) -> String {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in result.checks.iter().filter(|check| check.status == Status::Fail && !check.expected) {
        if let Some(likely) = &check.likely {
            causes.entry(likely).or_default().push(&check.id);
        }
    }
    let mut text = String::new();
    for (cause, ids) in causes.iter().filter(|(_, ids)| ids.len() > 1) {
        let _ =
            write!(text, "\nThese {} probably fail for the same reason: {cause}\n  {}\n", ids.len(), ids.join(", "));
    }
    text
}

fn statements(result: &ConformanceResult) -> String {
    let of = |status: Status| -> Vec<&str> {
        result
            .statements
            .iter()
            .filter(|statement| statement.status == status)
            .map(|statement| statement.id.as_str())
            .collect()
    };
    let (held, broken, open) = (of(Status::Pass), of(Status::Fail), of(Status::Inconclusive));
    let mut text =
        format!("\nstatements  {} of {} of the protocol's sentences hold", held.len(), result.statements.len());
    if !broken.is_empty() {
        let _ = write!(text, ", {RED}broken: {}{RED:#}", broken.join(" "));
    }
    if !open.is_empty() {
        let _ = write!(text, ", undecided: {}", open.join(" "));
    }
    text.push('\n');
    text
}

fn counts(result: &ConformanceResult) -> String {
    let mut text = String::new();
    for level in ["must", "should", "may"] {
        let counts = result.summary.get(level).copied().unwrap_or_default();
        let _ = write!(text, "{level:<11} {} passed, {} failed", counts.pass, counts.fail);
        if counts.expected > 0 {
            let _ = write!(text, " ({} of them known)", counts.expected);
        }
        if counts.inconclusive > 0 {
            let _ = write!(text, ", {} inconclusive", counts.inconclusive);
        }
        if counts.skipped > 0 {
            let _ = write!(text, ", {} skipped", counts.skipped);
        }
        text.push('\n');
    }
    let (tone, word) = wording::verdict(result.verdict);
    let style = match tone {
        Tone::Good => GREEN,
        Tone::Bad => RED,
        Tone::Unsure => YELLOW,
    };
    let total = result.checks.len();
    let _ = writeln!(
        text,
        "{style}{word}{style:#}  {total} checks in {:.1} s, seed {}",
        result.info.seconds, result.info.seed
    );
    for reason in reasons::inconclusive_checks(result) {
        let _ = writeln!(text, "      {}", reasons::one_line(&reason));
    }
    text
}

/// Renders the verdict in one line with its reasons, for scripts.
pub fn verdict_line(result: &ConformanceResult) -> String {
    let passed = result.checks.iter().filter(|check| check.status == Status::Pass).count();
    let failed = result.checks.iter().find(|check| check.status == Status::Fail && !check.expected);
    let failed = failed.map(|check| format!("{} failed: {}", check.id, check.got.as_deref().unwrap_or_default()));
    let reasons = reasons::appended(failed.into_iter().chain(reasons::inconclusive_checks(result)));
    let word = wording::verdict(result.verdict).1;
    format!("{word} {}: {passed} of {} cases passed{reasons}\n", visible(&result.info.suite), result.checks.len())
}
