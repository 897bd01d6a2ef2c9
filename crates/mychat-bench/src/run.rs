//! `run`: the pipeline from a scenario file to a verdict.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use mychat_proto::Framing;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::cli;
use crate::drive::conduct::{Conduct, conduct};
use crate::drive::shared::Shared;
use crate::exit::Exit;
use crate::judge::{Alarm, judge};
use crate::observe::ledger::Reading;
use crate::plan::{self, Plan};
use crate::progress::{Progress, View, Watcher};
use crate::report::result::TargetInfo;
use crate::report::{self, Circumstances};
use crate::scenario::{self, Loaded};
use crate::target::{self, Reference, Target};
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
    let stop = Arc::new(Notify::new());
    signal::listen(Arc::clone(&stop))?;
    let plan = plan(&loaded, args.seed);
    if let Err(message) = descriptors(&plan) {
        out::complain(&format!("error: {message}\n"));
        return Ok(Exit::CouldNotRun);
    }

    let named = args.target.as_deref().or(loaded.scenario.target.as_deref());
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
    let threads = threads(args.threads, &target);
    let sources = sources(&args.source_ip, &target, plan.users.len());
    let shared = Arc::new(Shared::new(plan, Framing::Lf, threads, Reading::default()));
    let conducted = Conduct { address: target.address, sources, threads, interval: Duration::from_secs(1) };
    let mut watcher = Watcher {
        progress: Progress::new(if args.quiet { View::Quiet } else { View::Live }),
        alarm: Alarm::new(&shared.plan, conducted.interval),
    };
    let seen = conduct(Arc::clone(&shared), conducted, &mut watcher, &stop).await;
    watcher.progress.clear();
    let seen = seen?;
    if let Some(reference) = reference {
        reference.stop().await;
    }

    let judgement = judge(&shared.plan, &seen);
    let exit = judgement.exit;
    let result = report::build(&shared.plan, seen, judgement, how);
    out::print(&if args.quiet { report::terminal::line(&result) } else { report::terminal::summary(&result) });
    if let Some(path) = &args.json
        && let Err(error) = report::json::write(&result, path)
    {
        out::complain(&format!("error: cannot write {}: {error}\n", path.display()));
        return Ok(exit.max(Exit::CouldNotRun));
    }
    Ok(exit)
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
        },
        started: jiff::Timestamp::now().to_string(),
    }
}
