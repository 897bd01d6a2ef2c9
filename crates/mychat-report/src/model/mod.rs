//! Result of a run: the content of `--json` and the source of all other formats.

mod build;
mod capacity;
pub(crate) mod run_cases;
pub mod conformance;
mod counts;
pub mod histogram;
mod latency;
pub mod points;
mod shard;
mod unit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use mychat_conformance::{Outcome, Status};
use mychat_load::Exit;
use mychat_load::record::example::Example;
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_scenario::model::Verify;

pub use build::{RunInfo, build, timeline_point};
pub use capacity::{Capacity, CapacityProbe, SearchPhase};
pub use counts::Counts;
pub use latency::{LatencyBlock, LatencyBreakdown, LatencyResult};
pub use shard::{MissingDeliveries, ShardInfo, UnsentMessages};
pub use unit::MeasuredUnit;

pub use mychat_target::ProcessEnd;
pub use mychat_target::sample::ServerUse as ServerInfo;

/// Value of [`RunResult::schema`].
pub const SCHEMA: &str = "mychat-bench/run@1";

/// Result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Schema of the result: [`SCHEMA`].
    pub schema: String,
    /// Tool that wrote the result.
    pub tool: ToolInfo,
    /// Scenario of the run.
    pub scenario: ScenarioInfo,
    /// Server under test.
    pub target: TargetInfo,
    /// Start of the run, RFC 3339.
    pub started: String,
    /// Duration in seconds, from the first connection to the end of the drain.
    pub seconds: f64,
    /// Verdict on the server.
    pub verdict: Verdict,
    /// Exit code of the tool.
    pub exit_code: u8,
    /// Validity of the latencies.
    pub validity: Validity,
    /// Reasons for a reduced validity.
    pub validity_reasons: Vec<String>,
    /// Expectations with their verdicts.
    pub expectations: Vec<ExpectationResult>,
    /// Outcomes of the scenario's cases with their transcripts, as in a conformance result.
    #[serde(default)]
    pub cases: Vec<Outcome>,
    /// Latencies by metric.
    pub latency: BTreeMap<String, LatencyBlock>,
    /// Counts of the whole run.
    pub counts: Counts,
    /// First violations of each kind.
    pub examples: Vec<Example>,
    /// Intervals of the run.
    pub timeline: Vec<TimelinePoint>,
    /// Outcome of a search for the highest rate. The other fields then describe the probe that confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Deliveries to reconcile with other shards, if the run is a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardInfo>,
    /// Number of complete runs that `merge` added up; absent if they were shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_runs: Option<u64>,
    /// Resources of the server process, if it runs on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerInfo>,
    /// End of the server process, if it is watched and ended before the run did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_end: Option<ProcessEnd>,
    /// Resources of the load generator.
    pub generator: GeneratorInfo,
    /// Users that lost deliveries, most losses first.
    #[serde(default, rename = "losers")]
    pub lost_by_user: Vec<UserLosses>,
}

/// Messages per second within a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Throughput {
    /// Messages sent per second.
    pub sent: f64,
    /// First copies that arrived per second.
    pub delivered: f64,
}

/// User that did not receive owed messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLosses {
    /// Name of the user.
    pub user: String,
    /// Number of lost deliveries.
    pub lost: u64,
}

impl RunResult {
    /// Adds the outcomes of the scenario's cases, which ran before the load and ended with `exit`.
    #[must_use]
    pub fn with_cases(mut self, cases: Vec<Outcome>, exit: Exit) -> Self {
        let both = Exit::from_code(self.exit_code).or(exit);
        self.exit_code = both.code();
        self.verdict = Verdict::of(both).unwrap_or(self.verdict);
        self.cases = cases;
        self
    }

    /// Returns the number of cases with the given status.
    pub fn cases_that(&self, status: Status) -> usize {
        self.cases.iter().filter(|case| case.status == status).count()
    }
}

impl RunResult {
    /// Returns the messages sent and the arrivals within a stage, per second of its length. `None` if the run did not reach
    /// the stage. What was due in the stage and arrived after it does not count: it would hide an overloaded server.
    pub fn throughput(&self, stage: &str) -> Option<Throughput> {
        let starts = std::iter::once(0.0).chain(self.timeline.iter().map(|point| point.t));
        let of_stage = || self.timeline.iter().zip(starts.clone()).filter(|(point, _)| point.stage == stage);
        let seconds: f64 = of_stage().map(|(point, start)| point.t - start).sum();
        let rate =
            |count: fn(&TimelinePoint) -> u64| of_stage().map(|(point, _)| count(point)).sum::<u64>() as f64 / seconds;
        (seconds > 0.0).then(|| Throughput { sent: rate(|point| point.sent), delivered: rate(|point| point.delivered) })
    }

    /// Returns notes on unusual circumstances of the run.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match (&self.scenario.verify_note, self.scenario.verify) {
            (Some(why), _) => notes.push(why.clone()),
            (None, Verify::Counts) => {
                notes.push("deliveries were counted, a count and a sum for each user (verify: counts)".to_owned());
            }
            (None, Verify::None) => {
                notes.push("losses, duplicates and order were not checked (verify: none)".to_owned());
            }
            (None, Verify::Full) => {}
        }
        let known = self.target.profile.as_ref();
        let is = |key: &str, value: &str| known.is_some_and(|p| p.values.get(key).is_some_and(|found| found == value));
        if self.target.framing == "raw" {
            notes.push(
                "the server uses raw framing: messages have no terminator, so each connection waits 10 ms between two \
                 of them"
                    .to_owned(),
            );
        }
        if is("broadcast_echo", "false") {
            notes.push("the server sends no broadcast back to its sender, and none is owed to it".to_owned());
        }
        if is("unknown_user", "silent") {
            notes.push(
                "the server does not answer messages to unknown users, and no answer is owed (rule M2 requires \
                 one)"
                    .to_owned(),
            );
        }
        if self.counts.lost > 0 && self.scenario.verify == Verify::Full {
            notes.push(
                "lost messages count in the latencies with their age at the end of the run, which is a lower bound"
                    .to_owned(),
            );
        }
        if let Some(shard) = &self.shard {
            let open: u64 = shard.missing.iter().map(|missing| missing.broadcasts + missing.privates).sum();
            notes.push(format!(
                "this is part {} of {}: it timed what it both sent and received; {open} deliveries from other parts \
                 are missing, and `mychat-bench merge` finds which of them were lost",
                shard.index, shard.of
            ));
        }
        if let Some(runs) = self.whole_runs {
            notes.push(format!(
                "these are {runs} whole runs and not parts of one (`--shard`): users, messages and violations are those of all of \
                 them together, and no rate is that of one run"
            ));
        }
        notes
    }
}

/// Tool that wrote a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    /// Version of mychat-bench.
    pub version: String,
}

/// Scenario of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// Name of the scenario.
    pub name: String,
    /// Path of the file, as given.
    pub file: String,
    /// SHA-256 digest of the file.
    pub sha256: String,
    /// SHA-256 digest of the plan.
    pub plan_sha256: String,
    /// Seed of all random draws.
    pub seed: u64,
    /// Precision of the accounting: full, counts or none.
    #[serde(default)]
    pub verify: Verify,
    /// Reason for a precision below the one in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_note: Option<String>,
    /// Text of the file, so that a stored result is self-contained.
    #[serde(default)]
    pub text: String,
}

/// Server under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Address of the server.
    pub address: String,
    /// Framing of the server.
    pub framing: String,
    /// True if the tool started the server.
    pub spawned: bool,
    /// Readings of the protocol that matter for a load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<mychat_conformance::probe::Profile>,
    /// Command that started the server, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Expectation with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// Text of the expectation in the file.
    pub text: String,
    /// Line number in the file, from 1; 0 for an expectation that every run has.
    pub line: usize,
    /// Measured value; `None` if there are too few samples.
    pub actual: Option<f64>,
    /// Unit of the value: `us`, `count`, `percent`, `bytes`.
    pub unit: MeasuredUnit,
    /// True if it holds; `None` for no verdict.
    pub ok: Option<bool>,
    /// Note on the verdict, such as the number of missing samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Interval of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// End of the interval, in seconds since the start of the run.
    pub t: f64,
    /// Stage of the load; `join` before it and `drain` after it.
    pub stage: String,
    /// Number of online users.
    pub connected: u64,
    /// Number of performed actions.
    pub sent: u64,
    /// Number of first copies that arrived in the interval, whenever they were due.
    pub delivered: u64,
    /// Number of unexpected ERROR frames.
    pub errors: u64,
    /// Median delivery latency in microseconds; `None` if nothing arrived.
    pub p50: Option<u64>,
    /// 99th percentile of the delivery latency.
    pub p99: Option<u64>,
    /// Maximum delivery latency.
    pub max: Option<u64>,
    /// Lateness in microseconds; `None` if nothing was sent.
    pub lateness_p99: Option<u64>,
    /// Memory of the server in bytes, if it runs on this machine.
    #[serde(default)]
    pub server_rss: Option<u64>,
    /// CPU seconds of the server per second, if it runs on this machine.
    #[serde(default)]
    pub server_cpu: Option<f64>,
    /// Number of threads of the server.
    #[serde(default)]
    pub server_threads: Option<u64>,
    /// Number of open descriptors of the server, if they can be counted.
    #[serde(default)]
    pub server_fds: Option<u64>,
    /// Histogram of the delivery latency.
    pub hdr: String,
}

/// Resources of the load generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorInfo {
    /// CPU time in seconds, user and system.
    pub cpu_seconds: f64,
    /// Part of the CPU time that was spent spinning before timers. It buys precision and could be saved at the cost of
    /// lateness.
    #[serde(default)]
    pub busy_wait_seconds: f64,
    /// Peak memory in bytes.
    pub rss_peak: u64,
    /// Number of worker threads.
    pub threads: u32,
    /// Receive lag: p99 in microseconds. Its lower bound is the delay of the event loop.
    #[serde(default)]
    pub read_lag_p99: u64,
    /// Clock of arrivals: `kernel` or `read`.
    #[serde(default)]
    pub clock: ArrivalSource,
    /// Number of times that the real-time clock was set during the run.
    #[serde(default)]
    pub clock_steps: u64,
    /// Receive lag: the time from the arrival of bytes in the kernel to their read. Every read is a sample if `clock` is
    /// `kernel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_lag: Option<LatencyResult>,
    /// Upper limit of the time by which arrivals were recorded too late, because one read returned several segments. The
    /// deliveries of one read in eight or fewer are samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_error: Option<LatencyResult>,
    /// Largest number of unread bytes found on a connection.
    #[serde(default)]
    pub unread_bytes: u64,
    /// Largest part of a receive buffer in use at a late read, from 0 to 1. Above one half the server may have had to wait.
    #[serde(default)]
    pub fullest_receive_buffer: f64,
    /// Maximum lateness of an action in microseconds.
    #[serde(default)]
    pub stall_max: u64,
    /// Description of the machine: system, processor, cores, memory.
    #[serde(default)]
    pub machine: String,
}
