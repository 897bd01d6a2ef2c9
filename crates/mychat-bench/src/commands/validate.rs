//! `validate`: reports every error of scenario files without running them.

use std::path::PathBuf;

use clap::Args;

use crate::error::CommandError;
use crate::terminal::print;
use mychat_load::Exit;
use mychat_scenario::Scenario;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench validate scenarios/*.yaml
      every mistake with its line, its column and what was probably meant

Exit codes: 0 all files are right, 2 one is not.")]
pub(crate) struct ValidateArgs {
    /// Scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Checks all files, even after an invalid one.
pub(crate) fn validate(args: &ValidateArgs) -> Exit {
    let mut exit = Exit::Success;
    for file in &args.files {
        match mychat_scenario::load(file) {
            Ok(loaded) => print::result(&format!("{}: ok: {}\n", file.display(), contents(&loaded.scenario))),
            Err(diagnostics) => {
                let error = CommandError::from(diagnostics);
                print::error(&error);
                exit = error.exit();
            }
        }
    }
    exit
}

/// Describes the load and the cases of a file in one line.
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
