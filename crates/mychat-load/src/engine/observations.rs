//! Everything that a run leaves behind, for the judge and the events: plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use mychat_os::proc::Process;

use crate::plan::{Nanos, Plan, RunTime, StageId};
use crate::reconcile::Reconciliation;
use crate::reconcile::ShardExchange;
use crate::record::example::Examples;
use crate::record::failed_login::FailedLogin;
use crate::record::local_failures::LocalFailures;
use crate::record::packed::PackedLatency;
use crate::record::receive_figures::ReceiveFigures;
use crate::record::recorder::{Latency, Recorder};
use crate::record::session::UserSession;
use mychat_target::ProcessEnd;
use mychat_target::sample::ServerUse;

/// Everything that was observed in a run.
#[derive(Debug)]
pub struct Observations {
    /// All samples and counts.
    pub recorder: Recorder,
    /// The run, interval by interval.
    pub timeline: Vec<TimelineSlice>,
    /// All sessions of all users.
    pub sessions: Vec<UserSession>,
    /// Logins that failed for good, by due time.
    pub failed_logins: Vec<FailedLogin>,
    /// Signs that the server survived the run. The caller of the engine looks for them.
    pub liveness: Liveness,
    /// Deliveries that were owed, and those that never came.
    pub reconciliation: Reconciliation,
    /// The first violations of each kind, except losses.
    pub examples: Examples,
    /// Time for which connections refused bytes, summed over all connections.
    pub blocked: Nanos,
    /// Longest delay of a timer.
    pub stall: Nanos,
    /// Time for which readable sockets waited to be read.
    pub receive_lag: Latency,
    /// Upper limits of the time by which arrivals were recorded too late, because one read returned several segments. One of a
    /// few reads is observed; each of its deliveries is a sample.
    pub arrival_error: Latency,
    /// The clock of arrivals and the state of the receive buffers.
    pub receive: ReceiveFigures,
    /// `ERROR` frames that no action asks for, by code.
    pub errors: BTreeMap<String, u64>,
    /// Connections that this machine could not make.
    pub local_failures: LocalFailures,
    /// Index of the `abort_if` condition that ended the run.
    pub aborted: Option<usize>,
    /// True if the run was interrupted from outside.
    pub interrupted: bool,
    /// End of the run, after the drain.
    pub end: RunTime,
    /// Resources that the generator used.
    pub generator: GeneratorUsage,
    /// Resources that the server used, if it runs on this machine.
    pub server: Option<ServerUse>,
    /// Number of the scenario's cases that failed before the load.
    pub cases_failed: u64,
    /// Figures for the other shards, if the run is one of several.
    pub share: Option<ShardExchange>,
}

/// Signs that the server survived the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Liveness {
    /// End of the server's process, if it is watched and ended before the run did.
    pub process_end: Option<ProcessEnd>,
    /// Reason for which a new user was not let in after the load; `None` if one was, or if none tried.
    pub newcomer_failure: Option<String>,
}

/// Resources that the generator's process used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GeneratorUsage {
    /// Processor time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// The part of it that was spent spinning, in seconds.
    pub busy_wait_seconds: f64,
    /// Peak resident memory, in bytes.
    pub rss_peak: u64,
    /// Number of worker threads.
    pub threads: u32,
}

/// The part of a run that an interval lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelinePart {
    /// Users log in; the load has not begun.
    Join,
    /// A stage of the load.
    Stage(StageId),
    /// The load is over; messages in flight still arrive.
    Drain,
}

impl TimelinePart {
    /// Returns the name in reports: that of the stage, `join` or `drain`.
    pub fn name(self, plan: &Plan) -> &str {
        match self {
            Self::Join => "join",
            Self::Stage(stage) => plan.stages.get(stage.index()).map_or("load", |stage| &stage.name),
            Self::Drain => "drain",
        }
    }
}

/// One interval of the timeline.
#[derive(Debug, Clone)]
pub struct TimelineSlice {
    /// End of the interval.
    pub at: RunTime,
    /// Part of the run that the interval lies in.
    pub part: TimelinePart,
    /// Users online at the end.
    pub connected: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that arrived in the interval, whenever they were due; duplicates do not count.
    pub delivered: u64,
    /// Errors that no action asked for.
    pub errors: u64,
    /// Latencies of the messages delivered.
    pub delivery: PackedLatency,
    /// Lateness of the messages sent.
    pub lateness: PackedLatency,
}

impl Observations {
    /// The observations of a single interval, for conditions that are evaluated while the run goes on.
    pub fn of_interval(recorder: Recorder) -> Self {
        Self {
            recorder,
            timeline: Vec::new(),
            sessions: Vec::new(),
            failed_logins: Vec::new(),
            liveness: Liveness::default(),
            reconciliation: Reconciliation::default(),
            examples: Examples::default(),
            blocked: 0,
            stall: 0,
            receive_lag: Latency::default(),
            arrival_error: Latency::default(),
            receive: ReceiveFigures::default(),
            errors: BTreeMap::new(),
            local_failures: LocalFailures::default(),
            aborted: None,
            interrupted: false,
            end: RunTime::ZERO,
            generator: GeneratorUsage::default(),
            server: None,
            cases_failed: 0,
            share: None,
        }
    }
}

/// Returns what this process has used so far; zeros on systems that do not report it.
pub(super) fn usage(threads: u32, busy_wait: Duration) -> GeneratorUsage {
    let peak = Process::Current.status().and_then(|status| status.resident_peak);
    GeneratorUsage {
        cpu_seconds: cpu_seconds(),
        busy_wait_seconds: busy_wait.as_secs_f64(),
        rss_peak: peak.unwrap_or(0),
        threads,
    }
}

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    0.0
}
