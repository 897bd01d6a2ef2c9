//! End-to-end tests: the real programs, real sockets, real files.

mod accounts;
mod architecture;
mod churn;
mod conformance;
mod exits;
mod ledgers;
mod explain;
mod plans;
mod targets;
mod truth;

use mychat_tests::Run;

/// The tool over a scenario with this text.
fn run(scenario: &str) -> Run {
    Run::scenario(env!("CARGO_BIN_EXE_mychat-bench-under-test"), scenario)
}
