//! Section on the scenario's cases: one row each, and a failure card for each that did not pass.

use maud::{Markup, html};

use super::diagnosis::{self, command, link};
use super::filters::FilterKeys;
use super::verdict::mark;
use crate::failure_card::{LONGEST_TEXT, fields, sources};
use crate::fix_first::{FailureCause, causes};
use crate::model::RunResult;
use crate::model::conformance::ConformanceResult;
use crate::model::run_cases::{as_conformance_result, needs_card, remark};
use crate::wording;
use mychat_conformance::Outcome;

pub(super) fn section(result: &RunResult) -> Markup {
    let view = as_conformance_result(result);
    html! {
        (diagnosis::section(&view))
        @if !result.cases.is_empty() {
            section {
                h2 { "Cases" }
                (rows(&view))
                @for case in result.cases.iter().filter(|case| needs_card(case)) { (card(case, &view, false)) }
            }
        }
    }
}

/// Renders checks as a table with one row each.
pub(super) fn rows(result: &ConformanceResult) -> Markup {
    let causes = causes(result);
    html! {
        div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
            table.expectations {
                thead { tr {
                    th scope="col" { "Verdict" } th scope="col" { "Case" }
                    th scope="col" { "Level" } th scope="col" { "Remark" }
                } }
                tbody { @for check in &result.checks { (row(check, &causes)) } }
            }
        }
    }
}

fn row(case: &Outcome, causes: &[FailureCause<'_>]) -> Markup {
    let keys = FilterKeys::new(case, causes);
    html! {
        tr data-status=(keys.status) data-level=(keys.level) data-cause=[keys.cause] {
            td { (mark(wording::case(case.status))) }
            td { (case.title) " " code.digest { (case.id) } }
            td { (case.level) }
            td.note { (remark(case)) }
        }
    }
}

/// Renders the failure card of a check that did not pass. It is folded unless `is_open`. The anchor is within the folded
/// part, because a browser unfolds a card to show an anchor.
pub(super) fn card(case: &Outcome, view: &ConformanceResult, is_open: bool) -> Markup {
    let keys = FilterKeys::new(case, &causes(view));
    html! {
        details.card open[is_open] data-status=(keys.status) data-level=(keys.level) data-cause=[keys.cause] {
            summary {
                (mark(wording::case(case.status)))
                " " (case.title) " " small { (link(case)) " · " (sources(case)) }
            }
            dl.facts id=(case.id) {
                @for field in fields(case, view, LONGEST_TEXT) {
                    dt { (field.label) }
                    dd {
                        @if field.label == "Rerun" { @for line in &field.lines { (command(line)) } }
                        @else if field.lines.len() == 1 && field.label != "Wire" { (field.lines[0]) }
                        @else { pre.lines tabindex="0" { @for line in &field.lines { (line) "\n" } } }
                    }
                }
            }
        }
    }
}
