//! What is done with stored results: `report`, `compare`, `merge`.

use std::path::PathBuf;

use clap::Args;

use crate::outputs::Outputs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench report result.json
      prints the summary again
  mychat-bench report result.json --html report.html --markdown summary.md
      writes a page for a browser and a summary for a pull request
  mychat-bench report result.json --out reports
      writes all forms into a directory
  mychat-bench report --matrix submissions/*.json --html class.html --csv class.csv
      every server of a class against every statement of the protocol

Exit codes: 0 written, 2 no result of this tool, \
3 a file could not be written. The verdict in the result is not repeated.")]
pub(crate) struct Report {
    /// What `run --json` or `conformance --json` wrote; `-` reads it from standard input. With `--matrix`, any number of
    /// conformance results
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    /// Servers against statements, from conformance results: as a table, with --html as a page, with --csv for a
    /// spreadsheet
    #[arg(long)]
    pub(crate) matrix: bool,

    /// Write the matrix as CSV
    #[arg(long, value_name = "FILE", requires = "matrix")]
    pub(crate) csv: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench compare old1.json old2.json old3.json -- new1.json new2.json new3.json
      three runs a side; let them take turns (old, new, old, new), since machines drift
  mychat-bench compare old.json new.json
      a single run a side shows new losses and new failures, and too little about times
  mychat-bench compare yesterday.json today.json
      the same of two results of `conformance`: which checks passed and fail now
  mychat-bench compare old*.json --markdown diff.md -- new*.json
      a table for a pull request

Runs that the tool itself found invalid are left out of all times.

Exit codes: 0 nothing got worse, 1 something did, \
2 no results of this tool or of different scenarios, 3 a file could not be written, \
4 too little data to say anything of delivery times.")]
pub(crate) struct Compare {
    /// Results of the first side, or one of each side
    #[arg(value_name = "A.json", required = true)]
    pub(crate) first: Vec<PathBuf>,

    /// Results of the second side
    #[arg(value_name = "B.json", last = true)]
    pub(crate) second: Vec<PathBuf>,

    /// Changes below so many percent are no difference
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = percent)]
    pub(crate) effect: f64,

    /// Write the comparison as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  mychat-bench merge shard-*.json --out reports
      one report of what several machines did with `run --shard`

Histograms are added bit for bit, counts are summed, and what one machine sent and another one received \
is settled.

Exit codes: those of `run`, for the whole; 2 for results that do not belong together, \
4 where a part is missing.")]
pub(crate) struct Merge {
    /// What `run --json` wrote on each machine
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.1..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number of percent from 0.1 to 100".to_owned()),
    }
}
