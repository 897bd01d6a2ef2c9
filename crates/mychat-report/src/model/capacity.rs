//! What a search for the highest rate found.

use serde::{Deserialize, Serialize};

use mychat_load::verdict::validity::Validity;

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
    pub probes: Vec<CapacityProbe>,
}

impl Capacity {
    /// What was sent a second at the lowest percentage that is known to break.
    pub fn broke_at_per_second(&self) -> Option<f64> {
        let broke_at = self.broke_at?;
        let broke = |probe: &&CapacityProbe| probe.broke.is_some() && (probe.percent - broke_at).abs() < 1e-9;
        self.probes.iter().rev().find(broke).map(|probe| probe.sent_per_second)
    }
}

/// One try of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityProbe {
    /// Of the scenario's rates.
    pub percent: f64,
    /// Phase of the search.
    pub phase: SearchPhase,
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

/// Phase of a search for the highest rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchPhase {
    /// Each probe asks for more than the one before, until an expectation breaks.
    Grow,
    /// Probes lie between a percentage that held and one that broke.
    Bisect,
    /// The answer is measured again, for longer.
    Confirm,
}

impl SearchPhase {
    /// Returns the phase as it stands in results and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grow => "grow",
            Self::Bisect => "bisect",
            Self::Confirm => "confirm",
        }
    }
}
