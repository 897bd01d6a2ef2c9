//! Latency distributions of a whole run and of its parts.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::MeasuredUnit;
use super::histogram::{encode, quantile};

/// Distributions of one latency metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBlock {
    /// Distribution over the measured stages (`connect`: over all stages).
    #[serde(flatten)]
    pub whole: LatencyResult,
    /// Distributions over parts of the run.
    pub by: LatencyBreakdown,
}

/// Distributions of one metric over parts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyBreakdown {
    /// Distributions by stage.
    pub stage: BTreeMap<String, LatencyResult>,
    /// Distributions by group.
    pub group: BTreeMap<String, LatencyResult>,
    /// Distributions by action.
    pub action: BTreeMap<String, LatencyResult>,
    /// Distributions by combinations that an expectation selects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, LatencyResult>,
}

/// One distribution in microseconds. It has only the percentiles that its number of samples supports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyResult {
    /// Unit: always `us`.
    pub unit: MeasuredUnit,
    /// Number of samples.
    pub count: u64,
    /// Number of independent samples, which limits the percentiles. All copies of a broadcast count once.
    #[serde(default)]
    pub independent: u64,
    /// Minimum.
    pub min: u64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub stdev: f64,
    /// 50th percentile.
    pub p50: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p99_9: Option<u64>,
    /// 99.99th percentile.
    pub p99_99: Option<u64>,
    /// Maximum.
    pub max: u64,
    /// Number of samples over 60 s, which are recorded as 60 s.
    pub overflow: u64,
    /// Complete histogram: HdrHistogram V2, deflated, Base64.
    pub hdr: String,
}

impl LatencyResult {
    /// Creates a distribution from a histogram in microseconds, its number of independent samples and of those over 60 s.
    pub fn new(histogram: &Histogram<u64>, independent: u64, overflow: u64) -> Self {
        let at = |wanted| quantile(histogram, independent, wanted);
        Self {
            unit: MeasuredUnit::Microseconds,
            count: histogram.len(),
            independent,
            min: if histogram.is_empty() { 0 } else { histogram.min() },
            mean: histogram.mean(),
            stdev: histogram.stdev(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max(),
            overflow,
            hdr: encode(histogram),
        }
    }
}
