//! `explain`: describes what a scenario will do, and if this machine can run it.

use std::path::PathBuf;

use clap::Args;

use crate::error::CommandError;
use crate::forecast::{Forecast, HostCapacity, text};
use crate::terminal::print;
use mychat_load::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench explain scenarios/broadcast_storm.yaml
      users, messages and bytes per second, memory, descriptors and ports, before anything runs

Exit codes: 0 this machine can do it, 2 the file is wrong, 3 this machine cannot do it.")]
pub(crate) struct ExplainArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Explains one file. If the plan exceeds this machine, the explanation is printed too, and the exit code is 3.
pub(crate) fn explain(args: &ExplainArgs) -> Result<Exit, CommandError> {
    let loaded = mychat_scenario::load(&args.file)?;
    let forecast = Forecast::new(&loaded.scenario);
    let needs = HostCapacity::detect().needs(&forecast);
    print::prose(&text(&loaded.scenario, &forecast, &needs));
    Ok(if needs.iter().all(|need| need.met) { Exit::Success } else { Exit::CouldNotRun })
}
