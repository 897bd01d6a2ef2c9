//! The result as Markdown, for the summary of a CI step or a comment on a pull request.

use std::fmt::Write as _;

use super::conformance::markdown::folded;
use super::html::kind;
use super::result::{LatencyResult, RunResult};
use super::{cases, duration, grouped, value};
use crate::judge::Verdict;
use crate::judge::validity::Validity;
use crate::script::Status;

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
    let verdict = match result.verdict {
        Verdict::Pass => "✅ PASS",
        Verdict::Fail => "❌ FAIL",
        Verdict::Inconclusive => "❔ INCONCLUSIVE",
        Verdict::Interrupted => "⏹ INTERRUPTED",
    };
    writeln!(text, "## {verdict} · {}\n", escaped(&result.scenario.name))?;
    let server = if result.target.spawned { "the reference server".to_owned() } else { code(&result.target.address) };
    writeln!(
        text,
        "Against {server}, {:.1} s, seed {}, plan `{}`.",
        result.seconds,
        result.scenario.seed,
        result.scenario.plan_sha256.get(..12).unwrap_or(&result.scenario.plan_sha256)
    )?;
    let word = match result.validity {
        Validity::Valid => return Ok(()),
        Validity::Degraded => "The run is **degraded**: part of the latencies is the generator's own",
        Validity::Invalid => "The run is **invalid**: the generator was the limit",
    };
    writeln!(text, "\n> ⚠️ {word} ({}).", escaped(&result.validity_reasons.join("; ")))
}

fn capacity(text: &mut String, result: &RunResult) -> std::fmt::Result {
    let Some(capacity) = &result.capacity else { return Ok(()) };
    let held = capacity.percent.map_or_else(|| "no rate".to_owned(), |percent| format!("{percent:.0} %"));
    let rate = capacity.sent_per_second.map_or_else(String::new, |rate| format!(" ({rate:.0} messages/s)"));
    writeln!(text, "\n**Capacity: {held}{rate}**; {}.", escaped(&capacity.reason))?;
    writeln!(text, "\n| Load | Try | Sent/s | Delivered/s | p99 | |\n|--:|---|--:|--:|--:|---|")?;
    for probe in &capacity.probes {
        let p99 = probe.p99.map_or_else(|| "n/a".to_owned(), |p99| duration(p99 as f64));
        let outcome = match (&probe.broke, probe.validity) {
            (Some(why), _) => format!("❌ {}", escaped(why)),
            (None, _) if !probe.held => "❔ the generator was the limit".to_owned(),
            (None, Validity::Invalid) => "✅ held, though the generator was late".to_owned(),
            (None, _) => "✅ held".to_owned(),
        };
        let (sent, delivered) = (probe.sent_per_second.round(), probe.delivered_per_second.round());
        writeln!(text, "| {:.0} % | {} | {sent} | {delivered} | {p99} | {outcome} |", probe.percent, probe.phase)?;
    }
    Ok(())
}

fn expectations(text: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.expectations.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| | Expected | Measured | |\n|---|---|--:|---|")?;
    for expectation in &result.expectations {
        let mark = match expectation.ok {
            Some(true) => "✅ held",
            Some(false) => "❌ broken",
            None => "❔ undecided",
        };
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
        let mark = match case.status {
            Status::Pass => "✅ passed",
            Status::Fail => "❌ failed",
            Status::Inconclusive => "❔ inconclusive",
            Status::Skipped => "➖ skipped",
        };
        let (id, title, level) = (code(&case.id), escaped(&case.title), &case.level);
        writeln!(text, "| {mark} | {id} {title} | {level} | {} |", escaped(cases::remark(case)))?;
    }
    let view = cases::view(result);
    for case in result.cases.iter().filter(|case| cases::has_card(case)) {
        text.push_str(&super::visible(&folded(case, &view)));
    }
    Ok(())
}

fn latencies(text: &mut String, result: &RunResult) -> std::fmt::Result {
    const NAMES: [&str; 9] = [
        "delivery",
        "delivery_first",
        "delivery_last",
        "delivery_spread",
        "service",
        "lateness",
        "connect",
        "ack",
        "roster",
    ];
    writeln!(text, "\n| Latency | count | p50 | p90 | p99 | p99.9 | max |\n|---|--:|--:|--:|--:|--:|--:|")?;
    let shown = |value: Option<u64>| value.map_or_else(|| "n/a".to_owned(), |value| duration(value as f64));
    let row = |text: &mut String, name: &str, latency: &LatencyResult| {
        writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            grouped(latency.count),
            shown(latency.p50),
            shown(latency.p90),
            shown(latency.p99),
            shown(latency.p99_9),
            duration(latency.max as f64)
        )
    };
    for name in NAMES {
        if let Some(block) = result.latency.get(name).filter(|block| block.whole.count > 0) {
            row(text, &name.replace('_', " "), &block.whole)?;
        }
    }
    Ok(())
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
    use crate::report::sample;

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
