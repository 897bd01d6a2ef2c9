//! Section on the scenario's cases: one row each, and a failure card for each that did not pass.

use maud::{Markup, html};

use super::verdict::mark;
use crate::failure_card::{fields, sources};
use crate::model::RunResult;
use crate::model::conformance::ConformanceResult;
use crate::model::run_cases::{as_conformance_result, needs_card, remark};
use crate::wording;
use mychat_conformance::Outcome;

pub(super) fn section(result: &RunResult) -> Markup {
    let view = as_conformance_result(result);
    html! {
        @if !result.cases.is_empty() {
            section {
                h2 { "Cases" }
                (rows(&result.cases))
                @for case in result.cases.iter().filter(|case| needs_card(case)) { (card(case, &view)) }
            }
        }
    }
}

/// Renders checks as a table with one row each.
pub(crate) fn rows(checks: &[Outcome]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="a table that scrolls" {
            table.expectations {
                thead { tr {
                    th scope="col" { "Verdict" } th scope="col" { "Case" }
                    th scope="col" { "Level" } th scope="col" { "Remark" }
                } }
                tbody { @for check in checks { (row(check)) } }
            }
        }
    }
}

fn row(case: &Outcome) -> Markup {
    html! {
        tr {
            td { (mark(wording::case(case.status))) }
            td { (case.title) " " code.digest { (case.id) } }
            td { (case.level) }
            td.note { (remark(case)) }
        }
    }
}

/// Renders the failure card of a check that did not pass.
pub(crate) fn card(case: &Outcome, view: &ConformanceResult) -> Markup {
    html! {
        article.card id=(case.id) {
            h3 {
                (mark(wording::case(case.status)))
                " " (case.title) " " small { code { (case.id) } " · " (sources(case)) }
            }
            dl.facts {
                @for field in fields(case, view) {
                    dt { (field.label) }
                    dd { @if field.lines.len() == 1 && field.label != "Wire" { (field.lines[0]) }
                         @else { pre.lines tabindex="0" { @for line in &field.lines { (line) "\n" } } } }
                }
            }
        }
    }
}
