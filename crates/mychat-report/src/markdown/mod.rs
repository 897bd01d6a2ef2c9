//! Results as Markdown: for the summary of a CI step or a comment on a pull request.

mod conformance;
mod escape;
mod run;

pub use conformance::conformance_summary;
pub(crate) use escape::{code, escaped};
pub use run::run_summary;

use crate::wording::Tone;

/// Returns the symbol of a tone.
const fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        Tone::Unsure => "❔",
    }
}
