//! `conformance` and `probe`, and the cases of any file: a server held against checks, and written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::sync::Notify;

use crate::cli;
use crate::{out, signal};
use mychat_conformance::probe::{self as probing, FramingProbe, Profile, profile};
use mychat_conformance::suite::{self, Check, Event, Options, baseline, select};
use mychat_load::Exit;
use mychat_report::files::{check_writable, replace};
use mychat_report::model::TargetInfo;
use mychat_report::model::conformance::{ConformanceResult, SuiteRunInfo, build};
use mychat_report::terminal::conformance as terminal;
use mychat_scenario::model::FramingChoice;

mod files;
mod notes;
mod probe;
mod show;
mod under_test;

pub(crate) use files::write;
pub(crate) use probe::probe;
pub(crate) use under_test::UnderTest;

/// After this time a run gives up what has not been played.
const LONGEST_RUN: Duration = Duration::from_mins(10);
/// How long an answer may take where nobody said.
const PATIENCE: Duration = Duration::from_secs(2);
/// Checks wait more than they work, so that some at a time do no harm even on two cores.
const JOBS: usize = 4;

/// What is asked of a run of checks, whichever command asked.
pub(crate) struct Asked {
    pub(crate) suite: String,
    pub(crate) framing: FramingChoice,
    /// `None`: as long as seems right.
    pub(crate) timeout: Option<Duration>,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    /// Where the lines about the checks go while they are played, if anywhere.
    pub(crate) tell: Option<fn(&str)>,
    pub(crate) floods: bool,
    pub(crate) profile: BTreeMap<String, String>,
    pub(crate) baseline: BTreeMap<String, String>,
}

/// `conformance`.
pub(crate) async fn conformance(args: cli::Conformance) -> anyhow::Result<Exit> {
    let checks = suite::catalogue();
    if args.list {
        out::print(&show::list(&checks));
        return Ok(Exit::Success);
    }
    if let Some(id) = &args.explain {
        return Ok(show::explain(&checks, id));
    }
    let usage = |message: String| {
        out::complain(&format!("error: {message}\n"));
        Ok(Exit::Usage)
    };
    let selected = match select::select(&checks, &args.only, &args.skip) {
        Ok(selected) => selected,
        Err(message) => return usage(message),
    };
    let declared = match args.profile.as_deref().map(|path| read(path, profile::parse)).transpose() {
        Ok(declared) => declared.unwrap_or_default(),
        Err(message) => return usage(message),
    };
    let expected = match args.baseline.as_deref().map(|path| known(path, args.update_baseline, &checks)).transpose() {
        Ok(expected) => expected.unwrap_or_default(),
        Err(message) => return usage(message),
    };
    let framing = match (args.tested.framing, declared.get("framing").map(String::as_str)) {
        (cli::FramingArg::Auto, Some("lf")) => FramingChoice::Lf,
        (cli::FramingArg::Auto, Some("crlf")) => FramingChoice::CrLf,
        (cli::FramingArg::Auto, Some("raw")) => FramingChoice::Raw,
        (asked, _) => asked.into(),
    };
    let asked = Asked {
        suite: "conformance".to_owned(),
        framing,
        timeout: args.tested.timeout,
        seed: args.seed.unwrap_or_else(|| u64::from(rand::rng().random::<u16>())),
        strict: args.strict,
        tell: Some(out::print),
        floods: !args.only.is_empty(),
        profile: declared,
        baseline: expected,
    };
    args.reports.try_out()?;
    args.baseline.iter().filter(|_| args.update_baseline).try_for_each(|path| check_writable(path))?;
    let jobs = args.jobs.map_or(JOBS, |jobs| jobs.get() as usize).min(selected.len());
    let tested = match UnderTest::start(args.tested.target.as_deref(), args.tested.spawn.as_deref(), jobs).await {
        Ok(tested) => tested,
        Err((exit, message)) => {
            out::complain(&format!("error: {message}\n"));
            return Ok(exit);
        }
    };
    let stop = Arc::new(Notify::new());
    signal::listen(Arc::clone(&stop))?;
    let result = hold(&selected, &tested, &asked, &stop).await;
    tested.stop().await;
    let exit = write(&result, &args.reports);
    if args.update_baseline
        && let Some(path) = &args.baseline
    {
        replace(path, &baseline::write(&result.checks))?;
        return Ok(if exit == Exit::CouldNotRun { exit } else { Exit::Success });
    }
    Ok(exit)
}

/// The cases of a scenario file, as `run` plays them before the load; or how the tool ends without having played them.
pub(crate) async fn cases(
    args: &cli::Run,
    loaded: &mychat_scenario::Loaded,
    stop: &Arc<Notify>,
) -> Result<ConformanceResult, Exit> {
    let scenario = &loaded.scenario;
    let checks = suite::catalogue::of(&scenario.cases, &loaded.file, &loaded.text);
    let named = args.target.as_deref().or(scenario.target.as_deref().filter(|_| args.spawn.is_none()));
    let tested = match UnderTest::start(named, args.spawn.as_deref(), 1).await {
        Ok(tested) => tested,
        Err((exit, message)) => {
            out::complain(&format!("error: {message}\n"));
            return Err(exit);
        }
    };
    // What a file with users too came to is told once, at its end.
    let tell: Option<fn(&str)> = match (scenario.groups.is_empty(), args.quiet, args.verbose) {
        (true, false, _) => Some(out::print),
        (false, false, true) => Some(out::complain),
        _ => None,
    };
    let asked = Asked {
        suite: loaded.file.clone(),
        framing: args.framing.map_or(scenario.framing, FramingChoice::from),
        timeout: Some(scenario.timeout),
        seed: args.seed.or(scenario.seed).unwrap_or_else(|| u64::from(rand::rng().random::<u16>())),
        strict: false,
        tell,
        floods: true,
        profile: BTreeMap::new(),
        baseline: BTreeMap::new(),
    };
    let selected: Vec<&Check> = checks.iter().collect();
    let result = hold(&selected, &tested, &asked, stop).await;
    tested.stop().await;
    Ok(result)
}

/// Holds a server against checks, tells people about each, and draws the conclusions.
pub(crate) async fn hold(
    checks: &[&Check],
    tested: &UnderTest,
    asked: &Asked,
    stop: &Arc<Notify>,
) -> ConformanceResult {
    let started = Instant::now();
    let began = jiff::Timestamp::now().to_string();
    let patience = asked.timeout.unwrap_or(PATIENCE);
    let nonce = mychat_scenario::template::actor_names::nonce(asked.seed ^ u64::from(std::process::id()));
    let found = probing::probe_framing(tested.address, asked.framing, patience, &nonce).await;
    let notes = notes::notes(&found, checks);
    let tell = |text: &str| asked.tell.iter().for_each(|tell| tell(text));
    tell(&terminal::head(&tested.name, &notes));
    let options = Options {
        instances: tested.test_envs(&found, asked),
        may_flood: tested.address.ip().is_loopback() || asked.floods,
        max_duration: LONGEST_RUN,
        stop: Arc::clone(stop),
    };
    let width = terminal::width(checks.iter().map(|check| check.case.id.as_str()));
    let mut told = |event: Event<'_>| {
        let Event::Done(outcome) = event;
        let mut outcome = outcome.clone();
        baseline::apply(std::slice::from_mut(&mut outcome), &asked.baseline);
        tell(&terminal::line(&outcome, width));
    };
    let mut outcomes = suite::run(checks, &options, &mut told).await;
    baseline::apply(&mut outcomes, &asked.baseline);
    let interrupted = outcomes.iter().any(|outcome| outcome.reason.as_deref() == Some(suite::run::INTERRUPTED));
    let about = SuiteRunInfo {
        suite: asked.suite.clone(),
        target: TargetInfo {
            address: tested.name.clone(),
            framing: found.name.to_owned(),
            profile: None,
            spawned: tested.is_spawned(),
            command: tested.command.clone(),
        },
        profile: in_force(&found, &asked.profile),
        notes,
        seed: asked.seed,
        started: began,
        seconds: started.elapsed().as_secs_f64(),
        strict: asked.strict,
    };
    let result = build(outcomes, about, interrupted);
    tell(&terminal::summary(&result));
    result
}

fn in_force(found: &FramingProbe, declared: &BTreeMap<String, String>) -> Profile {
    let mut values = declared.clone();
    values.insert("framing".to_owned(), found.name.to_owned());
    let observed = [("framing".to_owned(), found.description.clone())].into();
    Profile { values, declared: declared.keys().cloned().collect(), observed }
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&text).map_err(|message| format!("{}: {message}", path.display()))
}

fn known(path: &Path, update: bool, checks: &[Check]) -> Result<BTreeMap<String, String>, String> {
    if update {
        return Ok(BTreeMap::new());
    }
    let expected = read(path, baseline::parse)?;
    match expected.keys().find(|id| !checks.iter().any(|check| check.case.id == **id)) {
        Some(id) => Err(format!("{}: {}", path.display(), select::unknown(checks, id))),
        None => Ok(expected),
    }
}
