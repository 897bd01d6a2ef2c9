//! `conformance`: checks a server against the protocol.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::args::{FramingArg, ServerArgs, threads};
use crate::check_run::{CheckReports, RerunOptions, SuiteOptions, catalogue_text, run_checks, write_reports};
use crate::error::CommandError;
use crate::output::{prepare_outputs, write_output};
use crate::target::ServerUnderTest;
use crate::terminal::{print, signal};
use mychat_conformance::probe::profile;
use mychat_conformance::suite::{self, Check, baseline, points, select};
use mychat_load::Exit;
use mychat_scenario::model::FramingChoice;

/// Number of instances that are checked at the same time. Checks mostly wait, so four need only two cores.
const JOBS: usize = 4;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench conformance --target 127.0.0.1:5000
      runs all checks against a server that is already running
  mychat-bench conformance --spawn 'python3 server.py {port}'
      starts the server, watches it, and restarts it if it exits
  mychat-bench conformance --only 'frame.*' --target 127.0.0.1:5000
      one group of checks
  mychat-bench conformance --explain frame.two-in-one
      what a check does, and why

Exit codes: 0 all must checks pass, 1 one failed (with --strict also a should check), 2 wrong options, 3 no server, \
4 a must check was inconclusive, 130 interrupted.")]
pub(crate) struct ConformanceArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Readings that the server declares, as `mychat-bench probe` writes them
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Run only these checks, by id or glob; can be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,

    /// Skip these checks
    #[arg(long, value_name = "GLOB")]
    pub(crate) skip: Vec<String>,

    /// Count failed should checks too
    #[arg(long)]
    pub(crate) strict: bool,

    /// Number of started instances to check at the same time [default: 4; always 1 with --target]
    #[arg(long, value_name = "N", conflicts_with = "target", value_parser = threads)]
    pub(crate) jobs: Option<NonZeroU32>,

    /// Seed of all random draws
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// File of known failures: they do not count; a check in it that passes fails the run
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write the baseline instead of checking the run against it
    #[arg(long, requires = "baseline")]
    pub(crate) update_baseline: bool,

    /// File of points per check, for grading: lines `ID: POINTS`, or `"GLOB": POINTS`
    #[arg(long, value_name = "FILE")]
    pub(crate) points: Option<PathBuf>,

    /// Print all checks and exit
    #[arg(long)]
    pub(crate) list: bool,

    /// Print one check with its steps and exit
    #[arg(long, value_name = "ID")]
    pub(crate) explain: Option<String>,

    #[command(flatten)]
    pub(crate) reports: CheckReports,
}

/// Runs the selected checks and writes their result.
pub(crate) async fn conformance(args: ConformanceArgs) -> Result<Exit, CommandError> {
    let checks = suite::catalogue();
    if args.list {
        print::result(&catalogue_text::list(&checks));
        return Ok(Exit::Success);
    }
    if let Some(id) = &args.explain {
        print::result(&catalogue_text::explain(&checks, id)?);
        return Ok(Exit::Success);
    }
    let selected = select::select(&checks, &args.only, &args.skip).map_err(CommandError::usage)?;
    let options = suite_options(&args, &checks)?;
    prepare_files(&args)?;
    let jobs = args.jobs.map_or(JOBS, |jobs| jobs.get() as usize).min(selected.len());
    let typed = &args.server;
    let server =
        ServerUnderTest::start(typed.target.as_deref(), typed.spawn.as_deref(), jobs, typed.start_timeout).await?;
    let stop = signal::stop_requests()?;
    let result = Box::pin(run_checks(&selected, &server, &options, &stop)).await;
    server.stop().await;
    let written = write_reports(&result, &args.reports);
    if let (true, Some(path)) = (args.update_baseline, &args.baseline) {
        let baseline = write_output(path, &baseline::write(&result.checks));
        return match (written, baseline) {
            (Err(lost), Err(error)) => Err(lost.and(error)),
            (written, baseline) => written.and(Ok(baseline.map(|()| Exit::Success)?)),
        };
    }
    written
}

/// Checks all files of the command. The baseline is an output if it is updated, and else an input.
fn prepare_files(args: &ConformanceArgs) -> Result<(), CommandError> {
    let baseline = args.baseline.as_deref();
    let updated = ("--baseline", baseline.filter(|_| args.update_baseline));
    let inputs = baseline
        .filter(|_| !args.update_baseline)
        .into_iter()
        .chain(args.profile.as_deref())
        .chain(args.points.as_deref());
    prepare_outputs(args.reports.files().into_iter().chain([updated]), inputs)
}

fn suite_options(args: &ConformanceArgs, checks: &[Check]) -> Result<SuiteOptions, CommandError> {
    let declared = args.profile.as_deref().map(|path| read(path, profile::parse)).transpose()?.unwrap_or_default();
    let known = args.baseline.as_deref().map(|path| known_failures(path, args.update_baseline, checks)).transpose()?;
    let framing = match (args.server.framing, declared.get("framing").map(String::as_str)) {
        (FramingArg::Auto, Some("lf")) => FramingChoice::Lf,
        (FramingArg::Auto, Some("crlf")) => FramingChoice::CrLf,
        (FramingArg::Auto, Some("raw")) => FramingChoice::Raw,
        (typed, _) => typed.into(),
    };
    Ok(SuiteOptions {
        suite: "conformance".to_owned(),
        framing,
        timeout: args.server.timeout,
        seed: args.seed.unwrap_or_else(SuiteOptions::random_seed),
        strict: args.strict,
        print: Some(print::result),
        floods: !args.only.is_empty(),
        profile: declared,
        baseline: known.unwrap_or_default(),
        points: args.points.as_deref().map(|path| read(path, |text| points::parse(text, checks))).transpose()?,
        rerun: rerun_options(args),
    })
}

/// Returns the options that a repetition of a check needs, besides its id and the seed.
fn rerun_options(args: &ConformanceArgs) -> Vec<String> {
    let mut options = RerunOptions::new(args.server.target.as_deref(), args.server.spawn.as_deref());
    options.framing(Some(args.server.framing)).timeout(args.server.timeout).profile(args.profile.as_deref());
    options.start_timeout(args.server.start_timeout);
    options.value("--jobs", args.jobs.map(|jobs| jobs.to_string()));
    let baseline = args.baseline.as_deref().filter(|_| !args.update_baseline);
    options.value("--baseline", baseline.map(|path| path.display().to_string()));
    options.flag("--strict", args.strict);
    options.finish()
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::usage(format!("cannot read {}: {error}", path.display())))?;
    parse(&text).map_err(|message| CommandError::usage(format!("{}: {message}", path.display())))
}

/// Reads the known failures. There are none if the baseline is about to be written.
fn known_failures(path: &Path, update: bool, checks: &[Check]) -> Result<BTreeMap<String, String>, CommandError> {
    if update {
        return Ok(BTreeMap::new());
    }
    let expected = read(path, baseline::parse)?;
    match expected.keys().find(|id| !checks.iter().any(|check| check.case.id == **id)) {
        Some(id) => Err(CommandError::usage(format!("{}: {}", path.display(), select::unknown(checks, id)))),
        None => Ok(expected),
    }
}
