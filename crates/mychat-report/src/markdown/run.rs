//! Result of a run as Markdown, for the summary of a CI step or a comment on a pull request.

use std::fmt::Write as _;

use super::conformance::{diagnosis, folded_card, html};
use super::{code, escaped, sign};
use crate::html::violation_name;
use crate::model::run_cases::{as_conformance_result, needs_card, remark};
use crate::model::{LatencyResult, RunResult};
use crate::wording;
use crate::{grouped, load_percent, reasons, visible};
use mychat_conformance::Status;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Renders the summary.
pub fn run_summary(result: &RunResult) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, result)
        .and_then(|()| capacity(&mut text, result))
        .and_then(|()| expectations(&mut text, result))
        .and_then(|()| server_end(&mut text, result))
        .and_then(|()| cases(&mut text, result))
        .and_then(|()| examples(&mut text, result))
        .and_then(|()| latencies(&mut text, result))
        .and_then(|()| counts(&mut text, result));
    text
}

fn head(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let (tone, word) = wording::verdict(result.verdict);
    let sign = if result.verdict == Verdict::Interrupted { "⏹" } else { sign(tone) };
    writeln!(text, "## {sign} {word} · {}\n", escaped(&result.scenario.name))?;
    let server = match wording::server(result) {
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
    for reason in reasons::inconclusive(result) {
        writeln!(text, "\n> ❔ {}", escaped(&reason))?;
    }
    if result.validity == Validity::Valid {
        return Ok(());
    }
    let (_, word, meaning) = wording::validity(result.validity);
    writeln!(text, "\n> ⚠️ The run is **{word}**: {meaning} ({}).", escaped(&result.validity_reasons.join("; ")))
}

fn capacity(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let Some(capacity) = &result.capacity else { return Ok(()) };
    let (answer, rest) = wording::answer(capacity);
    writeln!(text, "\n**Capacity: {answer}**{rest}: {}.", escaped(&capacity.reason))?;
    writeln!(text, "\n| Load | Probe | Sent/s | Delivered/s | p99 | |\n|--:|---|--:|--:|--:|---|")?;
    for probe in &capacity.probes {
        let (tone, word) = wording::probe(probe);
        let (p99, outcome) = (wording::percentile(probe.p99), format!("{} {}", sign(tone), escaped(word)));
        let rate = |rate: f64| grouped(rate.round() as u64);
        let (sent, delivered) = (rate(probe.sent_per_second), rate(probe.delivered_per_second));
        writeln!(
            text,
            "| {} | {} | {sent} | {delivered} | {p99} | {outcome} |",
            load_percent(probe.percent),
            probe.phase.name()
        )?;
    }
    writeln!(text, "\n{}", wording::figures_of(capacity))
}

fn expectations(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.expectations.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| | Expected | Measured | |\n|---|---|--:|---|")?;
    for expectation in &result.expectations {
        let (tone, word) = wording::expectation(expectation.ok);
        let mark = format!("{} {word}", sign(tone));
        let actual = expectation.actual.map_or_else(|| "–".to_owned(), |actual| expectation.unit.format(actual));
        let note = escaped(expectation.note.as_deref().unwrap_or_default());
        writeln!(text, "| {mark} | {} | {actual} | {note} |", code(&expectation.text))?;
    }
    Ok(())
}

fn server_end(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let Some(end) = &result.server_end else { return Ok(()) };
    writeln!(text, "\n**{}**", escaped(&wording::server_end(end)))?;
    if end.output.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n<pre>{}</pre>", html(&visible(&end.output.join("\n"))))
}

fn cases(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.cases.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| | Case | Level | |\n|---|---|---|---|")?;
    for case in &result.cases {
        let (tone, word) = wording::case(case.status);
        let sign = if case.status == Status::Skipped { "➖" } else { sign(tone) };
        let (id, title, level) = (code(&case.id), escaped(&case.title), &case.level);
        writeln!(text, "| {sign} {word} | {id} {title} | {level} | {} |", escaped(remark(case)))?;
    }
    let view = as_conformance_result(result);
    text.push_str(&visible(&diagnosis(&view)));
    for case in result.cases.iter().filter(|case| needs_card(case)) {
        text.push_str(&visible(&folded_card(case, &view)));
    }
    Ok(())
}

fn latencies(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let columns = wording::COLUMNS.join(" | ");
    writeln!(text, "\n| Latency | count | {columns} |\n|---|--:{}|", "|--:".repeat(wording::COLUMNS.len()))?;
    let row = |text: &mut String, name: &str, latency: &LatencyResult| {
        writeln!(text, "| {name} | {} | {} |", grouped(latency.count), wording::cells(latency).join(" | "))
    };
    for (name, _, whole) in wording::measured(result) {
        row(text, &name.replace('_', " "), whole)?;
    }
    for (stage, latency) in wording::delivery_by_stage(result) {
        row(text, &format!("delivery, {}", escaped(stage)), latency)?;
    }
    writeln!(text, "\nLatencies are measured {}; joining, warm-ups and ramps are left out.", wording::TIMED)
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
        writeln!(text, "- **{}** {}: {}", violation_name(example.kind), users.join(" → "), escaped(&example.what))?;
        for frame in &example.frames {
            writeln!(text, "  - {}", code(frame))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture;

    #[test]
    fn reads_well_at_no_one_and_ten_thousand_intervals() {
        for points in [0, 1, 10_000] {
            let mut result = test_fixture::run(points);
            result.cases = vec![
                test_fixture::case("greet", Status::Pass, ""),
                test_fixture::case("two-in-one", Status::Fail, "only one"),
                test_fixture::case("flood", Status::Skipped, "a flood is not sent to another machine"),
            ];
            insta::assert_snapshot!(format!("summary_at_{points}"), run_summary(&result));
        }
    }
}
