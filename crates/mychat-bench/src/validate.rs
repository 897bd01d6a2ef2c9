//! `validate`: every error of scenario files, without running them.

use crate::exit::Exit;
use crate::{cli, out, scenario};

/// Checks all files.
pub(crate) fn validate(args: &cli::Validate) -> Exit {
    let mut exit = Exit::Held;
    for file in &args.files {
        match scenario::load(file) {
            Ok(loaded) => {
                let scenario = loaded.scenario;
                let users: u64 = scenario.groups.iter().map(|group| u64::from(group.count)).sum();
                let seconds: f64 = scenario.stages.iter().map(|stage| stage.duration.as_secs_f64()).sum();
                out::print(&format!(
                    "{}: ok: {}, {users} users, {seconds} s of load, {} expectations\n",
                    file.display(),
                    scenario.name,
                    scenario.expect.len()
                ));
            }
            Err(diagnostics) => {
                out::complain(&diagnostics.render(out::colours_on_stderr()));
                exit = Exit::Usage;
            }
        }
    }
    exit
}
