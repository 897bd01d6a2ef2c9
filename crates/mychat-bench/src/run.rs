//! `run`: the pipeline from a scenario file to a verdict.

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
use crate::judge::judge;
use crate::machine;
use crate::observe::ledger::Reading;
use crate::plan::{self, Plan};
use crate::progress::{Progress, View};
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
    let outputs = args.outputs.clone().resolved()?;
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
    let shared = Arc::new(Shared::new(plan, Framing::Lf));
    let conducted = Conduct {
        address: target.address,
        threads: threads(args.threads, &target),
        interval: Duration::from_secs(1),
        reading: Reading::default(),
    };
    let mut progress = Progress::new(if args.quiet { View::Quiet } else { View::Live });
    let seen = conduct(Arc::clone(&shared), conducted, &mut progress, &stop).await;
    progress.clear();
    let seen = seen?;
    if let Some(reference) = reference {
        reference.stop().await;
    }

    let judgement = judge(&shared.plan, &seen);
    let exit = judgement.exit;
    let result = report::build(&shared.plan, seen, judgement, how);
    out::print(&if args.quiet { report::terminal::line(&result) } else { report::terminal::summary(&result) });
    if let Err(error) = outputs.write(&result) {
        out::complain(&format!("error: {:#}\n", anyhow::Error::from(error)));
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
        text: loaded.text.clone(),
        machine: machine::describe(),
    }
}
