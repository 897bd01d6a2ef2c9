//! Result as one HTML page. It loads nothing, and suits phones, dark mode and print. Its only script copies commands; all
//! else works without it.

mod capacity;
mod cases;
mod conformance;
mod diagnosis;
mod figures;
mod filters;
mod matrix;
mod provenance;
mod read_lag_chart;
mod run_charts;
#[cfg(test)]
mod tests;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use conformance::conformance_page;
pub use matrix::matrix_page;
pub(crate) use provenance::violation_name;

use crate::model::RunResult;
use crate::{visible, wording};

const STYLE: &str = include_str!("style.css");

/// Renders the complete page.
pub fn run_page(result: &RunResult) -> String {
    let title = format!("{} {} · MyChat bench", wording::verdict(result.verdict).1, result.scenario.name);
    let page = page_frame(
        &title,
        &html! {
            (verdict::head(result))
            main {
                (capacity::section(result))
                (verdict::expectations(result))
                (cases::section(result))
                (provenance::violations(result))
                (verdict::counts(result))
                (run_charts::section(result))
                (figures::section(result))
                (provenance::scenario(result))
                (provenance::section(result))
            }
        },
    );
    visible(&page.into_string()).into_owned()
}

/// Wraps the body of a page in the common frame.
fn page_frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The content security policy guarantees that the page loads nothing, and runs nothing but its own script.
                meta http-equiv="Content-Security-Policy" content={
                    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-"
                    (diagnosis::COPY_SCRIPT_SHA256) "'"
                };
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (content) script { (PreEscaped(diagnosis::COPY_SCRIPT)) } }
        }
    }
}
