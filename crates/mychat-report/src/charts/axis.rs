//! Axes: the mapping of values to positions, and the tick labels.

use crate::duration;

/// Mapping of a value to a position on an axis, as a fraction of its length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Linear, from the first value to the second.
    Linear(f64, f64),
    /// Logarithmic, from the first value to the second.
    Log(f64, f64),
}

impl Scale {
    /// Returns 0 at the low end and 1 at the high end. Values beyond an end are clamped to it.
    pub(crate) fn at(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value.max(low) / low).ln() / (high / low).ln(),
        };
        place.clamp(0.0, 1.0)
    }
}

/// Scale with labelled ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Creates a linear axis from zero to a little above `most`, with about four ticks.
    pub(crate) fn amounts(most: f64, label: impl Fn(f64) -> String) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = nice(most / 4.0);
        let count = (most / step).ceil().max(1.0) as u32;
        let ticks = (0..=count).map(|tick| f64::from(tick) * step).map(|at| (at, label(at))).collect();
        Self { scale: Scale::Linear(0.0, f64::from(count) * step), ticks }
    }

    /// Creates a logarithmic axis of latencies in microseconds.
    pub(crate) fn latencies(least: f64, most: f64) -> Self {
        Self::logarithmic(least, most, short_duration)
    }

    /// Creates a logarithmic axis of rates.
    pub(crate) fn rates(least: f64, most: f64) -> Self {
        Self::logarithmic(least, most, compact)
    }

    /// Creates a logarithmic axis with one tick per decade, or three where there are few decades.
    fn logarithmic(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let low = least.max(1.0).log10().floor();
        let high = most.max(1.0).log10().ceil().max(low + 1.0);
        let within: &[f64] = if high - low <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = Vec::new();
        for decade in low as i32..=high as i32 {
            for factor in within {
                let at = factor * 10f64.powi(decade);
                if at <= 10f64.powf(high) * 1.001 {
                    ticks.push((at, label(at)));
                }
            }
        }
        Self { scale: Scale::Log(10f64.powf(low), 10f64.powf(high)), ticks }
    }

    /// Creates an axis of quantiles on which each further nine takes the same length: 50 %, 90 %, 99 %… up to `highest`.
    pub(crate) fn nines(highest: f64) -> Self {
        let end = nines(highest).max(1.0);
        let all = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];
        let ticks = all
            .into_iter()
            .chain([(0.99999, "99.999 %")])
            .filter(|(quantile, _)| nines(*quantile) <= end + 1e-9)
            .map(|(quantile, label)| (nines(quantile), label.to_owned()))
            .collect();
        Self { scale: Scale::Linear(0.0, end), ticks }
    }

    /// Creates an axis of the seconds of a run, from 0 to `end`.
    pub(crate) fn time(end: f64) -> Self {
        let end = if end > 0.0 { end } else { 1.0 };
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
        let step = steps.into_iter().find(|step| end / step <= 7.0).unwrap_or_else(|| nice(end / 6.0));
        let ticks = (0..=(end / step) as u32).map(|tick| f64::from(tick) * step);
        Self { scale: Scale::Linear(0.0, end), ticks: ticks.map(|at| (at, clock(at, end))).collect() }
    }
}

/// Returns the number of nines of a quantile: 1 for 90 %, 2 for 99 %.
pub(crate) fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).max(1e-12).log10()
}

fn nice(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

fn clock(at: f64, end: f64) -> String {
    if end <= 120.0 {
        format!("{} s", (at * 10.0).round() / 10.0)
    } else if end <= 7200.0 {
        format!("{}:{:02}", at as u64 / 60, at as u64 % 60)
    } else {
        format!("{}:{:02} h", at as u64 / 3600, at as u64 % 3600 / 60)
    }
}

/// Formats a round time without trailing zeros: `5 ms`, not `5.00 ms`.
fn short_duration(micros: f64) -> String {
    let text = duration(micros);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Formats a number with as few digits as an axis needs: `1.5 k`, `20 M`.
pub(crate) fn compact(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e9 => (value / 1e9, " G"),
        value if value >= 1e6 => (value / 1e6, " M"),
        value if value >= 1e4 => (value / 1e3, " k"),
        value => (value, ""),
    };
    format!("{}{unit}", (value * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(&Axis::amounts(97.0, compact)), ["0", "25", "50", "75", "100"]);
        assert_eq!(labels(&Axis::amounts(0.0, compact)), ["0", "0.25", "0.5", "0.75", "1"]);
        assert_eq!(labels(&Axis::amounts(1_234_567.0, compact)), ["0", "500 k", "1 M", "1.5 M"]);
        assert_eq!(labels(&Axis::latencies(54.0, 12_000.0)), ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]);
        assert_eq!(labels(&Axis::latencies(200.0, 900.0)), ["100 µs", "200 µs", "500 µs", "1 ms"]);
        assert_eq!(labels(&Axis::nines(0.999)), ["50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(labels(&Axis::time(24.0)), ["0 s", "5 s", "10 s", "15 s", "20 s"]);
        assert_eq!(labels(&Axis::time(10_000.0)).len(), 6);
    }

    #[test]
    fn no_value_leaves_the_picture() {
        for scale in [Scale::Linear(0.0, 10.0), Scale::Log(1.0, 1000.0)] {
            for value in [-1.0, 0.0, 5.0, 1e12, f64::INFINITY] {
                assert!((0.0..=1.0).contains(&scale.at(value)), "{value} on {scale:?}");
            }
        }
    }
}
