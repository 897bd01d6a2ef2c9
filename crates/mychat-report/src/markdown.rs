//! The result as Markdown, for the summary of a CI step or a comment on a pull request.

use std::fmt::Write as _;

use super::conformance::markdown::folded;
use super::html::kind;
use super::result::{LatencyResult, RunResult};
use super::words::{self, Tone};
use super::{cases, grouped, value};
use mychat_conformance::script::Status;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// The summary.
pub fn write(result: &RunResult) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, result)
        .and_then(|()| capacity(&mut text, result))
        .and_then(|()| expectations(&mut text, result))
        .and_then(|()| cases(&mut text, result))
        .and_then(|()| latencies(&mut text, result))
        .and_then(|()| counts(&mut text, result))
        .and_then(|()| examples(&mut text, result));
    text
}

fn head(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let (tone, word) = words::verdict(result.verdict);
    let sign = if result.verdict == Verdict::Interrupted { "⏹" } else { sign(tone) };
    writeln!(text, "## {sign} {word} · {}\n", escaped(&result.scenario.name))?;
    let server = match words::server(result) {
        (Some(command), place) => format!("{} {}", code(command), escaped(&place)),
        (None, place) if result.target.spawned => place,
        (None, place) => code(&place),
    };
    writeln!(
        text,
        "Against {server}, {:.1} s, seed {}, plan `{}`.",
        result.seconds,
        result.scenario.seed,
        result.scenario.plan_sha256.get(..12).unwrap_or(&result.scenario.plan_sha256)
    )?;
    for note in result.notes() {
        writeln!(text, "\n> {}", escaped(&note))?;
    }
    if result.validity == Validity::Valid {
        return Ok(());
    }
    let (_, word, meaning) = words::validity(result.validity);
    writeln!(text, "\n> ⚠️ The run is **{word}**: {meaning} ({}).", escaped(&result.validity_reasons.join("; ")))
}

const fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        Tone::Unsure => "❔",
    }
}

fn capacity(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let Some(capacity) = &result.capacity else { return Ok(()) };
    let (answer, rest) = words::answer(capacity);
    writeln!(text, "\n**Capacity: {answer}**{rest}: {}.", escaped(&capacity.reason))?;
    writeln!(text, "\n| Load | Try | Sent/s | Delivered/s | p99 | |\n|--:|---|--:|--:|--:|---|")?;
    for probe in &capacity.probes {
        let (tone, word) = words::probe(probe);
        let (p99, outcome) = (words::percentile(probe.p99), format!("{} {}", sign(tone), escaped(word)));
        let rate = |rate: f64| grouped(rate.round() as u64);
        let (sent, delivered) = (rate(probe.sent_per_second), rate(probe.delivered_per_second));
        writeln!(text, "| {:.0} % | {} | {sent} | {delivered} | {p99} | {outcome} |", probe.percent, probe.phase)?;
    }
    writeln!(text, "\n{}", words::figures_of(capacity))
}

fn expectations(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.expectations.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| | Expected | Measured | |\n|---|---|--:|---|")?;
    for expectation in &result.expectations {
        let (tone, word) = words::expectation(expectation.ok);
        let mark = format!("{} {word}", sign(tone));
        let actual = expectation.actual.map_or_else(|| "–".to_owned(), |actual| value(actual, &expectation.unit));
        let note = escaped(expectation.note.as_deref().unwrap_or_default());
        writeln!(text, "| {mark} | {} | {actual} | {note} |", code(&expectation.text))?;
    }
    Ok(())
}

fn cases(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.cases.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| | Case | Level | |\n|---|---|---|---|")?;
    for case in &result.cases {
        let (tone, word) = words::case(case.status);
        let sign = if case.status == Status::Skipped { "➖" } else { sign(tone) };
        let (id, title, level) = (code(&case.id), escaped(&case.title), &case.level);
        writeln!(text, "| {sign} {word} | {id} {title} | {level} | {} |", escaped(cases::remark(case)))?;
    }
    let view = cases::view(result);
    for case in result.cases.iter().filter(|case| cases::has_card(case)) {
        text.push_str(&super::visible(&folded(case, &view)));
    }
    Ok(())
}

fn latencies(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let columns = words::COLUMNS.join(" | ");
    writeln!(text, "\n| Latency | count | {columns} |\n|---|--:{}|", "|--:".repeat(words::COLUMNS.len()))?;
    let row = |text: &mut String, name: &str, latency: &LatencyResult| {
        writeln!(text, "| {name} | {} | {} |", grouped(latency.count), words::cells(latency).join(" | "))
    };
    for (name, _, whole) in words::measured(result) {
        row(text, &name.replace('_', " "), whole)?;
    }
    for (stage, latency) in words::delivery_by_stage(result) {
        row(text, &format!("delivery, {}", escaped(stage)), latency)?;
    }
    writeln!(text, "\nLatencies are {}; joining, warm-ups and ramps are left out.", words::TIMED)
}

fn counts(text: &mut String, result: &RunResult) -> std::fmt::Result {
    writeln!(text, "\n<details><summary>Counts</summary>\n\n| Count | |\n|---|--:|")?;
    for (name, count) in result.counts.named() {
        writeln!(text, "| {} | {} |", name.replace('_', " "), grouped(count))?;
    }
    for (code, count) in &result.counts.errors {
        writeln!(text, "| errors {} | {} |", escaped(code), grouped(*count))?;
    }
    writeln!(text, "\n</details>")
}

fn examples(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.examples.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n### What went wrong\n")?;
    for example in &result.examples {
        let users: Vec<String> =
            [&example.sender, &example.recipient].into_iter().flatten().map(|user| code(user)).collect();
        writeln!(text, "- **{}** {}: {}", kind(example.kind), users.join(" → "), escaped(&example.what))?;
        for frame in &example.frames {
            writeln!(text, "  - {}", code(frame))?;
        }
    }
    Ok(())
}

/// Text that Markdown and HTML take as it stands, on one line.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c if c.is_control() => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// Text as code. HTML's tag instead of backticks: these would need to be counted, and a table would still cut at pipes.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn reads_well_at_no_one_and_ten_thousand_intervals() {
        for points in [0, 1, 10_000] {
            let mut result = sample::run(points);
            result.cases = vec![
                sample::case("greet", Status::Pass, ""),
                sample::case("two-in-one", Status::Fail, "only one"),
                sample::case("flood", Status::Skipped, "a flood is not sent to another machine"),
            ];
            insta::assert_snapshot!(format!("summary_at_{points}"), write(&result));
        }
    }
}
