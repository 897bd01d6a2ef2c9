//! `run`: runs a scenario against a server.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::Notify;

use super::find_max;
use crate::args::{ClockArg, FramingArg, start_timeout, threads};
use crate::check_run::{CheckReports, RerunOptions, SuiteOptions, run_checks, write_reports};
use crate::error::{CommandError, ErrorKind};
use crate::load::{LoadOptions, LoadSession, RunRequest, SessionContext, check_rooms, preflight};
use crate::report_files::ReportFiles;
use crate::target::{LoadTarget, ProfileOptions, ServerChoice, ServerUnderTest};
use crate::telemetry::Telemetry;
use crate::terminal::progress::View;
use crate::terminal::{print, signal};
use mychat_conformance::suite::{self, Check};
use mychat_load::Exit;
use mychat_load::plan::Shard;
use mychat_report::model::RunResult;
use mychat_report::{ConformanceResult, terminal};
use mychat_scenario::Loaded;
use mychat_scenario::model::FramingChoice;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mychat-bench run scenarios/broadcast_storm.yaml
      starts the reference server on a free port and tests it
  mychat-bench run scenarios/classroom.yaml --target 127.0.0.1:5000
      tests a server that is already running
  mychat-bench run scenarios/smoke.yaml --json result.json --quiet
      prints one line, and writes everything to a file
  mychat-bench run scenarios/classroom.yaml --spawn 'python3 server.py {port}' --out reports
      starts the server, watches its memory and CPU, and writes every kind of report
  mychat-bench run storm.yaml --target chat:5000 --shard 1/2 --json part1.json
      one of two machines that share the users; `mychat-bench merge` makes one report

Where values come from: an option, else the file, else the default. \
Without --seed, a random seed is drawn and printed.

Every run also expects that the server stays up, that everybody is let in and that nobody is disconnected. An expectation \
on `refused` or `disconnects` replaces the last two.

Exit codes: 0 all expectations hold, 1 the server failed, 2 wrong options or file, 3 could not run, \
4 inconclusive, 130 interrupted. If several apply: 130, 3, 1 for a count, 4, 1 for a latency.")]
pub(crate) struct RunArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The server under test; without it the file's own target, or else the reference server is started for the run
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) target: Option<String>,

    /// Start the server under test: a shell command with {port} in place of the port
    #[arg(long, value_name = "COMMAND", conflicts_with = "target")]
    pub(crate) spawn: Option<String>,

    /// Time for a server that --spawn starts to answer its first CONNECT
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = start_timeout)]
    pub(crate) start_timeout: Duration,

    /// Process id of a server on this machine, to watch its memory and CPU; a server that --spawn starts is
    /// always watched
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,

    /// Framing of messages [default: the file's, or detected]
    #[arg(long, value_enum)]
    pub(crate) framing: Option<FramingArg>,

    /// Readings that the server declares, as `mychat-bench probe` writes them [default: detected]
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Time to wait for a reply [default: the file's `timeout`, 2s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Seed of all random draws; the same seed plans the same actions for any server
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Worker threads [default: the cores, minus one if the server is on this machine]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroU32>,

    /// Drive one part of the users and leave the others to other machines: `1/3`, `2/3` and `3/3` of the same file, seed and
    /// target. The load begins once the server's lists show all users. `merge` combines the results. `job/3` takes the
    /// number from `JOB_COMPLETION_INDEX`, as a Kubernetes Indexed Job sets it
    #[arg(long, value_name = "I/N", default_value = "1/1", hide_default_value = true)]
    pub(crate) shard: Shard,

    /// Address to connect from; can be given several times, for use in turn [default: the system's choice, or on
    /// loopback as many of 127.0.0.x as the users need ports]
    #[arg(long, value_name = "IP")]
    pub(crate) source_ip: Vec<IpAddr>,

    /// Clock that says when a message arrived: the kernel's, where it has one, or the moment of the read
    #[arg(long, value_enum, default_value = "kernel")]
    pub(crate) clock: ClockArg,

    /// Length of an interval of the timeline
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,

    /// Print a line per interval on standard error instead of the live view
    #[arg(long, short, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// Print one line with the verdict, without live view and summary
    #[arg(long, short)]
    pub(crate) quiet: bool,

    // Last, because clap puts later options under the heading of these.
    #[command(flatten)]
    pub(crate) outputs: ReportFiles,
}

impl From<RunArgs> for RunRequest {
    fn from(args: RunArgs) -> Self {
        Self {
            file: args.file,
            server: ServerChoice {
                target: args.target,
                spawn: args.spawn,
                start_timeout: args.start_timeout,
                pid: args.pid,
            },
            profile: args.profile,
            framing: args.framing.map(FramingChoice::from),
            timeout: args.timeout,
            seed: args.seed,
            load: LoadOptions {
                threads: args.threads,
                shard: args.shard,
                arrivals: args.clock.into(),
                source_ips: args.source_ip,
                interval: args.interval,
            },
            view: View::of(args.quiet, args.verbose),
            reports: args.outputs,
        }
    }
}

/// Runs a scenario: its cases, then its load, then the reports.
pub(crate) async fn run(args: RunArgs) -> Result<Exit, CommandError> {
    let mut request = RunRequest::from(args);
    let loaded = mychat_scenario::load(&request.file)?;
    let inputs = [Some(request.file.as_path()), request.profile.as_deref()];
    request.reports = request.reports.prepared(inputs.into_iter().flatten())?;
    let stop = signal::stop_requests()?;
    let cases = Box::pin(run_cases(&request, &loaded, &stop)).await?;
    // A file that has only cases ends here, and so does a run with interrupted cases.
    if let Some(result) = &cases
        && (loaded.scenario.groups.is_empty() || result.exit_code == Exit::Interrupted.code())
    {
        if request.view == View::Quiet {
            print::result(&terminal::conformance::verdict_line(result));
        }
        return write_reports(result, &CheckReports::from(request.reports));
    }
    preflight::shard_is_possible(&request, &loaded)?;
    let options = ProfileOptions::read(&request, &loaded.scenario)?;
    let plan = preflight::plan(&request, &loaded);
    preflight::raise_descriptor_limit(&plan)?;
    let server = LoadTarget::start(&request.server, loaded.scenario.target.as_deref()).await?;
    let profile = server.profile(&options, plan.seed).await;
    profile.check_supports(&loaded.scenario)?;
    check_rooms(&loaded.scenario, server.target.address, profile.protocol).await?;
    let process = server.process(request.server.pid)?;
    let ndjson = request.reports.ndjson.take();
    let failed = cases.as_ref().map_or(0, ConformanceResult::failed);
    let session = LoadSession::new(
        &request,
        SessionContext { loaded: &loaded, server: &server, profile, process, cases_failed: failed, stop },
        plan.own_users() as usize,
    )?;
    let telemetry = Telemetry::new(session.process(), ndjson.as_deref())?;
    let result = match find_max::requested(&loaded.scenario) {
        Some(search) => find_max::find_max(&session, &plan, search, &telemetry).await?,
        None => session.run_plan(plan, telemetry, "").await?,
    };
    let lost = session.take_lost_output();
    server.stop().await;
    let result = match cases {
        Some(cases) => result.with_cases(cases.checks, Exit::from_code(cases.exit_code)),
        None => result,
    };
    finish(&result, &request, lost)
}

/// Prints the result and writes the reports.
fn finish(result: &RunResult, request: &RunRequest, lost: Option<anyhow::Error>) -> Result<Exit, CommandError> {
    let exit = Exit::from_code(result.exit_code);
    print::result(&if request.view == View::Quiet {
        terminal::run::line(result)
    } else {
        terminal::run::summary(result, print::columns())
    });
    let failures = request.reports.write(result).into_iter().map(anyhow::Error::from).chain(lost).collect();
    CommandError::check_outputs(ErrorKind::OutputLost(exit), failures)?;
    Ok(exit)
}

/// Runs the cases of a scenario before its load. If the run is sharded, only the first shard runs them.
async fn run_cases(
    request: &RunRequest,
    loaded: &Loaded,
    stop: &Arc<Notify>,
) -> Result<Option<ConformanceResult>, CommandError> {
    let scenario = &loaded.scenario;
    if scenario.cases.is_empty() || request.load.shard.index > 0 && !scenario.groups.is_empty() {
        return Ok(None);
    }
    let checks = suite::catalogue::of(&scenario.cases, &loaded.file, &loaded.text);
    let ServerChoice { target, spawn, start_timeout, .. } = &request.server;
    let named = target.as_deref().or(scenario.target.as_deref().filter(|_| spawn.is_none()));
    let server = ServerUnderTest::start(named, spawn.as_deref(), 1, *start_timeout).await?;
    let declared = ProfileOptions::read(request, scenario)?.into_declared();
    // For a file that has users too, the outcome is printed once, at the end of the run.
    let print: Option<fn(&str)> = match (scenario.groups.is_empty(), request.view) {
        (true, View::Live | View::Lines) => Some(print::result),
        (false, View::Lines) => Some(print::message),
        _ => None,
    };
    let options = SuiteOptions {
        suite: loaded.file.clone(),
        framing: request.framing.unwrap_or(scenario.framing),
        timeout: Some(request.timeout.unwrap_or(scenario.timeout)),
        seed: request.seed.or(scenario.seed).unwrap_or_else(SuiteOptions::random_seed),
        strict: false,
        print,
        floods: true,
        profile: declared,
        baseline: std::collections::BTreeMap::new(),
        points: None,
        rerun: rerun_options(request),
    };
    let selected: Vec<&Check> = checks.iter().collect();
    let result = Box::pin(run_checks(&selected, &server, &options, stop)).await;
    server.stop().await;
    Ok(Some(result))
}

/// Returns the options that a repetition of the cases needs, besides the file and the seed.
fn rerun_options(request: &RunRequest) -> Vec<String> {
    let mut options = RerunOptions::new(request.server.target.as_deref(), request.server.spawn.as_deref());
    let framing = request.framing.map(|framing| match framing {
        FramingChoice::Auto => FramingArg::Auto,
        FramingChoice::Lf => FramingArg::Lf,
        FramingChoice::CrLf => FramingArg::Crlf,
        FramingChoice::Raw => FramingArg::Raw,
    });
    options.framing(framing).timeout(request.timeout).profile(request.profile.as_deref());
    options.start_timeout(request.server.start_timeout);
    options.finish()
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&time) => Ok(time),
        _ => Err("expected a time from 100ms to 60s".to_owned()),
    }
}
