//! `report`: writes stored results in other formats.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::check_run;
use crate::error::{CommandError, ErrorKind};
use crate::output::{prepare_outputs, write_output};
use crate::report_files::ReportFiles;
use crate::terminal::print;
use mychat_load::Exit;
use mychat_report::json::{self, StoredResult};
use mychat_report::terminal::{conformance, run};
use mychat_report::{ConformanceResult, html, matrix};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench report result.json
      prints the summary again
  mychat-bench report result.json --html report.html --markdown summary.md
      writes a page for a browser and a summary for a pull request
  mychat-bench report result.json --out reports
      writes all formats into a directory
  mychat-bench report --matrix submissions/*.json --html class.html --csv class.csv
      compares the servers of a class, clause by clause

In a matrix, a result that cannot be read is a row with the reason. Its columns are the clauses of the \
protocol and the should checks that a server fails.

Exit codes: 0 written, 2 no result of this tool (in a matrix: not one), \
3 a file could not be written. The verdict in the result is not repeated.")]
pub(crate) struct ReportArgs {
    /// Result of `run --json` or `conformance --json`; `-` reads it from standard input. With `--matrix`, any number of
    /// conformance results
    #[arg(value_name = "RESULT.json", required = true)]
    pub(crate) results: Vec<PathBuf>,

    /// Write a matrix of servers and clauses from conformance results: as a table, with --html as a page, with --csv for a
    /// spreadsheet
    #[arg(long)]
    pub(crate) matrix: bool,

    /// Write the matrix as CSV
    #[arg(long, value_name = "FILE", requires = "matrix")]
    pub(crate) csv: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) outputs: ReportFiles,
}

/// Writes a stored result in the requested formats. Without any, prints the summary.
pub(crate) fn report(args: ReportArgs) -> Result<Exit, CommandError> {
    if args.matrix {
        return write_matrix(args);
    }
    let [path] = &args.results[..] else {
        return Err(CommandError::usage(
            "give one result; `--matrix` takes several, and `merge` combines several into one",
        ));
    };
    let result = match json::read_any(path)? {
        StoredResult::Run(result) => result,
        StoredResult::Conformance(result) => return report_checks(&result, args.outputs, path),
    };
    if args.outputs.is_empty() {
        print::result(&run::summary(&result, print::columns()));
    } else {
        CommandError::check_outputs(ErrorKind::CouldNotRun, args.outputs.prepared([path.as_path()])?.write(&result))?;
    }
    Ok(Exit::Success)
}

/// Writes a conformance result, which has no histograms and no timeline.
fn report_checks(result: &ConformanceResult, outputs: ReportFiles, path: &Path) -> Result<Exit, CommandError> {
    if outputs.hlog.is_some() || outputs.ndjson.is_some() {
        let message = "a conformance result has no latencies: it cannot be written with --hlog and --ndjson";
        return Err(CommandError::usage(message));
    }
    if outputs.is_empty() {
        let columns = print::columns();
        let ids = result.checks.iter().map(|check| check.id.as_str());
        let mut lines = conformance::CheckLines::new(ids, columns);
        let own: String = result.checks.iter().map(|check| lines.add(check)).collect();
        let head = conformance::head(&result.info.target.address, &result.info.notes, columns);
        print::result(&format!("{head}{own}{}{}", lines.rest(), conformance::summary(result, columns)));
    } else {
        check_run::write_reports(result, &outputs.prepared([path])?.into())?;
    }
    Ok(Exit::Success)
}

/// Writes the matrix of servers and clauses.
fn write_matrix(mut args: ReportArgs) -> Result<Exit, CommandError> {
    let html = args.outputs.html.take();
    if !args.outputs.is_empty() {
        return Err(CommandError::usage("a matrix can only be written with --html and --csv"));
    }
    let outputs = [("--csv", args.csv.as_deref()), ("--html", html.as_deref())];
    prepare_outputs(outputs, args.results.iter().map(PathBuf::as_path))?;
    let matrix = matrix::read(&args.results);
    if let Some((_, reason)) = matrix.unreadable().next().filter(|_| matrix.readable().next().is_none()) {
        return Err(CommandError::usage(reason));
    }
    for (_, reason) in matrix.unreadable() {
        print::message(&format!("warning: {reason}\n"));
    }
    if let Some(path) = &args.csv {
        write_output(path, &matrix.csv())?;
    }
    if let Some(path) = &html {
        write_output(path, &html::matrix_page(&matrix))?;
    }
    if args.csv.is_none() && html.is_none() {
        print::result(&matrix.csv());
    }
    Ok(Exit::Success)
}
