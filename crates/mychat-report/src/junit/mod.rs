//! Results as JUnit XML for build servers.

mod conformance;
mod document;
mod run;

pub use conformance::conformance_report;
pub use run::run_report;
