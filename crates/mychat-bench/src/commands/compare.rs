//! `compare`: reports if two sets of stored results differ.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;

use crate::error::CommandError;
use crate::output::{prepare_outputs, write_output};
use crate::terminal::print;
use mychat_load::Exit;
use mychat_report::compare::{ComparedRun, Threshold, compare as compare_runs, markdown, run_differences, terminal};
use mychat_report::json::{self, StoredResult};
use mychat_report::{RunResult, visible};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench compare old1.json old2.json old3.json -- new1.json new2.json new3.json
      three runs per side; alternate them (old, new, old, new), because machine speed drifts
  mychat-bench compare old.json new.json
      one run per side shows new losses and failures, but is too little for times
  mychat-bench compare yesterday.json today.json
      compares two results of `conformance`: checks that passed and fail now
  mychat-bench compare old*.json --markdown diff.md -- new*.json
      a table for a pull request

`no difference` means that the whole confidence interval lies within --effect. `too little data` names the number \
of runs that would probably decide. Runs that the tool itself found invalid are left out of all times.

Exit codes: 0 nothing got worse, 1 something got worse, \
2 no results of this tool, of different scenarios, or the same run twice, 3 a file could not be written, \
5 too little data to tell a difference of deliveries from none.")]
pub(crate) struct CompareArgs {
    /// Results of the first side, or one result of each side
    #[arg(value_name = "A.json", required = true)]
    pub(crate) first: Vec<PathBuf>,

    /// Results of the second side
    #[arg(value_name = "B.json", last = true)]
    pub(crate) second: Vec<PathBuf>,

    /// Smallest change that counts as a difference, in percent; a smaller effect needs more runs
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = percent)]
    pub(crate) effect: f64,

    /// Write the comparison as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

/// Compares the results, prints the outcome, and writes it as Markdown if asked.
pub(crate) fn compare(args: &CompareArgs) -> Result<Exit, CommandError> {
    let (first, second) = match (&args.first[..], &args.second[..]) {
        ([a, b], []) => (std::slice::from_ref(a), std::slice::from_ref(b)),
        (_, []) => {
            let message = "separate the two sides with `--`: `compare A1.json A2.json -- B1.json B2.json`";
            return Err(CommandError::usage(message));
        }
        sides => sides,
    };
    let inputs = first.iter().chain(second).map(PathBuf::as_path);
    prepare_outputs([("--markdown", args.markdown.as_deref())], inputs)?;
    let (first, second) = sides(first, second)?;
    let threshold = Threshold { effect: args.effect / 100.0, ..Threshold::default() };
    let mut comparison = compare_runs(&first.runs, &second.runs, threshold);
    comparison.notes.extend(run_differences(&first.results, &second.results));
    print::prose(&terminal(&comparison));
    if let Some(path) = &args.markdown {
        write_output(path, &markdown(&comparison))?;
    }
    Ok(if comparison.regressed() {
        Exit::Failed
    } else if comparison.undecided() {
        Exit::TooLittleData
    } else {
        Exit::Success
    })
}

/// One side: its runs, and the complete results if they are of runs.
#[derive(Default)]
struct Side {
    of: BTreeSet<String>,
    /// A property of each run that no other run has, in the order of the files.
    identities: Vec<String>,
    runs: Vec<ComparedRun>,
    results: Vec<RunResult>,
}

/// Reads both sides. Fails unless all results are of one scenario or of one suite, and each of another run.
fn sides(first_paths: &[PathBuf], second_paths: &[PathBuf]) -> Result<(Side, Side), CommandError> {
    let (first, second) = (side(first_paths)?, side(second_paths)?);
    let identities = first.identities.iter().chain(&second.identities);
    refuse_repeated(identities.zip(first_paths.iter().chain(second_paths)))?;
    let of: Vec<&str> = first.of.union(&second.of).map(String::as_str).collect();
    if of.len() != 1 {
        return Err(CommandError::usage(format!(
            "these are runs of {}: only runs of one scenario, or of one suite, can be compared",
            of.join(" and of ")
        )));
    }
    Ok((first, second))
}

/// Fails if two files hold the same run: its spread would be that of one run, and any difference would seem certain.
fn refuse_repeated<'f>(files: impl Iterator<Item = (&'f String, &'f PathBuf)>) -> Result<(), CommandError> {
    let mut known: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    for (identity, path) in files {
        known.entry(identity).or_default().push(path);
    }
    let Some((_, paths)) = known.into_iter().find(|(_, paths)| paths.len() > 1) else { return Ok(()) };
    let count = paths.len();
    let mut names: Vec<String> = paths.into_iter().map(|path| format!("`{}`", path.display())).collect();
    names.dedup();
    Err(CommandError::usage(format!(
        "the same run is given {count} times, as {}: a comparison needs a run of its own for each file",
        names.join(" and ")
    )))
}

fn side(paths: &[PathBuf]) -> Result<Side, CommandError> {
    let mut side = Side::default();
    for path in paths {
        let (of, run) = match json::read_any(path)? {
            StoredResult::Run(result) => {
                let run = ComparedRun::new(&result)?;
                let of = format!("`{}`", visible(&result.scenario.name));
                side.identities
                    .push(format!("{} {} {}", result.started, result.scenario.plan_sha256, result.target.address));
                side.results.push(*result);
                (of, run)
            }
            StoredResult::Conformance(result) => {
                let info = &result.info;
                side.identities.push(format!("{} {} {}", info.started, info.seed, info.target.address));
                (format!("the checks of `{}`", result.info.suite), ComparedRun::of_checks(&result))
            }
        };
        side.of.insert(of);
        side.runs.push(run);
    }
    Ok(side)
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.1..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number of percent from 0.1 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mychat_report::test_fixture;

    /// Writes runs that began at these seconds, and returns their paths.
    fn files(folder: &tempfile::TempDir, seconds: &[u32]) -> Vec<PathBuf> {
        let write = |(number, second): (usize, &u32)| {
            let started = format!("2026-11-22T16:15:{second:02}Z");
            let path = folder.path().join(format!("{number}.json"));
            std::fs::write(&path, json::write(&RunResult { started, ..test_fixture::run(10) })).unwrap();
            path
        };
        seconds.iter().enumerate().map(write).collect()
    }

    fn compared(first: &[PathBuf], second: &[PathBuf]) -> Result<Exit, CommandError> {
        let (first, second) = (first.to_vec(), second.to_vec());
        compare(&CompareArgs { first, second, effect: 3.0, markdown: None })
    }

    #[test]
    fn the_same_run_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let runs = files(&folder, &[1, 1, 1, 2, 3, 4]);
        let error = compared(&runs[..3], &runs[3..]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        let text = error.to_string();
        assert!(text.contains("the same run is given 3 times") && text.contains("2.json"), "{text}");
        assert!(compared(&runs[..1], &runs[1..2]).is_err(), "as both sides");
    }

    #[test]
    fn too_little_data_has_an_exit_code_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let runs = files(&folder, &[1, 2]);
        assert_eq!(compared(&runs[..1], &runs[1..]).unwrap(), Exit::TooLittleData);
        assert_eq!(Exit::from_code(Exit::TooLittleData.code()), Exit::TooLittleData);
    }
}
