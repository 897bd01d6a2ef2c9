//! Everything that a run leaves behind, for the judge and the reports: plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use mychat_os::proc::Process;

use crate::plan::Nanos;
use crate::reconcile::Reconciliation;
use crate::reconcile::ShardExchange;
use crate::record::example::Examples;
use crate::record::packed::PackedLatency;
use crate::record::recorder::{Latency, Recorder};
use crate::record::session::UserSession;
use mychat_target::sample::ServerUse;

/// Everything that was seen.
#[derive(Debug)]
pub struct Observations {
    /// All samples and counts.
    pub recorder: Recorder,
    /// The run second by second.
    pub timeline: Vec<Slice>,
    /// All visits of all users.
    pub visits: Vec<UserSession>,
    /// What was owed and never came.
    pub reconciliation: Reconciliation,
    /// The first violations, losses aside.
    pub examples: Examples,
    /// For how long connections did not take what was to be sent, summed up.
    pub blocked: Nanos,
    /// The latest that anything was done after its time.
    pub stall: Nanos,
    /// How long what became readable waited for its turn to be read.
    pub read_lag: Latency,
    /// The most bytes that a connection was found to hold unread.
    pub unread: u64,
    /// ERROR frames that no action wants, by code.
    pub errors: BTreeMap<String, u64>,
    /// The condition of `abort_if` that ended the run, by its index.
    pub aborted: Option<usize>,
    /// Whether somebody asked to stop.
    pub interrupted: bool,
    /// From the first connection to the end of the drain.
    pub length: Nanos,
    /// Of the whole process.
    pub generator: Generator,
    /// Of the server, where it runs on this machine.
    pub server: Option<ServerUse>,
    /// Cases of the scenario that failed, before the load.
    pub cases_failed: u64,
    /// What other machines need to know, where several share the plan.
    pub share: Option<ShardExchange>,
}

/// What the generator itself used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generator {
    /// CPU time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Those of them that went into waiting awake for what was about to be due.
    pub busy_wait_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// Worker threads.
    pub threads: u32,
}

/// One line of the timeline.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Its end, since the run began.
    pub at: Nanos,
    /// The stage at its middle; `None` while users join.
    pub stage: Option<usize>,
    /// Users online at its end.
    pub connected: u64,
    /// Messages handed over in it.
    pub sent: u64,
    /// First copies that arrived in it.
    pub delivered: u64,
    /// Errors that no action wanted.
    pub errors: u64,
    /// Latencies of what arrived in it.
    pub delivery: PackedLatency,
    /// Lateness of what was sent in it.
    pub lateness: PackedLatency,
}

impl Observations {
    /// One interval alone, for conditions that are looked at while a run goes on.
    pub fn of_interval(recorder: Recorder) -> Self {
        Self {
            recorder,
            timeline: Vec::new(),
            visits: Vec::new(),
            reconciliation: Reconciliation::default(),
            examples: Examples::default(),
            blocked: 0,
            stall: 0,
            read_lag: Latency::default(),
            unread: 0,
            errors: BTreeMap::new(),
            aborted: None,
            interrupted: false,
            length: 0,
            generator: Generator { cpu_seconds: 0.0, busy_wait_seconds: 0.0, rss_peak: 0, threads: 0 },
            server: None,
            cases_failed: 0,
            share: None,
        }
    }
}

/// What this process used so far. On systems that do not tell, zeros.
pub(super) fn usage(threads: u32, awake: Duration) -> Generator {
    let peak = Process::Current.status().and_then(|status| status.resident_peak);
    Generator {
        cpu_seconds: cpu_seconds(),
        busy_wait_seconds: awake.as_secs_f64(),
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
