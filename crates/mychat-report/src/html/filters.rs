//! Filters of a conformance page: by status, level and cause. They are radio buttons and style rules, without a script.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::fix_first::{FailureCause, causes};
use crate::model::conformance::ConformanceResult;
use crate::wording;
use mychat_conformance::{Outcome, Status};
use mychat_scenario::model::Level;

/// Characters of a cause in the list of filters.
const LONGEST_CAUSE: usize = 90;

/// Values by which a check is filtered.
pub(super) struct FilterKeys {
    pub(super) status: &'static str,
    pub(super) level: &'static str,
    /// Number of its cause among the causes of the result.
    pub(super) cause: Option<usize>,
}

impl FilterKeys {
    /// Returns the keys of a check. Failures that a baseline expects count as known.
    pub(super) fn new(check: &Outcome, causes: &[FailureCause<'_>]) -> Self {
        let is_failure = check.status == Status::Fail && !check.expected;
        let position = |likely: &String| causes.iter().position(|group| group.cause == likely);
        Self {
            status: if check.expected { "known" } else { wording::case(check.status).1 },
            level: check.level.name(),
            cause: check.likely.as_ref().filter(|_| is_failure).and_then(position),
        }
    }
}

/// One choice of a filter.
struct Choice {
    value: String,
    label: String,
    count: usize,
}

/// Renders the filters, if there is a choice.
pub(super) fn section(result: &ConformanceResult) -> Markup {
    let causes = causes(result);
    let keys: Vec<FilterKeys> = result.checks.iter().map(|check| FilterKeys::new(check, &causes)).collect();
    let count = |wanted: &dyn Fn(&FilterKeys) -> bool| keys.iter().filter(|key| wanted(key)).count();
    let named = |words: &[&'static str], of: fn(&FilterKeys) -> &'static str| -> Vec<Choice> {
        let choice = |word: &&'static str| Choice {
            value: (*word).to_owned(),
            label: (*word).to_owned(),
            count: count(&|key| of(key) == *word),
        };
        words.iter().map(choice).filter(|choice| choice.count > 0).collect()
    };
    let statuses = named(&["failed", "inconclusive", "known", "passed", "skipped"], |key| key.status);
    let levels = named(&Level::ALL.map(Level::name), |key| key.level);
    let causes: Vec<Choice> = causes
        .iter()
        .enumerate()
        .map(|(number, group)| Choice {
            value: number.to_string(),
            label: short(group.cause),
            count: group.checks.len(),
        })
        .collect();
    let filters = [("status", "Status", statuses), ("level", "Level", levels), ("cause", "Cause", causes)];
    html! {
        @if filters.iter().any(|(_, _, choices)| choices.len() > 1) {
            style { (PreEscaped(rules(&filters))) }
            form.filters aria-label="Show only some checks" {
                @for (name, title, choices) in filters.iter().filter(|(_, _, choices)| choices.len() > 1) {
                    @if *name == "cause" {
                        details { summary { (title) " (" (choices.len()) ")" } (group(name, title, choices)) }
                    } @else { (group(name, title, choices)) }
                }
            }
        }
    }
}

fn group(name: &str, title: &str, choices: &[Choice]) -> Markup {
    html! {
        fieldset class=(name) {
            legend { (title) }
            label { input type="radio" name=(name) value="all" checked; "all" }
            @for choice in choices {
                label { input type="radio" name=(name) id={ (name) "-" (choice.value) }; (choice.label) " (" (choice.count) ")" }
            }
        }
    }
}

/// Returns a rule per choice, which hides the checks with another value.
fn rules(filters: &[(&'static str, &'static str, Vec<Choice>)]) -> String {
    let mut rules = String::new();
    for (name, _, choices) in filters {
        for Choice { value, .. } in choices {
            // Values are words of the tool, and numbers. Writing to a String cannot fail.
            let _ = writeln!(
                rules,
                "body:has(#{name}-{value}:checked) [data-status]:not([data-{name}=\"{value}\"]) {{ display: none; }}"
            );
        }
    }
    rules
}

fn short(cause: &str) -> String {
    if cause.chars().count() <= LONGEST_CAUSE {
        return cause.to_owned();
    }
    cause.chars().take(LONGEST_CAUSE).chain(['…']).collect()
}
