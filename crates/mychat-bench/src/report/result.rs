//! The result of a run as data: what `--json` writes, and what every other writing is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::judge::Verdict;
use crate::judge::validity::Validity;
use crate::observe::example::Example;

/// The value of [`RunResult::schema`].
pub const SCHEMA: &str = "mychat-bench/run@1";

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: Tool,
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
    /// Latencies by metric.
    pub latency: BTreeMap<String, LatencyBlock>,
    /// Counts.
    pub counts: Counts,
    /// The first few violations.
    pub examples: Vec<Example>,
    /// The run, interval by interval.
    pub timeline: Vec<Point>,
    /// What the generator itself used.
    pub generator: GeneratorInfo,
    /// Who lost how much, the worst first; for the writings that are made at once.
    #[serde(skip)]
    pub losers: Vec<(String, u64)>,
}

/// What made a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
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
    pub unit: String,
    /// Whether it holds; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// What else there is to say; for the writings that are made at once.
    #[serde(skip)]
    pub note: Option<String>,
}

/// A latency metric: over all that it covers, and over parts of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBlock {
    /// Over holds and spikes (`connect`: over all).
    #[serde(flatten)]
    pub whole: LatencyResult,
    /// Over parts.
    pub by: By,
}

/// A latency over parts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct By {
    /// By stage.
    pub stage: BTreeMap<String, LatencyResult>,
    /// By group.
    pub group: BTreeMap<String, LatencyResult>,
    /// By action.
    pub action: BTreeMap<String, LatencyResult>,
    /// By combinations that an expectation asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, LatencyResult>,
}

/// One distribution, in microseconds. A percentile is there only where there are samples enough for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyResult {
    /// `us`.
    pub unit: String,
    /// Samples.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// The average.
    pub mean: f64,
    /// The standard deviation.
    pub stdev: f64,
    /// 50 %.
    pub p50: Option<u64>,
    /// 90 %.
    pub p90: Option<u64>,
    /// 95 %.
    pub p95: Option<u64>,
    /// 99 %.
    pub p99: Option<u64>,
    /// 99.9 %.
    pub p99_9: Option<u64>,
    /// 99.99 %.
    pub p99_99: Option<u64>,
    /// The longest.
    pub max: u64,
    /// Samples over 60 s, which count as 60 s.
    pub overflow: u64,
    /// The whole histogram: HdrHistogram V2, deflated, base 64.
    pub hdr: String,
}

/// Counts of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Users of the scenario.
    pub users: u64,
    /// Welcomes, returns included.
    pub connected: u64,
    /// Users that were not let in.
    pub refused: u64,
    /// Connections of well-behaved users that the server ended.
    pub disconnects: u64,
    /// Actions done.
    pub sent: u64,
    /// Actions that came due.
    pub scheduled: u64,
    /// `sent` in percent of `scheduled`; `None` where nothing was scheduled.
    pub achieved: Option<f64>,
    /// Deliveries that had to happen.
    pub expected_deliveries: u64,
    /// First copies that arrived.
    pub delivered: u64,
    /// Deliveries that had to happen and did not.
    pub lost: u64,
    /// Further copies.
    pub duplicated: u64,
    /// Messages that came after a later one of the same sender.
    pub reordered: u64,
    /// Messages that came to somebody they were not for.
    pub misrouted: u64,
    /// Messages that came changed, and frames that are no reply.
    pub corrupted: u64,
    /// Deliveries that could have happened or not, because somebody was coming or going.
    pub uncertain: u64,
    /// Returns that were refused because the name was not free yet.
    pub refused_returns: u64,
    /// For how long connections did not take what was to be sent, summed up.
    pub blocked_seconds: f64,
    /// Answers that were wrong or never came.
    pub wrong_replies: u64,
    /// ERROR frames that no action wants, by code.
    pub errors: BTreeMap<String, u64>,
}

/// One interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
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
    /// The histogram of delivery.
    pub hdr: String,
}

/// What the generator itself used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeneratorInfo {
    /// CPU time, user and system.
    pub cpu_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// Worker threads.
    pub threads: u32,
}
