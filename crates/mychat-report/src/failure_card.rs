//! Failure card: the labelled facts about a check that did not pass, the same in all formats.

use std::fmt::Write as _;

use crate::model::conformance::ConformanceResult;
use mychat_conformance::suite::clauses;
use mychat_conformance::{Direction, WireLine};
use mychat_conformance::{Outcome, Status};

/// Number of transcript lines on a card; the JSON has the whole transcript.
const MOST_WIRE: usize = 16;
/// Number of characters of one message on a card, where a line may have any length.
pub(crate) const LONGEST_TEXT: usize = 96;

/// Labelled part of a card.
pub(crate) struct Field {
    pub(crate) label: &'static str,
    pub(crate) lines: Vec<String>,
}

/// Returns the level, the clauses and rules, and their sections.
pub(crate) fn sources(check: &Outcome) -> String {
    let mut sections: Vec<String> = Vec::new();
    for section in check.sources.iter().filter_map(|source| clauses::section(source)) {
        let section = format!("§{section}");
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    let dot = if sections.is_empty() { "" } else { " · " };
    format!("{} {}{dot}{}", check.level, check.sources.join(" "), sections.join(" ")).trim_end().to_owned()
}

/// Renders a card as plain text, one fact per line.
pub(crate) fn card_text(check: &Outcome, result: &ConformanceResult) -> String {
    let mut text = String::new();
    for field in fields(check, result, LONGEST_TEXT) {
        for (index, line) in field.lines.iter().enumerate() {
            let label = if index == 0 { field.label } else { "" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<6} {line}");
        }
    }
    text
}

/// Returns the parts of a card in order. Messages on the wire are shortened to `longest` characters.
pub(crate) fn fields(check: &Outcome, result: &ConformanceResult, longest: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut add = |label, lines: Vec<String>| {
        if !lines.is_empty() {
            fields.push(Field { label, lines });
        }
    };
    add("When", vec![check.title.clone()]);
    add("Rule", rules(check));
    add("Want", check.want.iter().cloned().collect());
    add("Got", check.got.iter().cloned().collect());
    if check.status == Status::Inconclusive {
        add("Why", check.reason.iter().cloned().collect());
    }
    add("Wire", wire(&check.wire, longest));
    add("Server", check.server_output.iter().map(|line| format!("it wrote: {line}")).collect());
    add("After", check.after.iter().cloned().collect());
    add("Likely", check.likely.iter().cloned().collect());
    let points = result.points.as_ref().and_then(|points| points.text_of(&check.id));
    add("Points", points.into_iter().collect());
    add("Accept", check.declare.iter().map(|line| format!("declare `{line}` in a profile (--profile FILE)")).collect());
    add("Rerun", vec![rerun_command(check, result)]);
    fields
}

fn rules(check: &Outcome) -> Vec<String> {
    check
        .sources
        .iter()
        .filter_map(|source| {
            let section = clauses::section(source).map(|section| format!(" (§{section})")).unwrap_or_default();
            clauses::text(source).map(|text| format!("{source}: {text}{section}"))
        })
        .collect()
}

/// Returns the command that repeats the check, quoted for a POSIX shell.
pub(crate) fn rerun_command(check: &Outcome, result: &ConformanceResult) -> String {
    let mut words = match result.info.suite.as_str() {
        "conformance" => vec!["mychat-bench", "conformance", "--only", &check.id],
        file => vec!["mychat-bench", "run", file],
    };
    let (seed, options) = (result.info.seed.to_string(), rerun_options(result));
    words.extend(["--seed", &seed]);
    words.extend(options.iter().map(String::as_str));
    shell_words::join(words)
}

/// Returns the options of the command. Results of older versions have only the server.
fn rerun_options(result: &ConformanceResult) -> Vec<String> {
    let target = &result.info.target;
    let option = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    match &target.command {
        _ if !result.info.options.is_empty() => result.info.options.clone(),
        Some(command) => option("--spawn", command),
        None if target.spawned => Vec::new(),
        None => option("--target", target.address.split(' ').next().unwrap_or_default()),
    }
}

fn wire(lines: &[WireLine], longest: usize) -> Vec<String> {
    // The tool's own fences tell the reader nothing.
    let visible_line =
        |line: &&WireLine| line.mark.is_some() || line.actor != "witness" && !line.text.contains("|fence-");
    let lines: Vec<&WireLine> = lines.iter().filter(visible_line).collect();
    let rows = folded(&lines);
    let marked = rows.iter().position(|row| matches!(row, WireRow::Line(line) if line.mark.is_some()));
    let start = match marked {
        // Shows the lines before the failure and those right after it.
        Some(mark) => (mark + 4).saturating_sub(MOST_WIRE).min(mark),
        None => rows.len().saturating_sub(MOST_WIRE),
    };
    let shown = rows.iter().skip(start).take(MOST_WIRE);
    let whole = shown.clone().filter(|row| matches!(row, WireRow::Line(_))).count();
    let mut out: Vec<String> = shown.map(|row| row.text(longest)).collect();
    if whole < lines.len() {
        out.push(format!("… {whole} of {} lines; all of them are in the JSON", lines.len()));
    }
    out
}

/// Line of a transcript, or a gap that stands for similar lines.
enum WireRow<'l> {
    Line(&'l WireLine),
    More(usize),
}

impl WireRow<'_> {
    fn text(&self, longest: usize) -> String {
        match self {
            Self::Line(line) => one(line, longest),
            Self::More(count) => format!("         … {count} more like these"),
        }
    }
}

/// Collapses a long series of similar lines to its first two and its last.
fn folded<'l>(lines: &[&'l WireLine]) -> Vec<WireRow<'l>> {
    let mut rows = Vec::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let alike = |line: &&&WireLine| {
            let (one, other) = (kind(first), kind(line));
            line.mark.is_none() && line.dir == first.dir && (one == other || other.is_empty())
        };
        let run = if first.mark.is_some() { 1 } else { rest.iter().take_while(alike).count().max(1) };
        let (series, behind) = rest.split_at(run);
        match series {
            [one, two, middle @ .., last] if middle.len() > 1 && first.dir != Direction::Note => {
                rows.extend([WireRow::Line(one), WireRow::Line(two), WireRow::More(middle.len()), WireRow::Line(last)]);
            }
            few => rows.extend(few.iter().copied().map(WireRow::Line)),
        }
        rest = behind;
    }
    rows
}

/// Returns the command at the start of a line, or nothing if the line starts inside a message.
fn kind(line: &WireLine) -> &str {
    let word = line.text.trim_start_matches('"').split('|').next().unwrap_or_default();
    if word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') { word } else { "" }
}

fn one(line: &WireLine, longest: usize) -> String {
    let arrow = match line.dir {
        Direction::Sent => "→",
        Direction::Received => "←",
        Direction::Note => "·",
    };
    let has_no_size = line.dir == Direction::Note || line.text.ends_with(" B)");
    let size = if has_no_size { String::new() } else { format!("  {} B", line.bytes) };
    let mark = line.mark.as_ref().map(|mark| format!("  ✗ {mark}")).unwrap_or_default();
    format!("+{:<7.3} {:<9} {arrow} {}{size}{mark}", line.ms / 1e3, line.actor, short(&line.text, longest))
}

/// Shortens a text of more than `longest` characters to its beginning and its end.
fn short(text: &str, longest: usize) -> String {
    let count = text.chars().count();
    if count <= longest {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - longest / 3).collect();
    let start: String = text.chars().take(longest * 2 / 3).collect();
    format!("{start} … {end}")
}
