//! Runs of one scenario: a single one, or the probes of a search.

use std::cell::RefCell;
use std::net::{IpAddr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::RunRequest;
use super::newcomer::Newcomer;
use super::ports::{check_ports, source_addresses};
use crate::error::CommandError;
use crate::host_info;
use crate::target::{LoadProfile, LoadTarget, ProcessWatch};
use crate::telemetry::Telemetry;
use crate::terminal::progress::{LiveObserver, Progress, View};
use mychat_conformance::probe;
use mychat_load::engine::coordinator::{self, Liveness, Observations, RunConfig};
use mychat_load::engine::shared::{ProtocolSettings, SharedState};
use mychat_load::plan::Plan;
use mychat_load::reconcile::DeliveryRules;
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_load::record::recorder::Count;
use mychat_load::verdict::{AbortMonitor, assess};
use mychat_report::RunInfo;
use mychat_report::model::{RunResult, TargetInfo};
use mychat_scenario::Loaded;
use mychat_target::Target;
use mychat_target::sample::Sampler;

/// Outcome of the steps before the load.
pub(crate) struct SessionContext<'c> {
    pub(crate) loaded: &'c Loaded,
    pub(crate) server: &'c LoadTarget,
    pub(crate) profile: LoadProfile,
    /// Sampler of the server's process, if it is known.
    pub(crate) process: Option<Sampler>,
    /// Number of cases that failed before the load.
    pub(crate) cases_failed: u64,
    pub(crate) stop: Arc<Notify>,
}

/// Common data of the runs of one scenario.
pub(crate) struct LoadSession<'s> {
    server: &'s LoadTarget,
    threads: u32,
    protocol: ProtocolSettings,
    delivery_rules: DeliveryRules,
    sources: Arc<[IpAddr]>,
    arrivals: ArrivalSource,
    info: RunInfo,
    process: Option<Sampler>,
    stop: Arc<Notify>,
    interval: Duration,
    view: View,
    /// Number of cases that failed before the load.
    cases_failed: u64,
    /// First failure to write NDJSON. It does not stop a run.
    lost_output: RefCell<Option<anyhow::Error>>,
}

impl<'s> LoadSession<'s> {
    /// Creates the session for a plan with `users` users on this machine. Fails if a source address does not belong to
    /// this machine, or if the users need more ports than there are.
    pub(crate) fn new(request: &RunRequest, context: SessionContext<'s>, users: usize) -> Result<Self, CommandError> {
        let SessionContext { loaded, server, profile, process, cases_failed, stop } = context;
        let options = &request.load;
        if let Some(foreign) = options.source_ips.iter().find(|ip| UdpSocket::bind((**ip, 0)).is_err()) {
            return Err(CommandError::could_not_run(format!(
                "{foreign} of --source-ip is not an address of this machine"
            )));
        }
        let sources = source_addresses(&options.source_ips, server.target.address, users);
        check_ports(&sources, server.target.address, users)?;
        Ok(Self {
            info: run_info(request, loaded, server, &profile),
            sources,
            arrivals: options.arrivals,
            threads: worker_threads(options.threads, &server.target),
            server,
            protocol: profile.protocol,
            delivery_rules: profile.delivery_rules,
            process,
            stop,
            interval: options.interval,
            view: request.view,
            cases_failed,
            lost_output: RefCell::new(None),
        })
    }

    /// Returns the sampler of the server's process, if it is known.
    pub(crate) fn process(&self) -> Option<Sampler> {
        self.process.clone()
    }

    /// Returns true if nothing is printed during the session.
    pub(crate) fn is_quiet(&self) -> bool {
        self.view == View::Quiet
    }

    /// Takes the first failure to write NDJSON.
    pub(crate) fn take_lost_output(&self) -> Option<anyhow::Error> {
        self.lost_output.take()
    }

    /// Runs a plan from the first connection to the verdict.
    pub(crate) async fn run_plan(
        &self,
        plan: Plan,
        mut telemetry: Telemetry,
        title: &str,
    ) -> anyhow::Result<RunResult> {
        let shared = Arc::new(SharedState::new(plan, self.protocol, self.threads, self.delivery_rules));
        let config = RunConfig {
            address: self.server.target.address,
            sources: Arc::clone(&self.sources),
            arrivals: self.arrivals,
            threads: self.threads,
            interval: self.interval,
        };
        let mut observer = LiveObserver {
            progress: Progress::new(self.view, title),
            abort_monitor: AbortMonitor::new(&shared.plan),
            telemetry: &mut telemetry,
            process: ProcessWatch::new(self.server),
        };
        let outcome = coordinator::run(Arc::clone(&shared), config, &mut observer, &self.stop).await;
        observer.progress.clear();
        let process = observer.process;
        let mut observations = outcome?;
        observations.server = telemetry.finish(&observations.timeline);
        observations.liveness = self.liveness(process, &observations).await;
        observations.cases_failed = self.cases_failed;
        let assessment = assess(&shared.plan, &observations);
        let mut result = mychat_report::build(&shared.plan, observations, assessment, self.info.clone());
        if let Err(error) = telemetry.complete(&mut result) {
            self.lost_output.replace(Some(error));
        }
        Ok(result)
    }

    /// Looks for signs that the server survived the run: its process still runs, and a new user is let in.
    async fn liveness(&self, mut process: ProcessWatch<'_>, seen: &Observations) -> Liveness {
        let total = |count| seen.recorder.total(count, |_| true);
        process.observe();
        // Without a single user in the run, a newcomer would only say the same.
        let can_ask = !seen.interrupted && total(Count::Connected) > 0;
        let mut newcomer_failure = None;
        if can_ask && !process.has_ended() {
            let newcomer = Newcomer {
                address: self.server.target.address,
                source: self.sources.first().copied(),
                protocol: self.protocol,
            };
            newcomer_failure = tokio::select! {
                failure = newcomer.find_failure() => failure,
                () = self.stop.notified() => None,
            };
        }
        if newcomer_failure.is_some() || total(Count::Disconnects) + total(Count::Refused) > 0 {
            process.await_end().await;
        }
        Liveness { process_end: process.finish().await, newcomer_failure }
    }
}

/// Returns the number of worker threads. One core is left to a server on this machine.
fn worker_threads(requested: Option<NonZeroU32>, target: &Target) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let left = if target.address.ip().is_loopback() { cores.saturating_sub(1).max(1) } else { cores };
    requested.map_or(left, NonZeroU32::get)
}

fn run_info(request: &RunRequest, loaded: &Loaded, server: &LoadTarget, profile: &LoadProfile) -> RunInfo {
    let target = &server.target;
    let digest = Sha256::digest(loaded.text.as_bytes());
    RunInfo {
        file: request.file.display().to_string(),
        sha256: mychat_scenario::template::text::hexadecimal(&digest),
        target: TargetInfo {
            address: if target.name == target.address.to_string() {
                target.name.clone()
            } else {
                format!("{} ({})", target.name, target.address)
            },
            framing: probe::framing_name(profile.protocol.framing).to_owned(),
            profile: Some(profile.profile.clone()),
            spawned: server.is_reference(),
            command: request.server.spawn.clone(),
        },
        started: jiff::Timestamp::now().to_string(),
        text: loaded.text.clone(),
        machine: host_info::describe(),
    }
}
