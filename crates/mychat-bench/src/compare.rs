//! `compare`: two sets of stored results into a verdict for a person and an exit code for a pipeline.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::report::compare::{Run, Threshold, compare as judge, markdown, terminal};
use crate::report::{RunResult, files, json};
use crate::{cli, out};

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
    let (first, second) = match (read(first), read(second)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => {
            out::complain(&format!("error: {error:#}\n"));
            return Ok(Exit::Usage);
        }
    };
    let runs = |results: &[RunResult]| results.iter().map(Run::new).collect::<Result<Vec<_>, _>>();
    let threshold = Threshold { effect: args.effect / 100.0, ..Threshold::default() };
    let mut comparison = judge(&runs(&first)?, &runs(&second)?, threshold);
    let all: Vec<&RunResult> = first.iter().chain(&second).collect();
    if all.iter().any(|result| result.scenario.sha256 != all[0].scenario.sha256) {
        comparison.notes.push("the scenarios are not the same: differences may come from what was asked".to_owned());
    }
    out::print(&terminal(&comparison));
    if let Some(path) = &args.markdown {
        files::replace(path, &markdown(&comparison))?;
    }
    Ok(if comparison.regressed() {
        Exit::FellShort
    } else if comparison.undecided() {
        Exit::Inconclusive
    } else {
        Exit::Held
    })
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<RunResult>> {
    paths.iter().map(|path| Ok(json::read(path)?)).collect()
}
