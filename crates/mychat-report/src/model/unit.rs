//! Units of measured values.

use serde::{Deserialize, Serialize};

use crate::{bytes, duration, grouped};
use mychat_scenario::model::Unit;

/// Unit of a measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasuredUnit {
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Plain count.
    Count,
    /// Percent.
    Percent,
    /// Bytes.
    Bytes,
}

impl MeasuredUnit {
    /// Formats a value with this unit.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Microseconds => duration(value),
            Self::Percent => format!("{value:.2} %"),
            Self::Bytes => bytes(value as u64),
            Self::Count => grouped(value as u64),
        }
    }
}

impl From<Unit> for MeasuredUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Latency => Self::Microseconds,
            Unit::Count => Self::Count,
            Unit::Percent => Self::Percent,
            Unit::Bytes => Self::Bytes,
        }
    }
}
