//! What a comparison needs of a run: its intervals as sparse counts that are quickly resampled.

use std::collections::BTreeMap;

use super::PassOutcome;
use crate::model::conformance::ConformanceResult;
use crate::model::histogram::{HistogramError, decode};
use crate::model::{ExpectationResult, MeasuredUnit, RunResult, TimelinePoint};
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::validity::Validity;

/// One interval of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadInterval {
    /// How long it was.
    pub seconds: f64,
    /// Delivery latencies: microseconds, and how many.
    pub delivery: Vec<(u64, u64)>,
    /// CPU seconds that the server used per second.
    pub server_cpu: Option<f64>,
    /// Memory of the server in bytes.
    pub server_rss: Option<u64>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRun {
    /// When it began, RFC 3339: runs of both sides are paired by it.
    pub started: String,
    /// Its load, joining and warm-up aside.
    pub intervals: Vec<LoadInterval>,
    /// Independent samples of delivery: how high a percentile may be.
    pub independent: u64,
    /// Percentiles of the whole run that have no intervals.
    pub wholes: BTreeMap<&'static str, u64>,
    /// Violations by name.
    pub violations: BTreeMap<&'static str, u64>,
    /// First copies that arrived.
    pub delivered: u64,
    /// Whether its latencies are about the server.
    pub validity: Validity,
    /// What passes or fails.
    pub tried: Vec<PassOutcome>,
}

/// Counts that should be zero.
const VIOLATIONS: [&str; 8] =
    ["lost", "duplicated", "reordered", "misrouted", "corrupted", "wrong_replies", "refused", "disconnects"];

impl ComparedRun {
    /// Takes it from a result.
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
            // Results of older versions do not say.
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
            tried: result.expectations.iter().map(expectation).chain(result.cases.iter().map(check)).collect(),
        })
    }

    /// Takes it from a result that has checks alone.
    pub fn of_checks(result: &ConformanceResult) -> Self {
        Self {
            started: result.info.started.clone(),
            intervals: Vec::new(),
            independent: 0,
            wholes: BTreeMap::new(),
            violations: BTreeMap::new(),
            delivered: 0,
            validity: Validity::Valid,
            tried: result.checks.iter().map(check).collect(),
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

/// Whether an interval belongs to what is compared. The stages are the same on both sides, so that nothing hangs on it.
fn is_load(point: &TimelinePoint) -> bool {
    point.stage != "join" && !point.stage.starts_with("warmup") && point.p50.is_some()
}

fn interval(point: &TimelinePoint, from: f64) -> Result<LoadInterval, HistogramError> {
    let histogram = decode(&point.hdr)?;
    Ok(LoadInterval {
        seconds: point.t - from,
        delivery: histogram
            .iter_recorded()
            .map(|at| (histogram.highest_equivalent(at.value_iterated_to()), at.count_at_value()))
            .collect(),
        server_cpu: point.server_cpu,
        server_rss: point.server_rss,
    })
}
