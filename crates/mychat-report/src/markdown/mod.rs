//! Results as Markdown: for the summary of a CI step or a comment on a pull request.

mod conformance;
mod escape;
mod run;

pub use conformance::conformance_summary;
pub(crate) use escape::{code, escaped};
pub use run::run_summary;
