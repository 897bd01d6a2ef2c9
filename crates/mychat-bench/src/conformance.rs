//! `conformance` and `probe`, and the cases of any file: a server held against checks, and written down.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, atomic::AtomicU64};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::sync::Notify;

use crate::cli;
use crate::exit::Exit;
use crate::report::conformance::result::{About, ConformanceResult};
use crate::report::conformance::{self as report, terminal};
use crate::report::result::TargetInfo;
use crate::scenario::model::FramingChoice;
use crate::script::Surroundings;
use crate::script::monitor::Monitors;
use crate::suite::{self, Check, Event, Options, baseline, select};
use crate::target::probe::{self, Found, Profile, profile};
use crate::target::spawn::Watch;
use crate::{out, signal};

mod files;
mod under_test;

pub(crate) use files::write;
pub(crate) use under_test::UnderTest;

/// Longer than any check takes that goes on.
const LONGEST: Duration = Duration::from_secs(30);

/// What is asked of a run of checks, whichever command asked.
pub(crate) struct Asked {
    pub(crate) suite: String,
    pub(crate) framing: FramingChoice,
    pub(crate) timeout: Duration,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    /// Where the lines about the checks go while they are played, if anywhere.
    pub(crate) tell: Option<fn(&str)>,
    pub(crate) floods: bool,
    pub(crate) profile: std::collections::BTreeMap<String, String>,
    pub(crate) baseline: std::collections::BTreeMap<String, String>,
}

/// `conformance`.
pub(crate) async fn conformance(args: cli::Conformance) -> anyhow::Result<Exit> {
    let checks = suite::catalogue();
    if args.list {
        out::print(&list(&checks));
        return Ok(Exit::Held);
    }
    if let Some(id) = &args.explain {
        return Ok(explain(&checks, id));
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
    let framing = match (args.framing, declared.get("framing").map(String::as_str)) {
        (cli::FramingArg::Auto, Some("lf")) => FramingChoice::Lf,
        (cli::FramingArg::Auto, Some("crlf")) => FramingChoice::CrLf,
        (cli::FramingArg::Auto, Some("raw")) => FramingChoice::Raw,
        (asked, _) => asked.into(),
    };
    let asked = Asked {
        suite: "conformance".to_owned(),
        framing,
        timeout: args.timeout,
        seed: args.seed.unwrap_or_else(|| u64::from(rand::rng().random::<u16>())),
        strict: args.strict,
        tell: Some(out::print),
        floods: !args.only.is_empty(),
        profile: declared,
        baseline: expected,
    };
    let jobs = args.jobs.map_or(1, |jobs| jobs.get() as usize);
    let tested = match UnderTest::start(args.target.as_deref(), args.spawn.as_deref(), jobs).await {
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
    if args.update_baseline
        && let Some(path) = &args.baseline
    {
        return Ok(match std::fs::write(path, baseline::write(&result.checks)) {
            Ok(()) => Exit::Held,
            Err(error) => {
                out::complain(&format!("error: cannot write {}: {error}\n", path.display()));
                Exit::CouldNotRun
            }
        });
    }
    Ok(write(&result, &args.reports))
}

/// The cases of a scenario file, as `run` plays them before the load; or how the tool ends without having played them.
pub(crate) async fn cases(
    args: &cli::Run,
    loaded: &crate::scenario::Loaded,
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
        timeout: scenario.timeout,
        seed: args.seed.or(scenario.seed).unwrap_or_else(|| u64::from(rand::rng().random::<u16>())),
        strict: false,
        tell,
        floods: true,
        profile: std::collections::BTreeMap::new(),
        baseline: std::collections::BTreeMap::new(),
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
    let nonce = crate::script::cast::nonce(asked.seed ^ u64::from(std::process::id()));
    let found = probe::framing(tested.address, asked.framing, asked.timeout, &nonce).await;
    let notes = notes(&found, checks);
    let tell = |text: &str| asked.tell.iter().for_each(|tell| tell(text));
    tell(&terminal::head(&tested.name, &notes));
    let cases = Arc::new(AtomicU64::new(0));
    let monitors = Monitors::default();
    let around = |address: SocketAddr, watch: Option<Watch>| Surroundings {
        target: address,
        manner: found.manner,
        patience: asked.timeout,
        longest: LONGEST,
        seed: asked.seed,
        cases: Arc::clone(&cases),
        monitors: monitors.clone(),
        declared: Arc::new(asked.profile.clone()),
        listless: Arc::new(AtomicBool::new(false)),
        watch,
    };
    let instances = tested.instances().into_iter().map(|(address, watch)| around(address, watch)).collect();
    let options =
        Options { instances, may_flood: tested.address.ip().is_loopback() || asked.floods, stop: Arc::clone(stop) };
    let mut told = |event: Event<'_>| {
        let Event::Done(outcome) = event;
        tell(&terminal::line(outcome));
    };
    let mut outcomes = suite::run(checks, &options, &mut told).await;
    baseline::apply(&mut outcomes, &asked.baseline);
    let interrupted = outcomes.iter().any(|outcome| outcome.reason.as_deref() == Some("the run was interrupted"));
    let about = About {
        suite: asked.suite.clone(),
        target: TargetInfo {
            address: tested.name.clone(),
            framing: found.framing.to_owned(),
            spawned: tested.is_spawned(),
            command: tested.command.clone(),
        },
        profile: in_force(&found, &asked.profile),
        notes,
        seed: asked.seed,
        started: began,
        seconds: started.elapsed().as_secs_f64(),
        strict: asked.strict,
        interrupted,
    };
    let result = report::build(outcomes, about);
    tell(&terminal::summary(&result));
    result
}

fn in_force(found: &Found, declared: &std::collections::BTreeMap<String, String>) -> Profile {
    let mut values = declared.clone();
    values.insert("framing".to_owned(), found.framing.to_owned());
    let observed = [("framing".to_owned(), found.seen.clone())].into();
    Profile { values, declared: declared.keys().cloned().collect(), observed }
}

/// What the framing means for this run, for somebody who has never thought about it.
fn notes(found: &Found, checks: &[&Check]) -> Vec<String> {
    use crate::scenario::model::Need;
    let needing = checks.iter().filter(|check| check.case.needs.contains(&Need::Terminator)).count();
    if found.framing == "raw" && !found.asked {
        return vec![
            "framing  raw: your server ends no message. The text names no terminator, so this is allowed.".to_owned(),
            format!(
                "         {needing} checks that need one are skipped. TCP may join your messages: --explain frame.raw-coalesced shows it."
            ),
            "         To fix: send \"\\n\" after each message, and read up to \"\\n\".".to_owned(),
        ];
    }
    if found.ends_nothing {
        return vec![
            "framing  lf, but your server ends none of its own messages: they cannot be told apart when two arrive at once.".to_owned(),
            "         The checks go on and cut them where the next command starts; frame.out-terminated reports it.".to_owned(),
            "         To fix: send \"\\n\" after each message.".to_owned(),
        ];
    }
    if found.answers_unterminated {
        return vec![
            "framing  lf: your server answered a CONNECT whose line end had not been sent yet.".to_owned(),
            "         It takes whatever one recv returns as one message; TCP may cut messages anywhere, and join them."
                .to_owned(),
            "         To fix: keep what recv returns in a buffer, and take messages out of it up to each \"\\n\"."
                .to_owned(),
        ];
    }
    vec![format!("framing  {} ({})", found.framing, found.seen)]
}

fn list(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { case, .. } in checks {
        let sources: Vec<&str> = case.spec.iter().chain(&case.rule).map(String::as_str).collect();
        let level = crate::script::outcome::level_name(case.level);
        let _ = writeln!(text, "{:<28} {level:<6} {:<12} {}", case.id, sources.join(","), case.title);
    }
    text
}

fn explain(checks: &[Check], id: &str) -> Exit {
    let Some(check) = checks.iter().find(|check| check.case.id == id) else {
        out::complain(&format!("error: {}\n", select::unknown(checks, id)));
        return Exit::Usage;
    };
    let mut text = format!("{}: {}\n", check.case.id, check.case.title);
    for source in check.case.spec.iter().chain(&check.case.rule) {
        if let Some(words) = suite::statements::text(source) {
            let _ = writeln!(text, "  {source}: {words}");
        }
    }
    if let Some(likely) = &check.case.likely {
        let _ = writeln!(text, "  A failure usually means: {likely}");
    }
    let _ = write!(text, "\nscenarios/conformance/{}, line {}:\n{}\n", check.file, check.case.line, check.text);
    out::print(&text);
    Exit::Held
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&text).map_err(|message| format!("{}: {message}", path.display()))
}

fn known(path: &Path, update: bool, checks: &[Check]) -> Result<std::collections::BTreeMap<String, String>, String> {
    if update {
        return Ok(std::collections::BTreeMap::new());
    }
    let expected = read(path, baseline::parse)?;
    match expected.keys().find(|id| !checks.iter().any(|check| check.case.id == **id)) {
        Some(id) => Err(format!("{}: {}", path.display(), select::unknown(checks, id))),
        None => Ok(expected),
    }
}

/// `probe`.
pub(crate) async fn probe(args: cli::Probe) -> anyhow::Result<Exit> {
    let tested = match UnderTest::start(args.target.as_deref(), args.spawn.as_deref(), 1).await {
        Ok(tested) => tested,
        Err((exit, message)) => {
            out::complain(&format!("error: {message}\n"));
            return Ok(exit);
        }
    };
    let seed = u64::from(rand::rng().random::<u16>());
    let nonce = crate::script::cast::nonce(seed);
    let found = probe::framing(tested.address, args.framing.into(), args.timeout, &nonce).await;
    let around = Surroundings {
        target: tested.address,
        manner: found.manner,
        patience: args.timeout,
        longest: LONGEST,
        seed,
        cases: Arc::new(AtomicU64::new(0)),
        monitors: Monitors::default(),
        declared: Arc::default(),
        listless: Arc::new(AtomicBool::new(false)),
        watch: None,
    };
    let observed = profile::observe(&around, &found).await;
    tested.stop().await;
    let mut text = String::new();
    for (key, _) in profile::KEYS {
        match (observed.values.get(key), observed.observed.get(key)) {
            (Some(value), Some(words)) => {
                let _ = writeln!(text, "{:<40} # {words}", format!("{key}: {value}"));
            }
            _ => {
                let _ = writeln!(text, "# {key}: not found out");
            }
        }
    }
    out::print(&text);
    if let Some(reason) = observed.observed.get("unanswered") {
        out::complain(&format!("warning: {reason}\n"));
    }
    if let Some(path) = &args.json {
        let whole = serde_json::json!({ "schema": "mychat-bench/probe@1", "target": tested.name, "profile": observed });
        if let Err(error) = std::fs::write(path, serde_json::to_string_pretty(&whole).unwrap_or_default()) {
            out::complain(&format!("error: cannot write {}: {error}\n", path.display()));
            return Ok(Exit::CouldNotRun);
        }
    }
    Ok(if observed.observed.contains_key("unanswered") { Exit::Inconclusive } else { Exit::Held })
}
