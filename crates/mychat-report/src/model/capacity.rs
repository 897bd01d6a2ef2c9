//! Result of a search for the highest rate.

use serde::{Deserialize, Serialize};

use mychat_load::verdict::validity::Validity;

/// Outcome of a search for the highest rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Highest percentage of the scenario's rates that passes; `None` if none does.
    pub percent: Option<f64>,
    /// Messages sent per second at that percentage.
    pub sent_per_second: Option<f64>,
    /// Lowest percentage that fails; `None` if none did.
    pub broke_at: Option<f64>,
    /// Reason for the end of the search, as text.
    pub reason: String,
    /// All probes in order.
    pub probes: Vec<CapacityProbe>,
}

impl Capacity {
    /// Returns the messages sent per second at the lowest percentage that fails.
    pub fn broke_at_per_second(&self) -> Option<f64> {
        let broke_at = self.broke_at?;
        let broke = |probe: &&CapacityProbe| probe.broke.is_some() && (probe.percent - broke_at).abs() < 1e-9;
        self.probes.iter().rev().find(broke).map(|probe| probe.sent_per_second)
    }
}

/// One probe of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityProbe {
    /// Percentage of the scenario's rates.
    pub percent: f64,
    /// Phase of the search.
    pub phase: SearchPhase,
    /// Messages sent per second during the measurement.
    pub sent_per_second: f64,
    /// Arrivals per second during the measurement. What arrived later does not count.
    pub delivered_per_second: f64,
    /// Median delivery latency in microseconds.
    pub p50: Option<u64>,
    /// 99th percentile of the delivery latency in microseconds.
    pub p99: Option<u64>,
    /// True if all expectations held. If false and `broke` is `None`, the generator was the limit.
    pub held: bool,
    /// Violated expectation with its value.
    pub broke: Option<String>,
    /// True if the generator kept its schedule.
    pub validity: Validity,
}

/// Phase of a search for the highest rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchPhase {
    /// Each probe has a higher rate than the one before, until an expectation fails.
    Grow,
    /// Probes are between a percentage that passed and one that failed.
    Bisect,
    /// A longer probe repeats the answer.
    Confirm,
}

impl SearchPhase {
    /// Returns the phase as written in results and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grow => "grow",
            Self::Bisect => "bisect",
            Self::Confirm => "confirm",
        }
    }
}
