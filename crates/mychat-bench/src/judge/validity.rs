//! Was the generator itself quick enough for its figures to be about the server?

use serde::{Deserialize, Serialize};

use crate::drive::conduct::Observations;
use crate::figures::duration;
use crate::plan::Plan;
use crate::scenario::model::{Metric, Selector};

use super::measure::latency_of;

/// Whether a run's latencies are about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// They are.
    Valid,
    /// The generator's own delay is a noticeable part of them.
    Degraded,
    /// They are mostly about the generator.
    Invalid,
}

/// Validity with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soundness {
    /// How sound the run was.
    pub validity: Validity,
    /// Why it is not better.
    pub reasons: Vec<String>,
}

/// A lateness below this is never held against the generator.
const NOTICEABLE_US: u64 = 1000;
/// A worker that does nothing for so long makes the run invalid.
const STALL_US: u64 = 200_000;

/// Judges a run.
pub fn judge(plan: &Plan, seen: &Observations) -> Soundness {
    let whole = Selector::default();
    let lateness = latency_of(plan, seen, Metric::Lateness, &whole);
    // A closed loop alone has no headline delivery; where nothing arrived at all there is nothing to be compared with.
    let response = latency_of(plan, seen, Metric::Delivery, &whole);
    let response = if response.count() > 0 { response } else { latency_of(plan, seen, Metric::Service, &whole) };
    let compared = response.count() > 0;
    let quantile = supported(lateness.count());
    let (lateness, response) =
        (lateness.histogram.value_at_quantile(quantile), response.histogram.value_at_quantile(quantile));
    let mut sound = Soundness { validity: Validity::Valid, reasons: Vec::new() };
    let mut worse = |validity, reason: String| {
        sound.validity = sound.validity.max(validity);
        sound.reasons.push(reason);
    };
    if compared && lateness > NOTICEABLE_US && lateness * 10 > response {
        let validity = if lateness * 2 > response { Validity::Invalid } else { Validity::Degraded };
        worse(
            validity,
            format!(
                "the generator sent late: lateness p{:.0} is {}, delivery's {}",
                quantile * 100.0,
                duration(lateness as f64),
                duration(response as f64)
            ),
        );
    }
    let read_lag = seen.read_lag.histogram.value_at_quantile(0.99);
    if compared && read_lag > NOTICEABLE_US && read_lag * 10 > response {
        let validity = if read_lag * 2 > response { Validity::Invalid } else { Validity::Degraded };
        worse(
            validity,
            format!(
                "the generator read late: what had arrived waited for up to {} (p99) to be read, delivery's p{:.0} is {}",
                duration(read_lag as f64),
                quantile * 100.0,
                duration(response as f64)
            ),
        );
    }
    let stall = seen.stall / 1000;
    if stall >= STALL_US {
        worse(Validity::Invalid, format!("the generator stood still for {}", duration(stall as f64)));
    }
    sound
}

/// The 99 % quantile, or the highest one that so many samples support: with a hundred of them the 99 % quantile is the
/// second worst, and one hiccup of the machine would condemn the run.
fn supported(samples: u64) -> f64 {
    (1.0 - 10.0 / samples.max(1) as f64).clamp(0.5, 0.99)
}
