//! `report` and `merge`: stored results in any other form, one by one or made into one.

use crate::exit::Exit;
use crate::report::{self, terminal};
use crate::{cli, out};

/// Writes a stored result in the forms that were asked for; with none, the summary for the terminal.
pub(crate) fn rewrite(args: cli::Report) -> anyhow::Result<Exit> {
    let result = match report::json::read(&args.result) {
        Ok(result) => result,
        Err(error) => {
            out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
            return Ok(Exit::Usage);
        }
    };
    if args.outputs.is_empty() {
        out::print(&terminal::summary(&result));
        return Ok(Exit::Held);
    }
    args.outputs.resolved()?.write(&result)?;
    Ok(Exit::Held)
}

/// Makes one result of several and writes it; with no form asked for, the summary for the terminal.
pub(crate) fn merge(args: cli::Merge) -> anyhow::Result<Exit> {
    let results: Result<Vec<_>, _> = args.results.iter().map(|path| report::json::read(path)).collect();
    let merged = match results.map_err(anyhow::Error::from).and_then(|all| Ok(report::merge::merge(&all)?)) {
        Ok(merged) => merged,
        Err(error) => {
            out::complain(&format!("error: {error:#}\n"));
            return Ok(Exit::Usage);
        }
    };
    args.outputs.resolved()?.write(&merged)?;
    out::print(&terminal::summary(&merged));
    Ok(Exit::from_code(merged.exit_code))
}
