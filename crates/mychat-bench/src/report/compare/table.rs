//! A comparison for people: as Markdown for a pull request, and for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Comparison, Finding, Row};
use crate::report::{bytes, duration, grouped};

const fn words(finding: Finding) -> (&'static str, &'static str, Style) {
    match finding {
        Finding::Better => ("🟢", "better", AnsiColor::Green.on_default()),
        Finding::NoDifference => ("⚪", "no difference", Style::new().dimmed()),
        Finding::TooLittleData => ("❔", "too little data", AnsiColor::Yellow.on_default()),
        Finding::Worse => ("🔴", "worse", AnsiColor::Red.on_default().bold()),
    }
}

fn verdict(comparison: &Comparison) -> Finding {
    if comparison.regressed() {
        Finding::Worse
    } else if comparison.undecided() {
        Finding::TooLittleData
    } else if comparison.rows.iter().any(|row| row.finding == Finding::Better) {
        Finding::Better
    } else {
        Finding::NoDifference
    }
}

/// The comparison as Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    let (sign, word, _) = words(verdict(comparison));
    let (first, second) = comparison.runs;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "## {sign} {word}\n\n{first} runs (A) against {second} runs (B).\n");
    let _ = writeln!(text, "| Figure | A | B | Change | Interval | |\n|---|--:|--:|--:|--:|---|");
    for row in &comparison.rows {
        let (sign, word, _) = words(row.finding);
        let [a, b, change, interval] = cells(row);
        let _ =
            writeln!(text, "| {} | {a} | {b} | {change} | {interval} | {sign} {word} |", row.name.replace('_', " "));
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n> {note}");
    }
    text
}

/// The comparison for a terminal.
pub fn terminal(comparison: &Comparison) -> String {
    let mut text = String::new();
    let (_, word, style) = words(verdict(comparison));
    let (first, second) = comparison.runs;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{style}{}{style:#}  {first} runs (A) against {second} runs (B)\n", word.to_uppercase());
    let _ = writeln!(text, "  {:<15}{:>12}{:>12}{:>10}  {:<20}", "", "A", "B", "change", "interval");
    for row in &comparison.rows {
        let (_, word, style) = words(row.finding);
        let [a, b, change, interval] = cells(row);
        let name = row.name.replace('_', " ");
        let _ = writeln!(text, "  {name:<15}{a:>12}{b:>12}{change:>10}  {interval:<20}  {style}{word}{style:#}");
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n  {note}");
    }
    text
}

fn cells(row: &Row) -> [String; 4] {
    let value = |value: f64| match row.name {
        "delivered/s" => grouped(value.round() as u64),
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

fn percent(part: f64) -> String {
    // Far away from anything that is believed, the digits only fill the table.
    if part.abs() >= 9.995 { format!("{part:+.0}×") } else { format!("{:+.1} %", part * 100.0) }
}
