//! Top of the page: the verdict, the validity, the expectations and the counts.

use maud::{Markup, html};

use crate::model::{ExpectationResult, RunResult};
use crate::wording::{self, Tone};
use crate::{duration, grouped, reasons};
use mychat_conformance::Status;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;

/// Returns the CSS class of a tone.
pub(crate) const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
    }
}

/// Renders an outcome as symbol, word and colour.
pub(crate) fn mark((tone, word): (Tone, &str)) -> Markup {
    html! { span class={ "mark " (class(tone)) } { span aria-hidden="true" { (tone.sign()) " " } (word) } }
}

pub(super) fn head(result: &RunResult) -> Markup {
    let (tone, word) = wording::verdict(result.verdict);
    let sign = if result.verdict == Verdict::Interrupted { "!" } else { tone.sign() };
    html! {
        header class=(class(tone)) {
            p.verdict { span.sign aria-hidden="true" { (sign) } (word) }
            h1 { (result.scenario.name) }
            p.sub {
                @let (command, place) = wording::server(result);
                "against " b { @if let Some(command) = command { code { (command) } " " } (place) } " · " (day(&result.started)) " · " (length(result.seconds))
                @if !result.expectations.is_empty() {
                    " · " (wording::held(result)) " of " (result.expectations.len()) " expectations held"
                }
                @if !result.cases.is_empty() {
                    " · " (result.cases_that(Status::Pass)) " of " (result.cases.len()) " cases passed"
                }
            }
            (inconclusive(reasons::inconclusive(result)))
            (validity(result))
            @for note in result.notes() { p.remark { (note) } }
            @if let Some(end) = &result.server_end {
                p.remark { b { (wording::server_end(end)) } }
                @if !end.output.is_empty() {
                    pre.lines tabindex="0" { @for line in &end.output { (line) "\n" } }
                }
            }
        }
    }
}

fn validity(result: &RunResult) -> Markup {
    let (tone, word, meaning) = wording::validity(result.validity);
    let lateness = result.latency.get("lateness").and_then(|block| block.whole.p99);
    html! {
        div class={ "validity " (class(tone)) } {
            p {
                b.word { (word) " run" } ": " (meaning)
                @if let (Validity::Valid, Some(p99)) = (result.validity, lateness) {
                    " (99 % were sent within " (duration(p99 as f64)) " of their time)"
                }
                "."
            }
            // Of a valid run, they say why the verdict is inconclusive.
            @if result.validity != Validity::Valid && !result.validity_reasons.is_empty() {
                ul { @for reason in &result.validity_reasons { li { (reason) } } }
            }
        }
    }
}

/// Renders the reasons of an inconclusive verdict.
pub(super) fn inconclusive(reasons: Vec<String>) -> Markup {
    html! {
        @if !reasons.is_empty() {
            div.validity.unsure {
                p { b.word { "inconclusive" } ", because:" }
                ul { @for reason in reasons { li { (reason) } } }
            }
        }
    }
}

/// Formats a duration for readers.
fn length(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..600 => format!("{seconds:.1} s"),
        600..36_000 => format!("{} min", whole.div_ceil(60)),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn day(started: &str) -> String {
    let (day, time) = started.split_once('T').unwrap_or((started, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time)).trim().to_owned()
}

pub(super) fn expectations(result: &RunResult) -> Markup {
    html! {
        section {
            h2 { "Expectations" }
            @if result.expectations.is_empty() {
                p.empty { "The scenario has no expectations." }
            } @else {
                div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
                    table.expectations {
                        thead { tr {
                            th scope="col" { "Verdict" } th scope="col" { "Expected" }
                            th.n scope="col" { "Measured" } th scope="col" { "Remark" }
                        } }
                        tbody { @for expectation in &result.expectations { (row(expectation)) } }
                    }
                }
            }
        }
    }
}

fn row(expectation: &ExpectationResult) -> Markup {
    html! {
        tr {
            td { (mark(wording::expectation(expectation.ok))) }
            td { code { (expectation.text) } }
            td.n { @if let Some(actual) = expectation.actual { (expectation.unit.format(actual)) } @else { "–" } }
            td.note { @if let Some(note) = &expectation.note { (note) " · " } span.line { (wording::expectation_place(expectation)) } }
        }
    }
}

pub(super) fn counts(result: &RunResult) -> Markup {
    let counts = &result.counts;
    let errors: u64 = counts.errors.values().sum();
    let codes: Vec<String> = counts.errors.iter().map(|(code, count)| format!("{count} × {code}")).collect();
    let tile = |name: &str, figure: String, more: String| {
        html! { div.tile { dt { (name) } dd { b { (figure) } @if !more.is_empty() { span { (more) } } } } }
    };
    let violation = |name: &str, count: u64, more: String| {
        html! {
            div class=(if count == 0 { "tile" } else { "tile bad" }) {
                dt { (name) }
                dd { b { @if count > 0 { span.sign aria-hidden="true" { "✗ " } } (grouped(count)) }
                     @if !more.is_empty() { span { (more) } } }
            }
        }
    };
    let achieved = counts.achieved.map_or_else(String::new, |achieved| {
        format!(
            "{achieved:.2} % of the scheduled \
                messages"
        )
    });
    let owed = format!("{} were owed", grouped(counts.expected_deliveries));
    let uncertain = if counts.uncertain == 0 {
        String::new()
    } else {
        format!("{} uncertain, around joins and leaves", grouped(counts.uncertain))
    };
    html! {
        section {
            h2 { "Counts" }
            dl.tiles {
                (tile("Delivered", grouped(counts.delivered), owed))
                (tile("Sent", grouped(counts.sent), achieved))
                (tile("Users", grouped(counts.users), format!("{} logins accepted", grouped(counts.connected))))
                (violation("Lost", counts.lost, uncertain))
                (violation("Duplicated", counts.duplicated, String::new()))
                (violation("Reordered", counts.reordered, String::new()))
                (violation("Disordered", counts.disordered, String::new()))
                (violation("Misrouted", counts.misrouted, String::new()))
                (violation("Corrupted", counts.corrupted, String::new()))
                (violation("Wrong replies", counts.wrong_replies, String::new()))
                (violation("Errors", errors, codes.join(", ")))
                (violation("Refused", counts.refused, String::new()))
                (violation("Disconnected", counts.disconnects, String::new()))
                @if counts.unlisted > 0 { (violation("Not in everybody's list", counts.unlisted, String::new())) }
            }
        }
    }
}
