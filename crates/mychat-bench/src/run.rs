//! `run`: the pipeline from a scenario file to a verdict.

use std::cell::Cell;
use std::net::{IpAddr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::conformance;
use crate::load_target::LoadTarget;
use crate::machine;
use crate::outputs::Outputs;
use crate::progress::{Progress, View, Watcher};
use crate::readings::{self, Readings};
use crate::telemetry::Telemetry;
use crate::{capacity, cli};
use crate::{out, signal};
use mychat_conformance::probe;
use mychat_load::Exit;
use mychat_load::engine::coordinator::{self, RunConfig};
use mychat_load::engine::shared::{ProtocolSettings, SharedState};
use mychat_load::plan::Plan;
use mychat_load::reconcile::DeliveryRules;
use mychat_load::verdict::{AbortMonitor, assess};
use mychat_report::ConformanceResult;
use mychat_report::RunInfo;
use mychat_report::model::{RunResult, TargetInfo};
use mychat_scenario::Loaded;
use mychat_scenario::model::{Pace, Verify};
use mychat_target::Target;
use mychat_target::sample::Sampler;

/// Descriptors that a run needs beside one a user.
const SPARE_DESCRIPTORS: u64 = 64;

/// Runs a scenario and tells how it ended.
pub(crate) async fn run(args: cli::Run) -> anyhow::Result<Exit> {
    let loaded = match mychat_scenario::load(&args.file) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            out::complain(&diagnostics.render(out::colours_on_stderr()));
            return Ok(Exit::Usage);
        }
    };
    let mut outputs = args.outputs.clone().resolved()?;
    outputs.try_out()?;
    let stop = Arc::new(Notify::new());
    signal::listen(Arc::clone(&stop))?;
    let cases = match played(&args, &loaded, &stop, &outputs).await {
        Ok(cases) => cases,
        Err(exit) => return Ok(exit),
    };
    if let Some(reason) = unshareable(&args, &loaded) {
        out::complain(&format!("error: {reason}\n"));
        return Ok(Exit::Usage);
    }
    let asked = match readings::Asked::new(&args, &loaded.scenario) {
        Ok(asked) => asked,
        Err(message) => {
            out::complain(&format!("error: {message}\n"));
            return Ok(Exit::Usage);
        }
    };
    let plan = plan(&loaded, args.seed).with_shard(args.shard);
    if let Err(message) = descriptors(&plan) {
        out::complain(&format!("error: {message}\n"));
        return Ok(Exit::CouldNotRun);
    }

    let server = match LoadTarget::find(&args, &loaded).await? {
        Ok(server) => server,
        Err((exit, message)) => {
            out::complain(&format!("error: {message}\n"));
            return Ok(exit);
        }
    };
    let target = server.target.clone();
    let readings = if server.is_reference() { asked.unseen() } else { asked.seen(target.address, plan.seed).await };
    if let Some(message) = readings.refusal(&loaded.scenario) {
        out::complain(&format!("error: {message}\n"));
        return Ok(Exit::Usage);
    }
    let how = circumstances(&args, &loaded, &target, &readings, server.is_reference());
    let process = server.process(args.pid);
    if args.pid.is_some() && process.as_ref().is_some_and(|process| process.sample().is_none()) {
        out::complain("error: the process of --pid cannot be watched: is it running on this machine?\n");
        return Ok(Exit::CouldNotRun);
    }
    if let Some(foreign) = args.source_ip.iter().find(|ip| UdpSocket::bind((**ip, 0)).is_err()) {
        out::complain(&format!("error: {foreign} of --source-ip is no address of this machine\n"));
        return Ok(Exit::CouldNotRun);
    }
    let sources = sources(&args.source_ip, &target, plan.own_users() as usize);
    let session = Session {
        threads: threads(args.threads, &target),
        protocol: readings.protocol,
        reading: readings.reading,
        sources,
        how,
        process,
        stop,
        quiet: args.quiet,
        cases_failed: cases.as_ref().map_or(0, ConformanceResult::failed),
        interval: args.interval,
        view: View::of(args.quiet, args.verbose),
        unwritten: Cell::new(false),
        target,
    };
    let telemetry = Telemetry::new(session.process.clone(), outputs.ndjson.take().as_deref())?;
    let result = match capacity::wanted(&loaded.scenario) {
        Some(search) => capacity::find(&session, &plan, search, &telemetry).await?,
        None => session.once(plan, telemetry, "").await?,
    };
    server.stop().await;
    let result = match cases {
        Some(played) => result.with_cases(played.checks, Exit::from_code(played.exit_code)),
        None => result,
    };
    let exit = Exit::from_code(result.exit_code);
    out::print(&if args.quiet {
        mychat_report::terminal::run::line(&result)
    } else {
        mychat_report::terminal::run::summary(&result)
    });
    if let Err(error) = outputs.write(&result) {
        out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
        return Ok(exit.or(Exit::CouldNotRun));
    }
    Ok(if session.unwritten.get() { exit.or(Exit::CouldNotRun) } else { exit })
}

/// The cases of a scenario that has any, before its load; or how the tool ends, where there is no load to come.
async fn played(
    args: &cli::Run,
    loaded: &Loaded,
    stop: &Arc<Notify>,
    outputs: &Outputs,
) -> Result<Option<ConformanceResult>, Exit> {
    let scenario = &loaded.scenario;
    // Of several machines the first one plays them.
    if scenario.cases.is_empty() || args.shard.index > 0 && !scenario.groups.is_empty() {
        return Ok(None);
    }
    let played = conformance::cases(args, loaded, stop).await?;
    // A file of cases alone is done here, and whoever stopped them does not want the load.
    if scenario.groups.is_empty() || played.exit_code == Exit::Interrupted.code() {
        return Err(conformance::write(&played, &outputs.clone().into()));
    }
    Ok(Some(played))
}

/// What stays the same when a scenario is run several times, as a search does.
pub(crate) struct Session {
    target: Target,
    threads: u32,
    protocol: ProtocolSettings,
    reading: DeliveryRules,
    sources: Arc<[IpAddr]>,
    how: RunInfo,
    process: Option<Sampler>,
    stop: Arc<Notify>,
    interval: Duration,
    view: View,
    pub(crate) quiet: bool,
    /// Cases of the file that failed before the load.
    cases_failed: u64,
    /// Whether lines of NDJSON were lost: the run goes on, and ends accordingly.
    unwritten: Cell<bool>,
}

impl Session {
    /// Runs a plan from the first connection to the verdict.
    pub(crate) async fn once(&self, plan: Plan, mut telemetry: Telemetry, title: &str) -> anyhow::Result<RunResult> {
        let shared = Arc::new(SharedState::new(plan, self.protocol, self.threads, self.reading));
        let conducted = RunConfig {
            address: self.target.address,
            sources: Arc::clone(&self.sources),
            threads: self.threads,
            interval: self.interval,
        };
        let mut watcher = Watcher {
            progress: Progress::new(self.view, title),
            abort_monitor: AbortMonitor::new(&shared.plan, conducted.interval),
            telemetry: &mut telemetry,
        };
        let seen = coordinator::run(Arc::clone(&shared), conducted, &mut watcher, &self.stop).await;
        watcher.progress.clear();
        let mut seen = seen?;
        seen.server = telemetry.finish(&seen.timeline);
        seen.cases_failed = self.cases_failed;
        let assessment = assess(&shared.plan, &seen);
        let mut result = mychat_report::build(&shared.plan, seen, assessment, self.how.clone());
        if let Err(error) = telemetry.complete(&mut result) {
            out::complain(&format!("error: {error:#}\n"));
            self.unwritten.set(true);
        }
        Ok(result)
    }
}

/// Why several machines cannot share a run, if they are to and cannot.
fn unshareable(args: &cli::Run, loaded: &Loaded) -> Option<String> {
    if !args.shard.is_part() {
        return None;
    }
    let scenario = &loaded.scenario;
    if mychat_load::plan::Workload::new(scenario).verify != Verify::Full {
        return Some("`--shard` needs full accounts, and these deliveries are only counted (`verify`)".to_owned());
    }
    let closed = scenario.groups.iter().find(|group| matches!(group.pace, Pace::Closed { .. }));
    if let Some(group) = closed {
        return Some(format!(
            "`--shard` cannot share out `{}`: `think` waits for deliveries that another machine sees",
            group.name
        ));
    }
    if capacity::wanted(scenario).is_some() {
        return Some(
            "`--shard` cannot share out `find_max`: its probes would have to agree on what comes next".to_owned(),
        );
    }
    if args.seed.or(scenario.seed).is_none() {
        return Some("`--shard` needs a seed, in the file or by --seed: all machines follow one plan".to_owned());
    }
    if args.target.is_none() && scenario.target.is_none() {
        return Some("`--shard` needs --target: all machines drive one server".to_owned());
    }
    None
}

fn plan(loaded: &Loaded, seed: Option<u64>) -> Plan {
    // Where nobody gives a seed one is drawn, and every report prints it.
    let seed = seed.or(loaded.scenario.seed).unwrap_or_else(|| u64::from(rand::rng().random::<u32>()));
    Plan::new(Arc::new(loaded.scenario.clone()), seed)
}

/// Makes room for a descriptor a user, or says what is missing.
fn descriptors(plan: &Plan) -> Result<(), String> {
    let needed = u64::from(plan.own_users()) + SPARE_DESCRIPTORS;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if needed <= limit {
        return Ok(());
    }
    Err(format!(
        "{} users need {needed} file descriptors, and this process may have {limit}: raise the hard limit \
         (`ulimit -Hn`), or run fewer users",
        plan.own_users()
    ))
}

/// A core is left to a server on this machine.
fn threads(asked: Option<NonZeroU32>, target: &Target) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let left = if target.address.ip().is_loopback() { cores.saturating_sub(1).max(1) } else { cores };
    asked.map_or(left, NonZeroU32::get)
}

/// Connections from one address to one server differ by their port alone, and a system gives out some 28,000 of those.
/// Half of that leaves room for connections that are over and not forgotten yet.
fn sources(asked: &[IpAddr], target: &Target, users: usize) -> Arc<[IpAddr]> {
    const EACH: usize = 14_000;
    let needed = users.div_ceil(EACH);
    match target.address.ip() {
        IpAddr::V4(ip) if asked.is_empty() && ip.is_loopback() && needed > 1 => {
            (1..=needed.min(254) as u8).map(|last| IpAddr::from([127, 0, 0, last])).collect()
        }
        _ => asked.into(),
    }
}

fn circumstances(args: &cli::Run, loaded: &Loaded, target: &Target, readings: &Readings, spawned: bool) -> RunInfo {
    let digest = Sha256::digest(loaded.text.as_bytes());
    RunInfo {
        file: args.file.display().to_string(),
        sha256: mychat_scenario::template::text::hexadecimal(&digest),
        target: TargetInfo {
            address: if target.name == target.address.to_string() {
                target.name.clone()
            } else {
                format!("{} ({})", target.name, target.address)
            },
            framing: probe::framing_name(readings.protocol.framing).to_owned(),
            profile: Some(readings.profile.clone()),
            spawned,
            command: args.spawn.clone(),
        },
        started: jiff::Timestamp::now().to_string(),
        text: loaded.text.clone(),
        machine: machine::describe(),
    }
}
