//! `merge`: merges the results of several machines.

use std::path::PathBuf;

use clap::Args;

use crate::error::{CommandError, ErrorKind};
use crate::report_files::ReportFiles;
use crate::terminal::print;
use mychat_load::Exit;
use mychat_report::terminal::run::summary;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench merge shard-*.json --out reports
      one report of what several machines did with `run --shard`

Histograms and counts are added exactly, and deliveries between machines are reconciled.

Exit codes: those of `run`, for the whole; 2 for results that do not belong together, \
4 if a shard is missing.")]
pub(crate) struct MergeArgs {
    /// Results that `run --json` wrote on each machine
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: ReportFiles,
}

/// Merges the results, writes the reports and prints the summary.
pub(crate) fn merge(args: MergeArgs) -> Result<Exit, CommandError> {
    let reports = args.outputs.prepared(args.results.iter().map(PathBuf::as_path))?;
    let results = args.results.iter().map(|path| mychat_report::json::read(path)).collect::<Result<Vec<_>, _>>()?;
    let merged = mychat_report::merge::merge(&results)?;
    CommandError::check_outputs(ErrorKind::CouldNotRun, reports.write(&merged))?;
    print::result(&summary(&merged, print::columns()));
    Ok(Exit::from_code(merged.exit_code))
}
