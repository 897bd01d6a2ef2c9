//! Distributions: over a whole run, and over parts of it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::MeasuredUnit;
use super::histogram::{encode, quantile};

/// A latency metric: over all that it covers, and over parts of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyBlock {
    /// Over holds and spikes (`connect`: over all).
    #[serde(flatten)]
    pub whole: LatencyResult,
    /// Over parts.
    pub by: LatencyBreakdown,
}

/// A latency over parts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyBreakdown {
    /// LatencyBreakdown stage.
    pub stage: BTreeMap<String, LatencyResult>,
    /// LatencyBreakdown group.
    pub group: BTreeMap<String, LatencyResult>,
    /// LatencyBreakdown action.
    pub action: BTreeMap<String, LatencyResult>,
    /// LatencyBreakdown combinations that an expectation asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, LatencyResult>,
}

/// One distribution, in microseconds. A percentile is there only where there are samples enough for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyResult {
    /// `us`.
    pub unit: MeasuredUnit,
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

impl LatencyResult {
    /// Of a histogram of microseconds, so many samples of which are independent, and so many of which were over 60 s.
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
