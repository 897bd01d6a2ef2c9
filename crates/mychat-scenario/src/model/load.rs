//! The stages of a load.

use std::time::Duration;

use serde::Serialize;

/// A stage of the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// Given, or `hold-1`, `ramp-1` and so on.
    pub name: String,
    /// The shape of the stage.
    pub kind: StageKind,
    /// The rates at its start, in percent of the groups' own.
    pub from: f64,
    /// The rates at its end; they go there linearly.
    pub to: f64,
    /// The duration; 0 for `find_max`, where the search decides.
    pub duration: Duration,
    /// Indices of the groups that act; `None`: all.
    pub only: Option<Vec<usize>>,
}

/// Kinds of stages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum StageKind {
    /// Verified, but kept out of the figures.
    Warmup,
    /// A constant rate.
    Hold,
    /// A rate that changes.
    Ramp,
    /// A constant rate far above the others.
    Spike,
    /// Nobody acts.
    Pause,
    /// Looks for the highest rate at which all expectations hold.
    FindMax(FindMax),
}

/// The parameters of a search for the highest rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindMax {
    /// Percent to start with.
    pub start: f64,
    /// Percent to stop at.
    pub max: f64,
    /// Factor from one probe to the next while it grows.
    pub grow: f64,
    /// Length of a probe.
    pub probe: Duration,
    /// Time before a probe that does not count.
    pub settle: Duration,
    /// Width of the answer, as a part of it.
    pub within: f64,
    /// Length of the probe that confirms the answer.
    pub confirm: Duration,
}
