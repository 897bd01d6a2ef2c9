//! Comparison as text: Markdown for a pull request, and text for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{ChangeVerdict, ComparedFigure, Comparison, PassChange, PassRate, power};
use crate::markdown::{code, escaped};
use crate::{bytes, duration, grouped, visible};

const fn words(finding: ChangeVerdict) -> (&'static str, &'static str, Style) {
    match finding {
        ChangeVerdict::Better => ("🟢", "better", AnsiColor::Green.on_default()),
        ChangeVerdict::NoDifference => ("⚪", "no difference", Style::new().dimmed()),
        ChangeVerdict::TooLittleData => ("❔", "too little data", AnsiColor::Yellow.on_default()),
        ChangeVerdict::Worse => ("🔴", "worse", AnsiColor::Red.on_default().bold()),
    }
}

fn verdict(comparison: &Comparison) -> ChangeVerdict {
    if comparison.regressed() {
        ChangeVerdict::Worse
    } else if comparison.undecided() {
        ChangeVerdict::TooLittleData
    } else if comparison.improved() {
        ChangeVerdict::Better
    } else {
        ChangeVerdict::NoDifference
    }
}

/// Returns the notes below the table: the limits of the verdict, and the runs.
fn scope(comparison: &Comparison) -> (String, String) {
    let open = match comparison.open()[..] {
        [] => String::new(),
        [one] => format!("; too little data on {one}"),
        [ref all @ .., last] => format!("; too little data on {} and {last}", all.join(", ")),
    };
    let runs = |count| format!("{count} run{}", if count == 1 { "" } else { "s" });
    (open, format!("{} (A) against {} (B)", runs(comparison.runs.0), runs(comparison.runs.1)))
}

/// Returns the verdict on a figure in words, with the runs that would probably decide it.
fn row_words(row: &ComparedFigure) -> String {
    let word = words(row.finding).1;
    match row.runs_needed {
        Some(runs) if runs >= power::MOST => format!("{word}, more than {runs} runs per side would decide"),
        Some(runs) => format!("{word}, about {runs} runs per side would decide"),
        None => word.to_owned(),
    }
}

/// Describes the number of unchanged outcomes.
fn alike(comparison: &Comparison) -> Option<String> {
    let alike = comparison.outcomes - comparison.passed.len();
    let plural = if alike == 1 { "expectation or check ends" } else { "expectations and checks end" };
    (comparison.outcomes > 0).then(|| format!("{alike} {plural} as before"))
}

fn share(share: PassRate) -> String {
    format!("{} of {}", share.passed, share.of)
}

/// Renders the comparison as Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    let (sign, word, _) = words(verdict(comparison));
    let (open, runs) = scope(comparison);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "## {sign} {word}{open}\n\n{runs}.");
    if !comparison.rows.is_empty() {
        let _ = writeln!(text, "\n| Figure | A | B | Change | Interval | |\n|---|--:|--:|--:|--:|---|");
    }
    for row in &comparison.rows {
        let (sign, word) = (words(row.finding).0, row_words(row));
        let [a, b, change, interval] = cells(row);
        let _ =
            writeln!(text, "| {} | {a} | {b} | {change} | {interval} | {sign} {word} |", row.name.replace('_', " "));
    }
    if !comparison.passed.is_empty() {
        let _ = writeln!(text, "\n| Passed | A | B | |\n|---|--:|--:|---|");
    }
    for PassChange { name, shares: (a, b), finding } in &comparison.passed {
        let (sign, word, _) = words(*finding);
        let _ = writeln!(text, "| {} | {} | {} | {sign} {word} |", code(name), share(*a), share(*b));
    }
    if let Some(alike) = alike(comparison) {
        let _ = writeln!(text, "\n{alike}.");
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n> {}", escaped(note));
    }
    text
}

/// Renders the comparison for a terminal.
pub fn terminal(comparison: &Comparison) -> String {
    let mut text = String::new();
    let (_, word, style) = words(verdict(comparison));
    let (open, runs) = scope(comparison);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{style}{}{style:#}{open} · {runs}", word.to_uppercase());
    if !comparison.rows.is_empty() {
        let _ = writeln!(text, "\n  {:<15}{:>12}{:>12}{:>10}  interval", "", "A", "B", "change");
    }
    for row in &comparison.rows {
        let (word, style) = (row_words(row), words(row.finding).2);
        let [a, b, change, interval] = cells(row);
        let name = row.name.replace('_', " ");
        let _ = writeln!(text, "  {name:<15}{a:>12}{b:>12}{change:>10}  {interval:<20}  {style}{word}{style:#}");
    }
    let width = comparison.passed.iter().map(|passed| passed.name.chars().count()).max().unwrap_or(0).max(6);
    if !comparison.passed.is_empty() {
        let _ = writeln!(text, "\n  {:<width$}{:>12}{:>12}", "passed", "A", "B");
    }
    for PassChange { name, shares: (a, b), finding } in &comparison.passed {
        let (_, word, style) = words(*finding);
        let name = visible(name);
        let _ = writeln!(text, "  {name:<width$}{:>12}{:>12}  {style}{word}{style:#}", share(*a), share(*b));
    }
    if let Some(alike) = alike(comparison) {
        let _ = writeln!(text, "\n  {alike}");
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n  {}", visible(note));
    }
    text
}

fn cells(row: &ComparedFigure) -> [String; 4] {
    let value = |value: f64| match row.name {
        "delivered/s" => grouped(value.round() as u64),
        "server CPU" if value < 0.1 => format!("{:.1} %", value * 100.0),
        "server CPU" => format!("{:.0} %", value * 100.0),
        "server memory" => bytes(value as u64),
        _ if row.change.is_none() => grouped(value as u64),
        _ => duration(value),
    };
    [
        value(row.values.0),
        value(row.values.1),
        row.change.map_or_else(|| "–".to_owned(), percent),
        row.interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{} … {}", percent(low), percent(high))),
    ]
}

pub(super) fn percent(part: f64) -> String {
    // Far beyond plausible changes, more digits say nothing.
    if part.abs() >= 9.995 {
        format!("{part:+.0}×")
    } else {
        // Adding zero removes the sign of a negative zero left by rounding.
        format!("{:+.1} %", (part * 1000.0).round() / 10.0 + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_keep_their_digits_and_nothing_has_no_sign_of_less() {
        let (values, change) = ((0.031, 0.042), Some(-0.0004));
        let row = ComparedFigure {
            name: "server CPU",
            values,
            change,
            interval: Some((-0.02, 0.0)),
            finding: ChangeVerdict::NoDifference,
            runs_needed: None,
        };
        assert_eq!(cells(&row), ["3.1 %", "4.2 %", "+0.0 %", "-2.0 % … +0.0 %"]);
    }
}
