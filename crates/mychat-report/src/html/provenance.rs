//! End of the page: example violations with their frames, and the provenance of the result.

use maud::{Markup, html};

use crate::model::RunResult;
use crate::{grouped, wording};
use mychat_load::record::example::{Example, ViolationKind};

pub(super) fn violations(result: &RunResult) -> Markup {
    html! {
        @if !result.examples.is_empty() {
            section {
                h2 { "What went wrong" }
                p.remark { "The first few of each kind, with the frames concerned." }
                @for example in &result.examples { (card(example)) }
            }
        }
    }
}

fn card(example: &Example) -> Markup {
    let users = [&example.sender, &example.recipient];
    let who = users.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" → ");
    html! {
        article.card {
            h3 {
                span.mark.bad { span aria-hidden="true" { "✗ " } (violation_name(example.kind)) }
                " " (who)
                @if let Some(sequence) = example.sequence { small { "message " (grouped(u64::from(sequence))) } }
            }
            p { (example.what) }
            @if !example.frames.is_empty() {
                ol.wire { @for frame in &example.frames { li { code { (frame) } } } }
            }
        }
    }
}

/// Returns the label of a violation kind.
pub(crate) const fn violation_name(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::Lost => "lost",
        ViolationKind::Duplicated => "duplicated",
        ViolationKind::Reordered => "reordered",
        ViolationKind::Disordered => "disordered",
        ViolationKind::Misrouted => "misrouted",
        ViolationKind::Corrupted => "corrupted",
        ViolationKind::WrongReply => "wrong reply",
        ViolationKind::Error => "error",
        ViolationKind::Disconnect => "disconnected",
        ViolationKind::Refused => "refused",
        ViolationKind::MissingInRoster => "not listed",
    }
}

pub(super) fn scenario(result: &RunResult) -> Markup {
    html! {
        @if !result.scenario.text.is_empty() {
            section {
                h2 { "Scenario" }
                details open {
                    summary { (result.scenario.file) }
                    pre.scenario tabindex="0" { @for line in result.scenario.text.lines() { span { (line) "\n" } } }
                }
            }
        }
    }
}

pub(super) fn section(result: &RunResult) -> Markup {
    let generator = &result.generator;
    html! {
        section {
            h2 { "About this run" }
            dl.facts {
                dt { "Tool" } dd { "mychat-bench " (result.tool.version) }
                dt { "Seed" } dd { (result.scenario.seed) }
                dt { "Scenario" } dd { (result.scenario.file) code.digest { "SHA-256 " (result.scenario.sha256) } }
                dt { "Plan" } dd { code.digest { "SHA-256 " (result.scenario.plan_sha256) } }
                dt { "Server" }
                dd {
                    @if let Some(command) = &result.target.command { code { (command) } " at " }
                    (result.target.address) ", frames end with " (result.target.framing)
                    @if let Some(server) = &result.server {
                        br; "process " (server.pid) ": " (wording::server_use(server))
                    }
                }
                dt { "Generator" }
                dd { (wording::generator_use(generator)) }
                @if !generator.machine.is_empty() { dt { "Machine" } dd { (generator.machine) } }
                dt { "Started" } dd { (result.started) }
                dt { "Exit code" } dd { (result.exit_code) }
            }
        }
    }
}
