//! One expectation of a scenario, held against what was seen.

use crate::engine::conduct::Observations;
use crate::plan::{Plan, nanos};
use crate::record::recorder::Count;
use mychat_scenario::model::{Condition, Measure, Metric, Op, Pace, Unit, Value};

use super::measure::{Figure, figure, percent_of_sent};

/// An expectation and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// As it stands in the file.
    pub text: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// What was measured; `None` where there are too few samples.
    pub actual: Option<f64>,
    /// Of what is measured.
    pub unit: Unit,
    /// Whether it holds; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// Whether it is about an exact count, which is true even in an invalid run.
    pub exact: bool,
    /// Whether it is undecided without effect: about a server's process that cannot be seen from here.
    pub idle: bool,
    /// What else there is to say, in words.
    pub note: Option<String>,
}

impl Expectation {
    /// What every scenario expects without saying so: a run in which nobody was let in, or nobody who was let in could
    /// send what was to be sent, shows nothing and must not pass.
    pub(super) fn deserted(plan: &Plan, seen: &Observations) -> Option<Self> {
        let total = |count| seen.recorder.total(count, |_| true);
        let (text, note) = if total(Count::Connected) == 0 {
            ("somebody is let in", "every single user was refused; there was no load")
        } else if total(Count::Sent) == 0 && (total(Count::Scheduled) > 0 || has_loops(plan)) {
            ("somebody can send", "whoever was to send was refused, thrown out or not read; there was no load")
        } else {
            return None;
        };
        Some(Self {
            text: text.to_owned(),
            line: 0,
            actual: Some(0.0),
            unit: Unit::Count,
            ok: Some(false),
            exact: true,
            idle: false,
            note: Some(note.to_owned()),
        })
    }

    /// A condition of `abort_if` that ended the run: broken, whatever the figures of the whole run say.
    pub(super) fn aborted(condition: &Condition) -> Self {
        Self {
            text: format!("abort_if: {}", condition.text),
            line: condition.line,
            actual: None,
            unit: unit_of(&condition.measure),
            ok: Some(false),
            exact: true,
            idle: false,
            note: Some("it held, and ended the run".to_owned()),
        }
    }
}

/// Whether this machine drives a user in a closed loop that has thought for long enough before the load is over.
fn has_loops(plan: &Plan) -> bool {
    (0..plan.users.len() as u32).filter(|user| plan.shard.has(*user)).any(|user| match plan.group(user).pace {
        Pace::Closed { think } => nanos(think.to) < plan.end() && !plan.group(user).actions.is_empty(),
        Pace::Open { .. } | Pace::Silent => false,
    })
}

/// Judges one expectation.
pub fn judge(plan: &Plan, seen: &Observations, condition: &Condition) -> Expectation {
    let (left, right, unit) = match &condition.value {
        Value::Number(number) => {
            let percent = condition.measure.metric == Metric::Errors;
            let left = if percent {
                percent_of_sent(plan, seen, &condition.measure)
            } else {
                figure(plan, seen, &condition.measure)
            };
            (left, known(*number), condition.measure.metric.unit())
        }
        Value::Count(number) => (figure(plan, seen, &condition.measure), known(*number), Unit::Count),
        Value::Times(factor, other) => {
            let right = figure(plan, seen, other);
            (figure(plan, seen, &condition.measure), scaled(right, *factor), unit_of(&condition.measure))
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
            Some("the server's process is not known here: --pid names it".to_owned())
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

fn known(value: f64) -> Figure {
    Figure { value: Some(value), least: value, most: value, samples: (1, 1) }
}

fn scaled(figure: Figure, factor: f64) -> Figure {
    Figure {
        value: figure.value.map(|value| value * factor),
        least: figure.least * factor,
        most: figure.most * factor,
        ..figure
    }
}

/// Decided where the values are known, or where every value that they can have decides the same.
pub fn decide(op: Op, left: Figure, right: Figure) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.value, right.value) {
        return Some(op.holds(left, right));
    }
    let corners =
        [(left.least, right.least), (left.least, right.most), (left.most, right.least), (left.most, right.most)];
    match op {
        // Between its bounds a value can be anything: only ranges that do not touch decide these.
        Op::Equal | Op::NotEqual => (left.most < right.least || right.most < left.least).then_some(op == Op::NotEqual),
        _ => {
            let first = op.holds(corners[0].0, corners[0].1);
            corners.iter().all(|(left, right)| op.holds(*left, *right) == first).then_some(first)
        }
    }
}

fn note(value: &Value, left: Figure, right: Figure, unit: Unit, decided: bool) -> Option<String> {
    let few = |figure: Figure, whose: &str| {
        let (have, need) = figure.samples;
        (figure.value.is_none()).then(|| {
            if have == 0 {
                format!("{whose}nothing was measured")
            } else {
                let bounds = if unit == Unit::Latency {
                    let (least, most) = (crate::format::duration(figure.least), crate::format::duration(figure.most));
                    // All that the percentile could be is on one side of the limit.
                    let enough = if decided { ", which decides it" } else { "" };
                    format!("; all are within {least} to {most}{enough}")
                } else {
                    String::new()
                };
                format!("{whose}n/a: needs {need} independent samples, has {have}{bounds}")
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

    fn between(least: f64, most: f64) -> Figure {
        Figure { value: None, least, most, samples: (5, 1000) }
    }

    #[test]
    fn too_few_samples_decide_where_min_or_max_do() {
        assert_eq!(decide(Op::Less, between(1.0, 9.0), known(10.0)), Some(true));
        assert_eq!(decide(Op::Less, between(11.0, 19.0), known(10.0)), Some(false));
        assert_eq!(decide(Op::Less, between(1.0, 19.0), known(10.0)), None);
        assert_eq!(decide(Op::AtLeast, between(10.0, 19.0), known(10.0)), Some(true));
        assert_eq!(decide(Op::Equal, between(1.0, 19.0), known(10.0)), None);
        assert_eq!(decide(Op::Equal, between(1.0, 9.0), known(10.0)), Some(false));
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        let nothing = Figure { value: None, least: 0.0, most: f64::INFINITY, samples: (0, 1) };
        for op in [Op::Less, Op::AtMost, Op::Equal, Op::AtLeast, Op::More] {
            assert_eq!(decide(op, nothing, known(10.0)), None, "{op:?}");
        }
    }

    #[test]
    fn a_run_in_which_nobody_could_send_shows_nothing() {
        use crate::record::recorder::{Place, Recorder, Shape};

        let text = |pace: &str| {
            format!(
                "name: t\nusers: {{ u: {{ count: 2, {pace}, do: [ {{ broadcast: {{}} }} ] }} }}\nload: [ {{ hold: 1s }} ]"
            )
        };
        let judged = |pace: &str, counts: &[(Count, u64)]| {
            let loaded = mychat_scenario::parse("t.yaml", &text(pace)).unwrap();
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            for (count, times) in counts {
                recorder.add(Place { stage: 0, group: 0, action: 0 }, *count, *times);
            }
            let plan = Plan::new(std::sync::Arc::new(loaded.scenario), 1);
            Expectation::deserted(&plan, &Observations::of_interval(recorder)).map(|expected| expected.text)
        };
        let there = (Count::Connected, 2);
        assert_eq!(judged("rate: 1/s", &[]).as_deref(), Some("somebody is let in"));
        assert_eq!(judged("rate: 1/s", &[there, (Count::Scheduled, 3)]).as_deref(), Some("somebody can send"));
        assert_eq!(judged("rate: 1/s", &[there, (Count::Scheduled, 3), (Count::Sent, 1)]), None);
        assert_eq!(judged("rate: 1/s", &[there]), None, "nothing came due");
        assert_eq!(judged("think: 0s", &[there]).as_deref(), Some("somebody can send"));
        assert_eq!(judged("think: 2s", &[there]), None, "the load was over before the first thought");
    }
}
