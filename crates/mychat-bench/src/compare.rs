//! `compare`: two sets of stored results into a verdict for a person and an exit code for a pipeline.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::{cli, out};
use mychat_load::Exit;
use mychat_report::compare::{ComparedRun, Threshold, compare as judge, markdown, run_differences, terminal};
use mychat_report::json::{self, StoredResult};
use mychat_report::{RunResult, files, visible};

/// Compares, prints, and writes the table where one is wanted.
pub(crate) fn compare(args: &cli::Compare) -> anyhow::Result<Exit> {
    let (first, second) = match (&args.first[..], &args.second[..]) {
        ([a, b], []) => (std::slice::from_ref(a), std::slice::from_ref(b)),
        (_, []) => {
            out::complain("error: which results are of which side? `compare A1.json A2.json -- B1.json B2.json`\n");
            return Ok(Exit::Usage);
        }
        sides => sides,
    };
    files::check_all_writable([&args.markdown])?;
    let (first, second) = match sides(first, second) {
        Ok(sides) => sides,
        Err(error) => {
            out::complain(&format!("error: {error:#}\n"));
            return Ok(Exit::Usage);
        }
    };
    let threshold = Threshold { effect: args.effect / 100.0, ..Threshold::default() };
    let mut comparison = judge(&first.runs, &second.runs, threshold);
    comparison.notes.extend(run_differences(&first.results, &second.results));
    out::print(&terminal(&comparison));
    if let Some(path) = &args.markdown {
        files::replace(path, &markdown(&comparison))?;
    }
    Ok(if comparison.regressed() {
        Exit::Failed
    } else if comparison.undecided() {
        Exit::Inconclusive
    } else {
        Exit::Success
    })
}

/// One side: its runs, and where they are more than checks, all that is known of them.
#[derive(Default)]
struct Side {
    of: BTreeSet<String>,
    runs: Vec<ComparedRun>,
    results: Vec<RunResult>,
}

/// Both sides, if they are of one scenario or one suite.
fn sides(first: &[PathBuf], second: &[PathBuf]) -> anyhow::Result<(Side, Side)> {
    let (first, second) = (side(first)?, side(second)?);
    let of: Vec<&str> = first.of.union(&second.of).map(String::as_str).collect();
    anyhow::ensure!(
        of.len() == 1,
        "these are runs of {}: only runs of one scenario, or of one suite, can be compared",
        of.join(" and of ")
    );
    Ok((first, second))
}

fn side(paths: &[PathBuf]) -> anyhow::Result<Side> {
    let mut side = Side::default();
    for path in paths {
        let (of, run) = match json::read_any(path)? {
            StoredResult::Run(result) => {
                let run = ComparedRun::new(&result)?;
                let of = format!("`{}`", visible(&result.scenario.name));
                side.results.push(*result);
                (of, run)
            }
            StoredResult::Conformance(result) => {
                (format!("the checks of `{}`", result.info.suite), ComparedRun::of_checks(&result))
            }
        };
        side.of.insert(of);
        side.runs.push(run);
    }
    Ok(side)
}
