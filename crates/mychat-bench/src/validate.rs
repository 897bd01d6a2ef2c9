//! `validate`: every error of scenario files, without running them.

use crate::{cli, out};
use mychat_load::Exit;
use mychat_scenario::Scenario;

/// Checks all files.
pub(crate) fn validate(args: &cli::Validate) -> Exit {
    let mut exit = Exit::Success;
    for file in &args.files {
        match mychat_scenario::load(file) {
            Ok(loaded) => {
                out::print(&format!("{}: ok: {}\n", file.display(), contents(&loaded.scenario)));
            }
            Err(diagnostics) => {
                out::complain(&diagnostics.render(out::colours_on_stderr()));
                exit = Exit::Usage;
            }
        }
    }
    exit
}

/// What a file holds, in a line: its load, its cases, or both.
fn contents(scenario: &Scenario) -> String {
    let mut parts = vec![scenario.name.clone()];
    if !scenario.groups.is_empty() {
        let users: u64 = scenario.groups.iter().map(|group| u64::from(group.count)).sum();
        let seconds: f64 = scenario.stages.iter().map(|stage| stage.duration.as_secs_f64()).sum();
        parts.push(format!("{users} users"));
        parts.push(format!("{seconds} s of load"));
        parts.push(format!("{} expectations", scenario.expect.len()));
    }
    if !scenario.cases.is_empty() {
        parts.push(format!("{} cases", scenario.cases.len()));
    }
    parts.join(", ")
}
