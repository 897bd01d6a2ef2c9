//! Phrases that all formats share: verdicts, validity, outcomes of expectations, cases and probes, and descriptions of
//! the latency metrics. Each format styles a [`Tone`] in its own way.

use crate::model::conformance::ConformanceResult;
use crate::model::{
    Capacity, CapacityProbe, ExpectationResult, GeneratorInfo, LatencyResult, ProcessEnd, RunResult, SearchPhase,
    ServerInfo,
};
use crate::{bytes, duration, grouped, load_percent};
use mychat_conformance::Status;
use mychat_load::record::receive_figures::ArrivalSource;
use mychat_load::verdict::Verdict;
use mychat_load::verdict::validity::Validity;
use mychat_scenario::model::Level;

/// Tone of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Unsure,
}

impl Tone {
    /// Returns a symbol for readers who do not see colours.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Unsure => "?",
        }
    }
}

/// Returns the verdict with its tone.
pub(crate) const fn verdict(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Pass => (Tone::Good, "PASS"),
        Verdict::Fail => (Tone::Bad, "FAIL"),
        Verdict::Inconclusive => (Tone::Unsure, "INCONCLUSIVE"),
        Verdict::Interrupted => (Tone::Unsure, "INTERRUPTED"),
    }
}

/// Returns the verdict on a server with the failed checks behind it: tone, word, and a text that follows the word, such as
/// ` · 22 of 112 should checks failed`.
pub(crate) fn suite_verdict(result: &ConformanceResult) -> (Tone, &'static str, String) {
    let (tone, word) = verdict(result.verdict);
    let counts = |level: Level| result.summary.get(level.name()).copied().unwrap_or_default();
    let of = |level: Level, number: usize, what: &str| {
        (number > 0).then(|| format!(" · {number} of {} {level} checks {what}", counts(level).applicable()))
    };
    let mut detail: String =
        Level::ALL.iter().filter_map(|&level| of(level, counts(level).unexpected(), "failed")).collect();
    // The server can die in a check that passes.
    if detail.is_empty() && result.verdict == Verdict::Fail && result.checks.iter().any(|check| check.death.is_some()) {
        detail.push_str(" · the server died");
    }
    if result.verdict == Verdict::Inconclusive {
        detail.extend(of(Level::Must, counts(Level::Must).inconclusive, "undecided"));
        if result.info.strict {
            detail.extend(of(Level::Should, counts(Level::Should).inconclusive, "undecided"));
        }
    }
    // Failed should checks do not count without --strict.
    let is_musts_alone = result.verdict == Verdict::Pass && counts(Level::Should).unexpected() > 0;
    (tone, if is_musts_alone { "PASS (musts)" } else { word }, detail)
}

/// Returns a number with its noun: `1 check`, `2 checks`.
pub(crate) fn number_of(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Returns the verdict as written in results.
pub(crate) const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Interrupted => "interrupted",
    }
}

/// Describes the validity of the run and its consequence for the latencies.
pub(crate) const fn validity(validity: Validity) -> (Tone, &'static str, &'static str) {
    match validity {
        Validity::Valid => (
            Tone::Good,
            "valid",
            "the generator kept its schedule, so the latencies are those of the \
                                                  server",
        ),
        Validity::Degraded => (Tone::Unsure, "degraded", "the latencies include delays of the generator"),
        Validity::Invalid => {
            (Tone::Bad, "invalid", "the generator was the limit: its latencies say nothing about the server")
        }
    }
}

/// Describes the server: the command that started it, if any, and its address.
pub(crate) fn server(result: &RunResult) -> (Option<&str>, String) {
    match &result.target.command {
        Some(command) => (Some(command), format!("at {}", result.target.address)),
        None if result.target.spawned => (None, "the reference server, started for this run".to_owned()),
        None => (None, result.target.address.clone()),
    }
}

/// Describes the resources of the server process, if known.
pub(crate) fn server_use(server: &ServerInfo) -> String {
    let plural = if server.threads == 1 { "" } else { "s" };
    let mut parts = vec![
        format!("{} thread{plural}", server.threads),
        format!("{:.1} s of CPU", server.cpu_seconds),
        format!("{} peak memory", bytes(server.rss_peak)),
    ];
    parts.extend(server.rss_per_user.map(|each| format!("{} per user", bytes(each))));
    parts.extend(server.fds.map(|count| format!("{count} descriptors")));
    parts.join(", ")
}

/// Describes the end of the server process, and says what its last output is.
pub(crate) fn server_end(end: &ProcessEnd) -> String {
    let written = if end.output.is_empty() { "; it wrote nothing" } else { "; it wrote last:" };
    format!("The server's process {}{written}", end.describe())
}

/// Describes the place of an expectation: its line in the file, or that every run has it.
pub(crate) fn expectation_place(expectation: &ExpectationResult) -> String {
    if expectation.line == 0 { "in every run".to_owned() } else { format!("line {}", expectation.line) }
}

/// Describes the resources of the tool, as far as the system reports them.
pub(crate) fn generator_use(generator: &GeneratorInfo) -> String {
    let plural = if generator.threads == 1 { "" } else { "s" };
    let mut parts = vec![format!("{} thread{plural}", generator.threads)];
    parts.extend((generator.cpu_seconds > 0.0).then(|| {
        let busy_wait = generator.busy_wait_seconds;
        let waiting = if busy_wait >= 0.05 { format!(" ({busy_wait:.1} s busy-waiting)") } else { String::new() };
        format!("{:.1} s of CPU{waiting}", generator.cpu_seconds)
    }));
    parts.extend((generator.rss_peak > 0).then(|| format!("{} peak memory", bytes(generator.rss_peak))));
    let lag = generator.read_lag_p99;
    parts.extend((lag > 0).then(|| format!("read within {} (p99)", duration(lag as f64))));
    parts.push(arrival_clock(generator).to_owned());
    let unread = generator.unread_bytes;
    parts.extend((unread > 0).then(|| format!("at most {} unread in a connection", bytes(unread))));
    parts.join(", ")
}

/// Describes the clock that says when a message arrived.
const fn arrival_clock(generator: &GeneratorInfo) -> &'static str {
    match generator.clock {
        ArrivalSource::Kernel => "arrivals timed by the kernel",
        ArrivalSource::Read => "arrivals timed by the read",
    }
}

/// Describes the number of expectations that hold.
pub(crate) fn held(result: &RunResult) -> usize {
    result.expectations.iter().filter(|expectation| expectation.ok == Some(true)).count()
}

/// Describes the outcome of an expectation.
pub(crate) const fn expectation(ok: Option<bool>) -> (Tone, &'static str) {
    match ok {
        Some(true) => (Tone::Good, "held"),
        Some(false) => (Tone::Bad, "broken"),
        None => (Tone::Unsure, "undecided"),
    }
}

/// Describes the outcome of a case.
pub(crate) const fn case(status: Status) -> (Tone, &'static str) {
    match status {
        Status::Pass => (Tone::Good, "passed"),
        Status::Fail => (Tone::Bad, "failed"),
        Status::Inconclusive => (Tone::Unsure, "inconclusive"),
        Status::Skipped => (Tone::Unsure, "skipped"),
    }
}

/// Describes the answer of a search: the highest passing rate and the limits.
pub(crate) fn answer(capacity: &Capacity) -> (String, String) {
    let load = |percent: f64, rate: Option<f64>| {
        let rate = rate.map_or_else(String::new, |rate| format!(", {} messages/s", grouped(rate.round() as u64)));
        format!("{}{rate}", load_percent(percent))
    };
    let Some(percent) = capacity.percent else {
        return ("no rate was found at which everything holds".to_owned(), String::new());
    };
    // A probe that overloads the server can send less than one that passes, so its rate is not shown.
    let more = capacity.broke_at_per_second().filter(|rate| capacity.sent_per_second.is_none_or(|held| *rate > held));
    let beyond = capacity.broke_at.map_or_else(String::new, |broke_at| format!("; {} does not", load(broke_at, more)));
    (load(percent, capacity.sent_per_second), format!(" holds{beyond}"))
}

/// Names the probe that all other figures describe.
pub(crate) fn figures_of(capacity: &Capacity) -> &'static str {
    if capacity.percent.is_none() {
        "All other figures are of the last probe."
    } else if capacity.probes.iter().any(|probe| probe.phase == SearchPhase::Confirm && probe.held) {
        "All other figures are of the probe that confirmed the answer."
    } else {
        "All other figures are of the highest probe that held: none confirmed it."
    }
}

/// Describes the outcome of a probe.
pub(crate) fn probe(probe: &CapacityProbe) -> (Tone, &str) {
    match (&probe.broke, probe.validity) {
        (Some(why), _) => (Tone::Bad, why),
        (None, _) if !probe.held => (Tone::Unsure, "the generator was the limit"),
        (None, Validity::Invalid) => (Tone::Good, "held, though the generator was late"),
        (None, _) => (Tone::Good, "held"),
    }
}

/// Latency metrics in display order, each with its definition.
pub(crate) const CLOCKS: [(&str, &str); 9] = [
    ("connect", "due → welcome"),
    ("ack", "request → its answer"),
    ("delivery", "due → each recipient"),
    ("delivery_first", "due → the first recipient of a broadcast"),
    ("delivery_last", "due → its last recipient"),
    ("delivery_spread", "its first → its last recipient"),
    ("service", "actually sent → each recipient"),
    ("roster", "welcome → all other users have a list with the new name"),
    ("lateness", "due → actually sent: delay of the generator"),
];

/// Returns the metrics that have samples.
pub(crate) fn measured(result: &RunResult) -> impl Iterator<Item = (&'static str, &'static str, &LatencyResult)> {
    CLOCKS.into_iter().filter_map(|(name, meaning)| {
        let whole = &result.latency.get(name)?.whole;
        (whole.count > 0).then_some((name, meaning, whole))
    })
}

/// Formats a percentile, or notes that there are too few samples.
pub(crate) fn percentile(value: Option<u64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), |value| duration(value as f64))
}

/// Column titles of every latency table, after the count.
pub(crate) const COLUMNS: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// Returns the values of these columns.
pub(crate) fn cells(latency: &LatencyResult) -> [String; 5] {
    let LatencyResult { p50, p90, p99, p99_9, max, .. } = *latency;
    [percentile(p50), percentile(p90), percentile(p99), percentile(p99_9), duration(max as f64)]
}

/// Scope of the latencies of a whole run.
pub(crate) const TIMED: &str = "in hold and spike stages";

/// Returns the delivery latency of each stage in order, or nothing if there is only one stage.
pub(crate) fn delivery_by_stage(result: &RunResult) -> Vec<(&str, &LatencyResult)> {
    let Some(block) = result.latency.get("delivery").filter(|block| block.by.stage.len() > 1) else {
        return Vec::new();
    };
    let place = |stage: &str| result.timeline.iter().position(|point| point.stage == stage).unwrap_or(usize::MAX);
    let mut stages: Vec<_> = block.by.stage.iter().map(|(stage, latency)| (stage.as_str(), latency)).collect();
    stages.sort_by_key(|(stage, _)| place(stage));
    stages
}
