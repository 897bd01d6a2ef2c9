//! Conformance result as one self-contained HTML page, in the style of the run report.

use maud::{Markup, html};

use super::cases::{card, rows};
use super::verdict::{class, inconclusive, mark};
use super::{diagnosis, filters, page_frame};
use crate::model::conformance::{ClauseResult, ConformanceResult};
use crate::undecided;
use crate::wording::{self, Tone};
use crate::{reasons, visible};
use mychat_conformance::Status;

/// Renders the result.
pub fn conformance_page(result: &ConformanceResult) -> String {
    let cards = |status| result.checks.iter().filter(move |check| check.status == status && !check.expected);
    let page = html! {
        (head(result))
        main {
            (diagnosis::section(result))
            (summary(result))
            (filters::section(result))
            @if cards(Status::Fail).next().is_some() {
                section {
                    h2 { "What failed" }
                    @for (number, check) in cards(Status::Fail).enumerate() { (card(check, result, number == 0)) }
                }
            }
            @if cards(Status::Inconclusive).next().is_some() {
                section {
                    h2 { "What could not be decided" }
                    // If the server is down or broken, many have the same reason.
                    @for group in undecided::by_reason(&result.checks) {
                        @if let Some(check) = group.checks.iter().find(|check| !check.wire.is_empty()) {
                            (card(check, result, false))
                        }
                        @if group.checks.len() > 1 || group.checks.iter().all(|check| check.wire.is_empty()) {
                            p { (group.reason) ": "
                                @for (index, check) in group.checks.iter().enumerate() { @if index > 0 { ", " } code { (check.id) } } }
                        }
                    }
                }
            }
            (statements(result))
            section {
                h2 { "All checks" }
                (rows(result))
            }
        }
    };
    visible(&page_frame(&format!("{} · MyChat conformance", wording::verdict(result.verdict).1), &page).into_string())
        .into_owned()
}

fn head(result: &ConformanceResult) -> Markup {
    let (tone, word, detail) = wording::suite_verdict(result);
    html! {
        header class=(class(tone)) {
            p.verdict { span.sign aria-hidden="true" { (tone.sign()) } (word) small { (detail.trim_start_matches(" · ")) } }
            h1 { "MyChat conformance" }
            p.sub {
                b { (named(&result.info.target.address)) } " · framing " (result.info.target.framing) " · seed " (result.info.seed) " · "
                (wording::number_of(result.checks.len(), "check")) " in " (format!("{:.1} s", result.info.seconds))
                @if result.info.strict { " · strict" }
                @if let Some(points) = &result.points { " · " b { (points.text()) " points" } }
            }
            (inconclusive(reasons::inconclusive_checks(result)))
            @if !result.info.notes.is_empty() {
                pre.lines { @for note in &result.info.notes { (note) "\n" } }
            }
        }
    }
}

/// Renders the name of a server; a command is shown as code.
fn named(name: &str) -> Markup {
    let parts = name.split_once('`').and_then(|(before, rest)| Some((before, rest.rsplit_once('`')?)));
    html! {
        @if let Some((before, (command, after))) = parts { (before) code { (command) } (after) } @else { (name) }
    }
}

/// Levels with their meanings.
const LEVELS: [(&str, &str); 3] = [
    ("must", "a requirement of the protocol"),
    ("should", "what a robust server does"),
    ("may", "a detail that the protocol leaves open; recorded"),
];

fn summary(result: &ConformanceResult) -> Markup {
    html! {
        section {
            h2 { "Levels" }
            div.scroll tabindex="0" role="group" aria-label="a table that scrolls" { table.levels {
                thead { tr {
                    th scope="col" { "Level" }
                    @for word in ["Passed", "Failed", "Known", "Inconclusive", "Skipped"] { th.n scope="col" { (word) } }
                } }
                tbody { @for (level, means) in LEVELS {
                    @let counts = result.summary.get(level).copied().unwrap_or_default();
                    tr {
                        td { (level) small { (means) } }
                        td.n { (counts.pass) }
                        td.n { (counts.unexpected()) }
                        td.n { (counts.expected) }
                        td.n { (counts.inconclusive) }
                        td.n { (counts.skipped) }
                    }
                } }
            } }
        }
    }
}

fn statements(result: &ConformanceResult) -> Markup {
    html! {
        section {
            h2 { "The protocol's statements" }
            div.scroll tabindex="0" role="group" aria-label="a table that scrolls" { table.expectations {
                thead { tr {
                    th scope="col" { "Status" } th scope="col" { "Statement" } th scope="col" { "Section" }
                    th scope="col" { "Checks" }
                } }
                tbody { @for statement in &result.statements { (statement_row(statement)) } }
            } }
        }
    }
}

fn statement_row(statement: &ClauseResult) -> Markup {
    let (tone, word) = match statement.status {
        Status::Pass => (Tone::Good, "holds"),
        Status::Fail => (Tone::Bad, "broken"),
        Status::Inconclusive => (Tone::Unsure, "undecided"),
        Status::Skipped => (Tone::Unsure, "not checked"),
    };
    html! {
        tr {
            td { (mark((tone, word))) }
            td { b { (statement.id) } " " (statement.text) }
            td { (statement.section) }
            td.note { (statement.checks.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_server_is_code_and_a_backtick_in_it_stays() {
        let said = named("127.0.0.1:5 (started by `a `b` <c>`)").into_string();
        assert_eq!(said, "127.0.0.1:5 (started by <code>a `b` &lt;c&gt;</code>)");
        assert_eq!(named("chat:5000").into_string(), "chat:5000");
    }
}
