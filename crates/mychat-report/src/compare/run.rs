//! Input of a comparison: the intervals of a run as sparse counts that are fast to resample.

use std::collections::BTreeMap;

use super::PassOutcome;
use crate::model::conformance::ConformanceResult;
use crate::model::histogram::{HistogramError, decode};
use crate::model::{ExpectationResult, MeasuredUnit, RunResult, TimelinePoint};
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::validity::Validity;

/// Interval of the load, or of the drain after it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadInterval {
    /// Length in seconds; zero in the drain, which is no part of the time that throughput is measured over.
    pub seconds: f64,
    /// Number of first copies that arrived during the load; zero in the drain.
    pub arrived: u64,
    /// Delivery latencies: microseconds, and count.
    pub delivery: Vec<(u64, u64)>,
    /// CPU seconds of the server per second.
    pub server_cpu: Option<f64>,
    /// Memory of the server in bytes.
    pub server_rss: Option<u64>,
}

/// Data of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRun {
    /// Start of the run, RFC 3339. Runs of both sides are paired by it.
    pub started: String,
    /// Intervals of the load and of the drain, without login and warm-up.
    pub intervals: Vec<LoadInterval>,
    /// Number of independent delivery samples, which limits the percentiles.
    pub independent: u64,
    /// Percentiles of the whole run that have no intervals.
    pub wholes: BTreeMap<&'static str, u64>,
    /// Violations by name.
    pub violations: BTreeMap<&'static str, u64>,
    /// Number of first copies that arrived.
    pub delivered: u64,
    /// True for a run whose latencies describe the server.
    pub validity: Validity,
    /// Reasons for a reduced validity.
    pub validity_reasons: Vec<String>,
    /// Outcomes of expectations, cases and checks.
    pub outcomes: Vec<PassOutcome>,
}

/// Counts that are zero for a correct server.
const VIOLATIONS: [&str; 9] = [
    "lost",
    "duplicated",
    "reordered",
    "disordered",
    "misrouted",
    "corrupted",
    "wrong_replies",
    "refused",
    "disconnects",
];

impl ComparedRun {
    /// Extracts the data from the result of a run.
    pub fn new(result: &RunResult) -> Result<Self, HistogramError> {
        let mut intervals = Vec::new();
        let mut from = 0.0;
        for point in &result.timeline {
            if is_load(point) {
                intervals.push(interval(point, from)?);
            }
            from = point.t;
        }
        let independent = result.latency.get("delivery").map_or(0, |block| {
            // Results of older versions do not have this field.
            if block.whole.independent == 0 { block.whole.count } else { block.whole.independent }
        });
        let wholes = [("connect", "connect p99"), ("ack", "ack p99")];
        let named: BTreeMap<&str, u64> = result.counts.named().into_iter().collect();
        Ok(Self {
            started: result.started.clone(),
            intervals,
            independent,
            wholes: wholes
                .into_iter()
                .filter_map(|(name, shown)| Some((shown, result.latency.get(name)?.whole.p99?)))
                .collect(),
            violations: VIOLATIONS.into_iter().map(|name| (name, named[name])).collect(),
            delivered: result.counts.delivered,
            validity: result.validity,
            validity_reasons: result.validity_reasons.clone(),
            outcomes: result.expectations.iter().map(expectation).chain(result.cases.iter().map(check)).collect(),
        })
    }

    /// Extracts the data from a conformance result.
    pub fn of_checks(result: &ConformanceResult) -> Self {
        Self {
            started: result.info.started.clone(),
            intervals: Vec::new(),
            independent: 0,
            wholes: BTreeMap::new(),
            violations: BTreeMap::new(),
            delivered: 0,
            validity: Validity::Valid,
            validity_reasons: Vec::new(),
            outcomes: result.checks.iter().map(check).collect(),
        }
    }
}

fn expectation(expectation: &ExpectationResult) -> PassOutcome {
    let exact = expectation.unit == MeasuredUnit::Count;
    PassOutcome { name: expectation.text.clone(), passed: expectation.ok, exact }
}

fn check(check: &Outcome) -> PassOutcome {
    let passed = match check.status {
        Status::Pass => Some(true),
        Status::Fail => Some(false),
        Status::Inconclusive | Status::Skipped => None,
    };
    PassOutcome { name: check.id.clone(), passed, exact: true }
}

/// Returns true if the interval takes part in the comparison. Both sides have the same stages, so this favours neither. An
/// interval without arrivals does take part: a server that stands still delivers nothing.
fn is_load(point: &TimelinePoint) -> bool {
    point.stage != "join" && !point.stage.starts_with("warmup")
}

fn interval(point: &TimelinePoint, from: f64) -> Result<LoadInterval, HistogramError> {
    let histogram = decode(&point.hdr)?;
    let is_drain = point.stage == "drain";
    Ok(LoadInterval {
        seconds: if is_drain { 0.0 } else { point.t - from },
        arrived: if is_drain { 0 } else { point.delivered },
        delivery: histogram
            .iter_recorded()
            .map(|at| (histogram.highest_equivalent(at.value_iterated_to()), at.count_at_value()))
            .collect(),
        server_cpu: point.server_cpu,
        server_rss: point.server_rss,
    })
}
