//! Checks one expectation of a scenario against the observations.

use crate::engine::coordinator::Observations;
use crate::plan::Plan;
use mychat_scenario::model::{Condition, Measure, Metric, Op, Unit, Value};

use super::measure::{MeasuredValue, measure, percent_of_sent};

/// An expectation with its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its text in the scenario file.
    pub text: String,
    /// Its line in the file, from 1; 0 if it is implicit.
    pub line: usize,
    /// The measured value; `None` if there are too few samples.
    pub actual: Option<f64>,
    /// Unit of `actual`.
    pub unit: Unit,
    /// True if it holds; `None` if that is undecided.
    pub ok: Option<bool>,
    /// True for exact counts, which are correct even in an invalid run.
    pub exact: bool,
    /// True if it is undecided without effect on the verdict: it is about a server process that is not visible from here.
    pub idle: bool,
    /// Explanation for the reader.
    pub note: Option<String>,
}

impl Expectation {
    /// Returns the broken expectation for a condition of `abort_if` that ended the run.
    pub(super) fn aborted(condition: &Condition) -> Self {
        Self {
            text: format!("abort_if: {}", condition.text),
            line: condition.line,
            actual: None,
            unit: unit_of(&condition.measure),
            ok: Some(false),
            exact: true,
            idle: false,
            note: Some("it became true and ended the run".to_owned()),
        }
    }
}

/// Checks one condition.
pub fn assess(plan: &Plan, seen: &Observations, condition: &Condition) -> Expectation {
    let (left, right, unit) = match &condition.value {
        Value::Number(number) => {
            let percent = condition.measure.metric == Metric::Errors;
            let left = if percent {
                percent_of_sent(plan, seen, &condition.measure)
            } else {
                measure(plan, seen, &condition.measure)
            };
            (left, known(*number), condition.measure.metric.unit())
        }
        Value::Count(number) => (measure(plan, seen, &condition.measure), known(*number), Unit::Count),
        Value::Times(factor, other) => {
            let right = measure(plan, seen, other);
            (measure(plan, seen, &condition.measure), scaled(right, *factor), unit_of(&condition.measure))
        }
    };
    let ok = decide(condition.op, left, right);
    let idle = seen.server.is_none() && matches!(condition.measure.metric, Metric::ServerRss | Metric::ServerCpu);
    Expectation {
        text: condition.text.clone(),
        line: condition.line,
        actual: left.value,
        unit,
        ok,
        exact: unit == Unit::Count,
        idle,
        note: if idle {
            Some("the server's process is not known: give its process id with --pid".to_owned())
        } else if let Some(why) = condition.measure.unseen(plan.verify) {
            Some(why.to_owned())
        } else {
            note(&condition.value, left, right, unit, ok.is_some())
        },
    }
}

fn unit_of(measure: &Measure) -> Unit {
    if measure.metric == Metric::Errors { Unit::Count } else { measure.metric.unit() }
}

fn known(value: f64) -> MeasuredValue {
    MeasuredValue { value: Some(value), lower: value, upper: value, samples: (1, 1) }
}

fn scaled(value: MeasuredValue, factor: f64) -> MeasuredValue {
    MeasuredValue {
        value: value.value.map(|value| value * factor),
        lower: value.lower * factor,
        upper: value.upper * factor,
        ..value
    }
}

/// Compares two values. If one is unknown, the result is decided only if all values within the bounds agree.
pub fn decide(op: Op, left: MeasuredValue, right: MeasuredValue) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.value, right.value) {
        return Some(op.holds(left, right));
    }
    let corners =
        [(left.lower, right.lower), (left.lower, right.upper), (left.upper, right.lower), (left.upper, right.upper)];
    match op {
        // Only ranges that do not overlap decide equality.
        Op::Equal | Op::NotEqual => {
            (left.upper < right.lower || right.upper < left.lower).then_some(op == Op::NotEqual)
        }
        _ => {
            let first = op.holds(corners[0].0, corners[0].1);
            corners.iter().all(|(left, right)| op.holds(*left, *right) == first).then_some(first)
        }
    }
}

fn note(value: &Value, left: MeasuredValue, right: MeasuredValue, unit: Unit, decided: bool) -> Option<String> {
    let few = |measured: MeasuredValue, prefix: &str| {
        let (have, need) = measured.samples;
        (measured.value.is_none()).then(|| {
            if have == 0 {
                format!("{prefix}nothing was measured")
            } else {
                let bounds = if unit == Unit::Latency {
                    let (lower, upper) =
                        (crate::format::duration(measured.lower), crate::format::duration(measured.upper));
                    // All possible values of the percentile are on one side of the limit.
                    let enough = if decided { ", which decides it" } else { "" };
                    format!("; all are within {lower} to {upper}{enough}")
                } else {
                    String::new()
                };
                format!("{prefix}n/a: needs {need} independent samples, has {have}{bounds}")
            }
        })
    };
    let right = match value {
        Value::Times(..) => few(right, "compared with: ").or_else(|| {
            let limit = right.value?;
            Some(format!(
                "limit {}",
                match unit {
                    Unit::Latency => crate::format::duration(limit),
                    _ if limit.fract() == 0.0 => format!("{limit:.0}"),
                    _ => format!("{limit:.1}"),
                }
            ))
        }),
        _ => None,
    };
    match (few(left, ""), right) {
        (Some(left), Some(right)) => Some(format!("{left}; {right}")),
        (left, right) => left.or(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(lower: f64, upper: f64) -> MeasuredValue {
        MeasuredValue { value: None, lower, upper, samples: (5, 1000) }
    }

    #[test]
    fn bounds_decide_without_enough_samples() {
        assert_eq!(decide(Op::Less, between(1.0, 9.0), known(10.0)), Some(true));
        assert_eq!(decide(Op::Less, between(11.0, 19.0), known(10.0)), Some(false));
        assert_eq!(decide(Op::Less, between(1.0, 19.0), known(10.0)), None);
        assert_eq!(decide(Op::AtLeast, between(10.0, 19.0), known(10.0)), Some(true));
        assert_eq!(decide(Op::Equal, between(1.0, 19.0), known(10.0)), None);
        assert_eq!(decide(Op::Equal, between(1.0, 9.0), known(10.0)), Some(false));
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        let nothing = MeasuredValue { value: None, lower: 0.0, upper: f64::INFINITY, samples: (0, 1) };
        for op in [Op::Less, Op::AtMost, Op::Equal, Op::AtLeast, Op::More] {
            assert_eq!(decide(op, nothing, known(10.0)), None, "{op:?}");
        }
    }
}
