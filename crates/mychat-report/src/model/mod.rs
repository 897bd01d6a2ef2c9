//! The result of a run as data: what `--json` writes, and what every other writing is made from.

mod build;
mod capacity;
pub(crate) mod case_view;
pub mod conformance;
mod counts;
pub mod histogram;
mod latency;
mod shard;
mod unit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use mychat_conformance::{Outcome, Status};
use mychat_load::Exit;
use mychat_load::record::example::Example;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_scenario::model::Verify;

pub use build::{RunInfo, build, timeline_point};
pub use capacity::{Capacity, CapacityProbe, SearchPhase};
pub use counts::Counts;
pub use latency::{LatencyBlock, LatencyBreakdown, LatencyResult};
pub use shard::{MissingDeliveries, ShardInfo, UnsentMessages};
pub use unit::MeasuredUnit;

pub use mychat_target::sample::ServerUse as ServerInfo;

/// The value of [`RunResult::schema`].
pub const SCHEMA: &str = "mychat-bench/run@1";

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: ToolInfo,
    /// What was asked for.
    pub scenario: ScenarioInfo,
    /// Of whom.
    pub target: TargetInfo,
    /// When the run began, RFC 3339.
    pub started: String,
    /// How long it took, from the first connection to the end of the drain.
    pub seconds: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// How the tool ended.
    pub exit_code: u8,
    /// Whether the latencies are about the server.
    pub validity: Validity,
    /// Why they are not, or not quite.
    pub validity_reasons: Vec<String>,
    /// What was expected.
    pub expectations: Vec<ExpectationResult>,
    /// What came of the scenario's cases, each with its wire, as in a conformance result.
    #[serde(default)]
    pub cases: Vec<Outcome>,
    /// Latencies by metric.
    pub latency: BTreeMap<String, LatencyBlock>,
    /// Counts.
    pub counts: Counts,
    /// The first few violations.
    pub examples: Vec<Example>,
    /// The run, interval by interval.
    pub timeline: Vec<TimelinePoint>,
    /// What a search for the highest rate found; the rest of the result is then about the probe that confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What is to be settled with the other machines, of a part of a run that several share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardInfo>,
    /// How many whole runs `merge` added up here, where they were not parts of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_runs: Option<u64>,
    /// The server, where it runs on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerInfo>,
    /// What the generator itself used.
    pub generator: GeneratorInfo,
    /// Who lost how much, the worst first.
    #[serde(default)]
    pub losers: Vec<UserLosses>,
}

/// Somebody who was owed messages that never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLosses {
    /// The user's name.
    pub user: String,
    /// How many.
    pub lost: u64,
}

impl RunResult {
    /// The same with the scenario's cases, which were played before the load and ended the tool like this.
    #[must_use]
    pub fn with_cases(mut self, cases: Vec<Outcome>, exit: Exit) -> Self {
        let both = Exit::from_code(self.exit_code).or(exit);
        self.exit_code = both.code();
        self.verdict = Verdict::of(both).unwrap_or(self.verdict);
        self.cases = cases;
        self
    }

    /// How many cases ended like this.
    pub fn cases_that(&self, status: Status) -> usize {
        self.cases.iter().filter(|case| case.status == status).count()
    }
}

impl RunResult {
    /// What a reader must know of how the run was done, where it was not done as usual.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match (&self.scenario.verify_note, self.scenario.verify) {
            (Some(why), _) => notes.push(why.clone()),
            (None, Verify::Counts) => {
                notes.push("deliveries were counted, a count and a sum for each user (verify: counts)".to_owned());
            }
            (None, Verify::None) => notes.push("nobody looked for losses, copies and order (verify: none)".to_owned()),
            (None, Verify::Full) => {}
        }
        let known = self.target.profile.as_ref();
        let is = |key: &str, value: &str| known.is_some_and(|p| p.values.get(key).is_some_and(|found| found == value));
        if self.target.framing == "raw" {
            notes.push(
                "the server talks raw: no message has an end, so each connection leaves 10 ms between two of them"
                    .to_owned(),
            );
        }
        if is("broadcast_echo", "false") {
            notes.push("the server sends no broadcast back to its sender, and none is owed to it".to_owned());
        }
        if is("unknown_user", "silent") {
            notes.push(
                "the server is silent about unknown users, and no answer is owed (rule M2 asks for one)".to_owned(),
            );
        }
        if self.counts.lost > 0 && self.scenario.verify == Verify::Full {
            notes.push(
                "what was lost counts in the latencies with its age at the end of the run, the least that it would have taken"
                    .to_owned(),
            );
        }
        if let Some(shard) = &self.shard {
            let open: u64 = shard.missing.iter().map(|missing| missing.broadcasts + missing.privates).sum();
            notes.push(format!(
                "this is part {} of {}: it timed what it both sent and received; {open} deliveries from other parts have not \
                 come, and `mychat-bench merge` says which of them were lost",
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

/// What made a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    /// The version of mychat-bench.
    pub version: String,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// Its file, as it was given.
    pub file: String,
    /// Digest of the file.
    pub sha256: String,
    /// Digest of everything that was planned from it.
    pub plan_sha256: String,
    /// The seed.
    pub seed: u64,
    /// How exactly deliveries were accounted for: full, counts or none.
    #[serde(default)]
    pub verify: Verify,
    /// Why not as exactly as the file asks for, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_note: Option<String>,
    /// The file's text, so that a stored result can be read without it.
    #[serde(default)]
    pub text: String,
}

/// The server under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Where it is.
    pub address: String,
    /// How frames end there.
    pub framing: String,
    /// Whether the tool started it.
    pub spawned: bool,
    /// How the server reads the protocol, as far as a load wants to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<mychat_conformance::probe::Profile>,
    /// The command that started it, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// As it stands in the file.
    pub text: String,
    /// Its line there, from 1.
    pub line: usize,
    /// What was measured; `None` where there are too few samples.
    pub actual: Option<f64>,
    /// Of what was measured: `us`, `count`, `percent`, `bytes`.
    pub unit: MeasuredUnit,
    /// Whether it holds; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// What else there is to say, such as how many samples are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// Its end, in seconds since the run began.
    pub t: f64,
    /// The stage.
    pub stage: String,
    /// Users online.
    pub connected: u64,
    /// Actions done.
    pub sent: u64,
    /// First copies that arrived.
    pub delivered: u64,
    /// ERROR frames that no action wants.
    pub errors: u64,
    /// Delivery, in microseconds; `None` where nothing arrived.
    pub p50: Option<u64>,
    /// As above.
    pub p99: Option<u64>,
    /// As above.
    pub max: Option<u64>,
    /// Lateness, in microseconds; `None` where nothing was sent.
    pub lateness_p99: Option<u64>,
    /// Memory of the server, in bytes, where it runs on this machine.
    #[serde(default)]
    pub server_rss: Option<u64>,
    /// CPU seconds that the server used per second, where it runs on this machine.
    #[serde(default)]
    pub server_cpu: Option<f64>,
    /// Threads of the server, likewise.
    #[serde(default)]
    pub server_threads: Option<u64>,
    /// Descriptors that the server had open, likewise, where they may be counted.
    #[serde(default)]
    pub server_fds: Option<u64>,
    /// The histogram of delivery.
    pub hdr: String,
}

/// What the generator itself used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorInfo {
    /// CPU time, user and system.
    pub cpu_seconds: f64,
    /// Those of them that went into staying awake for messages that were about to be due, and would be left out by a
    /// generator that is less punctual.
    #[serde(default)]
    pub busy_wait_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// Worker threads.
    pub threads: u32,
    /// How long what had arrived waited to be read, p99 in microseconds; no less than the event loop's own delay.
    #[serde(default)]
    pub read_lag_p99: u64,
    /// The most bytes that a connection was found to hold unread.
    #[serde(default)]
    pub unread_bytes: u64,
    /// The latest that anything was done after its time, in microseconds.
    #[serde(default)]
    pub stall_max: u64,
    /// The machine it ran on: system, processor, cores, memory.
    #[serde(default)]
    pub machine: String,
}
