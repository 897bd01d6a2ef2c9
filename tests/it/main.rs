//! End-to-end tests: the real programs, real sockets, real files.

mod accounts;
mod beside;
mod churn;
mod conformance;
#[cfg(unix)]
mod exits;
mod ledgers;
mod outputs;
mod explain;
mod junit;
mod plans;
mod shards;
mod readings;
mod search;
mod targets;
#[cfg(unix)]
mod truth;
mod verdicts;

use mychat_tests::Run;

/// The tool.
const TOOL: &str = env!("CARGO_BIN_EXE_mychat-bench-under-test");

/// The tool over a scenario with this text.
fn run(scenario: &str) -> Run {
    Run::scenario(TOOL, scenario)
}
