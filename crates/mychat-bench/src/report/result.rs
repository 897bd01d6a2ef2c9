//! The result of a run as data: what `--json` writes, and what every other writing is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::judge::Verdict;
use crate::judge::validity::Validity;
use crate::observe::example::Example;
use crate::script::{Outcome, Status};
use crate::target::sample::ServerUse;

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
    pub timeline: Vec<Point>,
    /// What a search for the highest rate found; the rest of the result is then about the probe that confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What is to be settled with the other machines, of a part of a run that several share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardInfo>,
    /// The server, where it runs on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerInfo>,
    /// What the generator itself used.
    pub generator: GeneratorInfo,
    /// Who lost how much, the worst first.
    #[serde(default)]
    pub losers: Vec<Loser>,
}

/// Which part of a run this is, and what `merge` needs to settle what one part sent and another one received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Which part, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// What was planned by users of other parts for users of this one, and did not come.
    pub missing: Vec<Missing>,
    /// What users of this part planned for users of others and did not send.
    pub unsent: Vec<Unsent>,
    /// Users of this part whose last messages may have died with a connection.
    pub unsure: Vec<String>,
}

/// Messages that one user expected of another by plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Who was to send them.
    pub sender: String,
    /// Who was to get them.
    pub recipient: String,
    /// Of those to everybody.
    pub broadcasts: u64,
    /// Of those to the recipient alone.
    pub privates: u64,
}

/// Messages that were planned and not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// Who was to send them.
    pub sender: String,
    /// Who was to get them; `None` for everybody.
    pub to: Option<String>,
    /// How many.
    pub count: u64,
}

/// Somebody who was owed messages that never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loser {
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
    pub unit: String,
    /// Whether it holds; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// What else there is to say, such as how many samples are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// How many of them are independent: a broadcast is one, however many hear it. Percentiles are judged by this.
    #[serde(default)]
    pub independent: u64,
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

impl Counts {
    /// The whole numbers with their names, in the order in which reports list them.
    pub fn named(&self) -> [(&'static str, u64); 16] {
        [
            ("users", self.users),
            ("connected", self.connected),
            ("refused", self.refused),
            ("disconnects", self.disconnects),
            ("scheduled", self.scheduled),
            ("sent", self.sent),
            ("expected_deliveries", self.expected_deliveries),
            ("delivered", self.delivered),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("misrouted", self.misrouted),
            ("corrupted", self.corrupted),
            ("uncertain", self.uncertain),
            ("refused_returns", self.refused_returns),
            ("wrong_replies", self.wrong_replies),
        ]
    }
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

/// The answer of a search for the highest rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The highest percentage of the scenario's rates that is known to hold; `None` where none does.
    pub percent: Option<f64>,
    /// What was sent a second there.
    pub sent_per_second: Option<f64>,
    /// The lowest percentage that is known to break; `None` where none did.
    pub broke_at: Option<f64>,
    /// Why the search ended, in words.
    pub reason: String,
    /// Everything that was tried, in order.
    pub probes: Vec<Probe>,
}

/// One try of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Of the scenario's rates.
    pub percent: f64,
    /// `grow`, `bisect` or `confirm`.
    pub phase: String,
    /// Sent a second while it was measured.
    pub sent_per_second: f64,
    /// Delivered a second, likewise.
    pub delivered_per_second: f64,
    /// Delivery, in microseconds.
    pub p50: Option<u64>,
    /// As above.
    pub p99: Option<u64>,
    /// Whether everything held; where not and nothing `broke`, the generator was the limit.
    pub held: bool,
    /// The expectation that broke, with its figure.
    pub broke: Option<String>,
    /// Whether the generator kept its schedule.
    pub validity: Validity,
}

/// The server's process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its id.
    pub pid: u32,
    /// CPU time during the run, user and system.
    pub cpu_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// What its memory grew by from before the first user to when most were online, in bytes a user.
    pub rss_per_user: Option<u64>,
    /// The most threads it had.
    pub threads: u64,
    /// The most descriptors it had open; `None` where that may not be read.
    pub fds: Option<u64>,
}

impl From<ServerUse> for ServerInfo {
    fn from(used: ServerUse) -> Self {
        let ServerUse { pid, cpu_seconds, rss_peak, rss_per_user, threads, fds } = used;
        Self { pid, cpu_seconds, rss_peak, rss_per_user, threads, fds }
    }
}

/// What the generator itself used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorInfo {
    /// CPU time, user and system.
    pub cpu_seconds: f64,
    /// The most memory it held, in bytes.
    pub rss_peak: u64,
    /// Worker threads.
    pub threads: u32,
    /// The machine it ran on: system, processor, cores, memory.
    #[serde(default)]
    pub machine: String,
}
