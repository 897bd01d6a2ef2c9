//! `report` and `merge`: stored results in any other form, one by one or made into one.

use crate::outputs::Outputs;
use crate::{cli, out};
use mychat_load::Exit;
use mychat_report::ConformanceResult;
use mychat_report::files::{WriteError, check_all_writable};
use mychat_report::json::StoredResult;
use mychat_report::terminal::{conformance, run as terminal};

/// Writes a stored result in the forms that were asked for; with none, the summary for the terminal.
pub(crate) fn rewrite(args: cli::Report) -> anyhow::Result<Exit> {
    if args.matrix {
        return matrix(args);
    }
    let [path] = &args.results[..] else {
        out::complain("error: one result at a time; `--matrix` takes several, and `merge` makes one of them\n");
        return Ok(Exit::Usage);
    };
    let result = match mychat_report::json::read_any(path) {
        Ok(StoredResult::Run(result)) => result,
        Ok(StoredResult::Conformance(result)) => return checks(&result, args.outputs),
        Err(error) => {
            out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
            return Ok(Exit::Usage);
        }
    };
    if args.outputs.is_empty() {
        out::print(&terminal::summary(&result));
        return Ok(Exit::Success);
    }
    tried(args.outputs)?.write(&result)?;
    Ok(Exit::Success)
}

/// Every file that was asked for by name or by `--out`, all of which can be written: else none is.
fn tried(outputs: Outputs) -> Result<Outputs, WriteError> {
    let outputs = outputs.resolved()?;
    outputs.try_out()?;
    Ok(outputs)
}

/// The forms of a conformance result; it has no histograms and no timeline.
fn checks(result: &ConformanceResult, outputs: Outputs) -> anyhow::Result<Exit> {
    if outputs.hlog.is_some() || outputs.ndjson.is_some() {
        out::complain("error: a conformance result times nothing: there is no --hlog and no --ndjson of it\n");
        return Ok(Exit::Usage);
    }
    if outputs.is_empty() {
        let width = conformance::width(result.checks.iter().map(|check| check.id.as_str()));
        let lines: String = result.checks.iter().map(|check| conformance::line(check, width)).collect();
        let head = conformance::head(&result.info.target.address, &result.info.notes);
        out::print(&format!("{head}{lines}{}", conformance::summary(result)));
        return Ok(Exit::Success);
    }
    let written = crate::conformance::write(result, &tried(outputs)?.into());
    Ok(if written == Exit::CouldNotRun { written } else { Exit::Success })
}

/// Servers against statements.
fn matrix(mut args: cli::Report) -> anyhow::Result<Exit> {
    let html = args.outputs.html.take();
    if !args.outputs.is_empty() {
        out::complain("error: a matrix is written by --html and --csv, and has no other forms\n");
        return Ok(Exit::Usage);
    }
    check_all_writable([&args.csv, &html])?;
    let matrix = match mychat_report::matrix::read(&args.results) {
        Ok(matrix) => matrix,
        Err(error) => {
            out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
            return Ok(Exit::Usage);
        }
    };
    if let Some(path) = &args.csv {
        mychat_report::files::replace(path, &matrix.csv())?;
    }
    if let Some(path) = &html {
        mychat_report::files::replace(path, &mychat_report::html::matrix_page(&matrix))?;
    }
    if args.csv.is_none() && html.is_none() {
        out::print(&matrix.csv());
    }
    Ok(Exit::Success)
}

/// Makes one result of several and writes it; with no form asked for, the summary for the terminal.
pub(crate) fn merge(args: cli::Merge) -> anyhow::Result<Exit> {
    let outputs = tried(args.outputs)?;
    let results: Result<Vec<_>, _> = args.results.iter().map(|path| mychat_report::json::read(path)).collect();
    let merged = match results.map_err(anyhow::Error::from).and_then(|all| Ok(mychat_report::merge::merge(&all)?)) {
        Ok(merged) => merged,
        Err(error) => {
            out::complain(&format!("error: {error:#}\n"));
            return Ok(Exit::Usage);
        }
    };
    outputs.write(&merged)?;
    out::print(&terminal::summary(&merged));
    Ok(Exit::from_code(merged.exit_code))
}
