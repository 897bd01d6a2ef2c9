//! `run`: the pipeline from a scenario file to a verdict.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use mychat_proto::Framing;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::conformance;
use crate::drive::conduct::{Conduct, conduct};
use crate::drive::shared::Shared;
use crate::exit::Exit;
use crate::judge::{Alarm, judge};
use crate::machine;
use crate::observe::ledger::Reading;
use crate::plan::{self, Plan};
use crate::progress::{Progress, View, Watcher};
use crate::report::result::{RunResult, TargetInfo};
use crate::report::{self, Circumstances};
use crate::scenario::{self, Loaded};
use crate::target::sample::Sampler;
use crate::target::{self, Reference, Target};
use crate::telemetry::Telemetry;
use crate::{capacity, cli};
use crate::{out, signal};

/// Descriptors that a run needs beside one a user.
const SPARE_DESCRIPTORS: u64 = 64;

/// Runs a scenario and tells how it ended.
pub(crate) async fn run(args: cli::Run) -> anyhow::Result<Exit> {
    let loaded = match scenario::load(&args.file) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            out::complain(&diagnostics.render(out::colours_on_stderr()));
            return Ok(Exit::Usage);
        }
    };
    let mut outputs = args.outputs.clone().resolved()?;
    let stop = Arc::new(Notify::new());
    signal::listen(Arc::clone(&stop))?;
    let cases = if loaded.scenario.cases.is_empty() {
        None
    } else {
        let exit = conformance::cases(&args, &loaded, &stop).await?;
        // A file of cases alone is done here; whoever stops it, or cannot reach anybody, does not want the load.
        if loaded.scenario.groups.is_empty() || matches!(exit, Exit::Interrupted | Exit::CouldNotRun | Exit::Usage) {
            return Ok(exit);
        }
        Some(exit)
    };
    if let Some(framing @ (cli::FramingArg::Crlf | cli::FramingArg::Raw)) = args.framing {
        let name = if framing == cli::FramingArg::Raw { "raw" } else { "crlf" };
        out::complain(&format!(
            "error: `--framing {name}` is not supported yet for the load of a scenario, for its cases alone\n"
        ));
        return Ok(Exit::Usage);
    }
    let plan = plan(&loaded, args.seed);
    if let Err(message) = descriptors(&plan) {
        out::complain(&format!("error: {message}\n"));
        return Ok(Exit::CouldNotRun);
    }

    let watch = match &args.spawn {
        None => None,
        Some(command) => match target::spawn::Watch::start(command).await {
            Ok(watch) => Some(watch),
            Err(error) => {
                out::complain(&format!("error: {error}\n"));
                return Ok(Exit::CouldNotRun);
            }
        },
    };
    let spawned = watch.as_ref().map(|watch| watch.address().to_string());
    let named = spawned.as_deref().or(args.target.as_deref()).or(loaded.scenario.target.as_deref());
    let reference = match named {
        Some(_) => None,
        None => Some(Reference::start().await?),
    };
    let name = named.or(reference.as_ref().map(Reference::address)).unwrap_or_default();
    let target = match target::reach(name).await {
        Ok(target) => target,
        Err(error) => {
            out::complain(&format!("error: {error}\n"));
            return Ok(if matches!(error, target::TargetError::Malformed(_)) {
                Exit::Usage
            } else {
                Exit::CouldNotRun
            });
        }
    };

    let how = circumstances(&args, &loaded, &target, reference.is_some());
    let pid = args.pid.or(reference.as_ref().and_then(Reference::pid));
    if args.pid.is_some_and(|pid| Sampler::new(pid).sample().is_none()) {
        out::complain("error: the process of --pid cannot be watched: is it running on this machine?\n");
        return Ok(Exit::CouldNotRun);
    }
    let sources = sources(&args.source_ip, &target, plan.users.len());
    let session = Session {
        threads: threads(args.threads, &target),
        sources,
        how,
        pid,
        stop,
        quiet: args.quiet,
        interval: args.interval,
        view: View::of(args.quiet, args.verbose),
        target,
    };
    let telemetry = Telemetry::new(pid, outputs.ndjson.take().as_deref())?;
    let result = match capacity::wanted(&loaded.scenario) {
        Some(search) => capacity::find(&session, &plan, search, telemetry).await?,
        None => session.once(plan, telemetry, "").await?,
    };
    if let Some(reference) = reference {
        reference.stop().await;
    }
    if let Some(watch) = watch {
        watch.stop().await;
    }
    let exit = cases.into_iter().fold(Exit::from_code(result.exit_code), worse);
    out::print(&if args.quiet { report::terminal::line(&result) } else { report::terminal::summary(&result) });
    if let Err(error) = outputs.write(&result) {
        out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
        return Ok(exit.max(Exit::CouldNotRun));
    }
    Ok(exit)
}

/// Of two ends the one that says more: interrupted, could not run, fell short, inconclusive.
fn worse(one: Exit, other: Exit) -> Exit {
    let order = [Exit::Interrupted, Exit::CouldNotRun, Exit::Usage, Exit::FellShort, Exit::Inconclusive];
    order.into_iter().find(|exit| one == *exit || other == *exit).unwrap_or(Exit::Held)
}

/// What stays the same when a scenario is run several times, as a search does.
pub(crate) struct Session {
    target: Target,
    threads: u32,
    sources: Arc<[IpAddr]>,
    how: Circumstances,
    pub(crate) pid: Option<u32>,
    stop: Arc<Notify>,
    interval: Duration,
    view: View,
    pub(crate) quiet: bool,
}

impl Session {
    /// Runs a plan from the first connection to the verdict.
    pub(crate) async fn once(&self, plan: Plan, mut telemetry: Telemetry, title: &str) -> anyhow::Result<RunResult> {
        let shared = Arc::new(Shared::new(plan, Framing::Lf, self.threads, Reading::default()));
        let conducted = Conduct {
            address: self.target.address,
            sources: Arc::clone(&self.sources),
            threads: self.threads,
            interval: self.interval,
        };
        let mut watcher = Watcher {
            progress: Progress::new(self.view, title),
            alarm: Alarm::new(&shared.plan, conducted.interval),
            telemetry: &mut telemetry,
        };
        let seen = conduct(Arc::clone(&shared), conducted, &mut watcher, &self.stop).await;
        watcher.progress.clear();
        let mut seen = seen?;
        seen.server = telemetry.finish(&seen.timeline);
        let judgement = judge(&shared.plan, &seen);
        let mut result = report::build(&shared.plan, seen, judgement, self.how.clone());
        telemetry.complete(&mut result)?;
        Ok(result)
    }
}

fn plan(loaded: &Loaded, seed: Option<u64>) -> Plan {
    // Where nobody gives a seed one is drawn, and every report prints it.
    let seed = seed.or(loaded.scenario.seed).unwrap_or_else(|| u64::from(rand::rng().random::<u32>()));
    Plan::new(Arc::new(loaded.scenario.clone()), seed)
}

/// Makes room for a descriptor a user, or says what is missing.
fn descriptors(plan: &Plan) -> Result<(), String> {
    let needed = plan.users.len() as u64 + SPARE_DESCRIPTORS;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    if needed <= limit {
        return Ok(());
    }
    Err(format!(
        "{} users need {needed} file descriptors, and this process may have {limit}: raise the hard limit \
         (`ulimit -Hn`), or run fewer users",
        plan.users.len()
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

fn circumstances(args: &cli::Run, loaded: &Loaded, target: &Target, spawned: bool) -> Circumstances {
    let digest = Sha256::digest(loaded.text.as_bytes());
    Circumstances {
        file: args.file.display().to_string(),
        sha256: plan::hexadecimal(&digest),
        target: TargetInfo {
            address: if target.name == target.address.to_string() {
                target.name.clone()
            } else {
                format!("{} ({})", target.name, target.address)
            },
            framing: "lf".to_owned(),
            spawned,
            command: args.spawn.clone(),
        },
        started: jiff::Timestamp::now().to_string(),
        text: loaded.text.clone(),
        machine: machine::describe(),
    }
}
