//! The result as one page for a browser: no script, nothing fetched, readable on a phone, in the dark and on paper.

mod capacity;
mod cases;
mod figures;
mod matrix;
mod origin;
mod pictures;
#[cfg(test)]
mod tests;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use cases::{card, rows};
pub use matrix::matrix;
pub(super) use origin::kind;
pub(super) use verdict::{class, mark};

use super::{RunResult, words};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub fn page(result: &RunResult) -> String {
    let title = format!("{} {} · MyChat bench", words::verdict(result.verdict).1, result.scenario.name);
    let page = frame(
        &title,
        &html! {
            (verdict::head(result))
            main {
                (capacity::section(result))
                (verdict::expectations(result))
                (cases::section(result))
                (verdict::counts(result))
                (pictures::section(result))
                (figures::section(result))
                (origin::violations(result))
                (origin::scenario(result))
                (origin::section(result))
            }
        },
    );
    super::visible(&page.into_string())
}

/// A page of ours around what it is to show.
pub(super) fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The page proves itself that it fetches nothing.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (content) }
        }
    }
}
