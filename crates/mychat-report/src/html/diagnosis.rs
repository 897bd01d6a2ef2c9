//! Diagnosis at the top of a page: what to fix first, and the causes that failures share.

use maud::{Markup, html};

use crate::fix_first::{causes, fix_first};
use crate::model::conformance::ConformanceResult;
use mychat_conformance::Outcome;

/// Script of the copy buttons, the only one of a page. It also shows the buttons, which do nothing without it.
pub(super) const COPY_SCRIPT: &str = include_str!("copy.js");
/// Digest of [`COPY_SCRIPT`] in the content security policy, which allows no other script.
pub(super) const COPY_SCRIPT_SHA256: &str = "2mc+0q7q7dprv7rPvupQhNXImqhQTbpBiCeCtgLMqp4=";

pub(super) fn section(result: &ConformanceResult) -> Markup {
    let first = fix_first(result);
    let causes = causes(result);
    let shared: Vec<_> = causes.iter().filter(|group| group.checks.len() > 1).collect();
    html! {
        @if let Some(first) = &first {
            section.first {
                h2 { "Fix first" }
                @for (number, line) in first.cause.iter().enumerate() {
                    p.cause[number == 0] { (line.trim()) }
                }
                @if let (Some(evidence), Some(check)) = (&first.evidence, first.check) { p { (linked(evidence, check)) } }
                @if let Some(rerun) = first.rerun(result) { (command(&rerun)) }
            }
        }
        @if !shared.is_empty() {
            section {
                h2 { "Failures by cause" }
                ul.causes { @for group in shared {
                    li {
                        (group.cause) small {
                            (group.checks.len()) " checks: "
                            @for (number, check) in group.checks.iter().enumerate() { @if number > 0 { ", " } (link(check)) }
                        }
                    }
                } }
            }
        }
    }
}

/// Renders a command with a button that copies it. Without the script, a click selects the whole command.
pub(super) fn command(text: &str) -> Markup {
    html! { div.command { code { (text) } button type="button" hidden { "Copy" } } }
}

/// Renders the id of a check as a link to its card.
pub(super) fn link(check: &Outcome) -> Markup {
    html! { a href={ "#" (check.id) } { code { (check.id) } } }
}

/// Renders a sentence with the first mention of the check as a link.
fn linked(sentence: &str, check: &Outcome) -> Markup {
    html! {
        @match sentence.split_once(check.id.as_str()) {
            Some((before, after)) => { (before) (link(check)) (after) }
            None => (sentence),
        }
    }
}
