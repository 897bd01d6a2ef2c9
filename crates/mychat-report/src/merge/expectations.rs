//! Judges the expectations of a merged result: percentiles from the added histograms, counts from the sums.

use super::implicit;
use super::reconcile::ShardReconciliation;
use crate::model::histogram::decode;
use crate::model::{ExpectationResult, LatencyResult, MeasuredUnit, RunResult};
use mychat_load::Exit;
use mychat_load::verdict::expect::decide;
use mychat_load::verdict::validity::Validity;
use mychat_load::verdict::{MeasuredValue, samples_needed};
use mychat_scenario::model::{Action, Condition, Measure, Metric, Scenario, Selector, Stat, Unit, Value};
use mychat_scenario::parse;

/// Judges every expectation of the merged result.
pub(super) fn judge(merged: &mut RunResult, results: &[RunResult], reconciliation: &ShardReconciliation) {
    let parsed = parse(&merged.scenario.file, &merged.scenario.text).map(|loaded| loaded.scenario);
    let scenario = parsed.ok();
    let mut expectations = std::mem::take(&mut merged.expectations);
    expectations.retain(|expectation| expectation.line > 0);
    for expectation in &mut expectations {
        let shares: Vec<&ExpectationResult> =
            results.iter().filter_map(|result| same(&result.expectations, expectation)).collect();
        let condition =
            scenario.as_ref().and_then(|scenario| scenario.expect.iter().find(|c| c.text == expectation.text));
        let whole = scenario.as_ref().zip(condition).and_then(|(all, condition)| whole(merged, all, condition));
        match (whole, condition) {
            (Some((ok, actual)), _) => {
                (expectation.ok, expectation.actual, expectation.note) = (ok, actual, None);
            }
            (None, condition) => together(expectation, &shares, condition, reconciliation),
        }
    }
    // Findings of one machine alone, for example a condition of `abort_if`.
    for extra in results.iter().flat_map(|result| &result.expectations).filter(|extra| extra.line > 0) {
        if same(&expectations, extra).is_none() {
            expectations.insert(0, extra.clone());
        }
    }
    merged.expectations = implicit::combine(merged, results).into_iter().chain(expectations).collect();
}

fn same<'e>(all: &'e [ExpectationResult], one: &ExpectationResult) -> Option<&'e ExpectationResult> {
    all.iter().find(|other| (other.line, &other.text) == (one.line, &one.text))
}

/// Judges a latency expectation from the merged histograms. Returns `None` for other metrics.
fn whole(merged: &RunResult, scenario: &Scenario, condition: &Condition) -> Option<(Option<bool>, Option<f64>)> {
    let left = figure(merged, scenario, &condition.measure)?;
    let right = match &condition.value {
        Value::Number(number) | Value::Count(number) => exact(*number),
        Value::Times(factor, other) => {
            let other = figure(merged, scenario, other)?;
            MeasuredValue {
                value: other.value.map(|value| value * factor),
                lower: other.lower * factor,
                upper: other.upper * factor,
                ..other
            }
        }
    };
    Some((decide(condition.op, left, right), left.value))
}

const fn exact(value: f64) -> MeasuredValue {
    MeasuredValue { value: Some(value), lower: value, upper: value, samples: (1, 1) }
}

fn figure(merged: &RunResult, scenario: &Scenario, measure: &Measure) -> Option<MeasuredValue> {
    if measure.metric.unit() != Unit::Latency {
        let counts = &merged.counts;
        let plain = measure.selector == Selector::default();
        return match measure.metric {
            Metric::Lost if plain => Some(exact(counts.lost as f64)),
            _ => None,
        };
    }
    let latency = part(merged, scenario, measure)?;
    let histogram = decode(&latency.hdr).ok()?;
    let stat = measure.stat?;
    let needed = stat.quantile().map_or(1, samples_needed);
    if histogram.is_empty() {
        return Some(MeasuredValue { value: None, lower: 0.0, upper: f64::INFINITY, samples: (0, needed) });
    }
    let value = match stat {
        Stat::Max => histogram.max() as f64,
        Stat::Mean => histogram.mean(),
        _ => histogram.value_at_quantile(stat.quantile().unwrap_or(1.0)) as f64,
    };
    let value = (latency.independent >= needed).then_some(value);
    let (lower, upper) = value.map_or((histogram.min() as f64, histogram.max() as f64), |value| (value, value));
    Some(MeasuredValue { value, lower, upper, samples: (latency.independent, needed) })
}

/// Returns the distribution of a metric over the selected part of the run.
fn part<'r>(merged: &'r RunResult, scenario: &Scenario, measure: &Measure) -> Option<&'r LatencyResult> {
    let block = merged.latency.get(&measure.metric.name().replace('.', "_"))?;
    let selector = &measure.selector;
    let group = selector.group.and_then(|group| Some(scenario.groups.get(group)?.name.as_str()));
    let action = selector.action.and_then(|action| Action::NAMES.get(action).copied());
    let stage = selector.stage.map(|stage| scenario.stages.get(stage).map_or("join", |stage| stage.name.as_str()));
    let names: Vec<&str> = [group, action, stage].into_iter().flatten().collect();
    match (names.as_slice(), group, action) {
        ([], ..) => Some(&block.whole),
        ([one], Some(_), _) => block.by.group.get(*one),
        ([one], None, Some(_)) => block.by.action.get(*one),
        ([one], None, None) => block.by.stage.get(*one),
        _ => block.by.selector.get(&names.join(",")),
    }
}

/// Combines the verdicts of the machines, for figures that cannot be computed for the whole.
fn together(
    expectation: &mut ExpectationResult,
    shares: &[&ExpectationResult],
    condition: Option<&Condition>,
    reconciliation: &ShardReconciliation,
) {
    let about_server = condition.is_some_and(|c| matches!(c.measure.metric, Metric::ServerRss | Metric::ServerCpu));
    let measured = |share: &&&ExpectationResult| !about_server || share.actual.is_some();
    let oks: Vec<Option<bool>> = shares.iter().filter(measured).map(|share| share.ok).collect();
    expectation.ok = match oks.as_slice() {
        oks if oks.contains(&Some(false)) => Some(false),
        oks if oks.contains(&None) || oks.is_empty() => None,
        _ => Some(true),
    };
    let actuals: Vec<f64> = shares.iter().filter_map(|share| share.actual).collect();
    let all = actuals.len() == shares.len();
    match expectation.unit {
        // A sum can exceed a limit that no part exceeded.
        MeasuredUnit::Count => {
            expectation.actual = all.then(|| actuals.iter().sum());
            let limit = condition.and_then(|condition| match condition.value {
                Value::Number(limit) | Value::Count(limit) => Some((condition.op, limit)),
                Value::Times(..) => None,
            });
            if let (Some(sum), Some((op, limit))) = (expectation.actual, limit) {
                expectation.ok = Some(op.holds(sum, limit));
            }
        }
        MeasuredUnit::Percent if !about_server => {
            // The verdict depends on the worst of the parts. A mean of percentages would hide it.
            expectation.actual = if all { actuals.into_iter().reduce(f64::min) } else { None };
            expectation.note = Some("evaluated on each machine separately; the worst value is shown".to_owned());
            return;
        }
        _ => expectation.actual = actuals.into_iter().reduce(f64::max),
    }
    expectation.note = None;
    let losses = condition.is_some_and(|condition| condition.measure.metric == Metric::Lost);
    if losses && reconciliation.lost > 0 && expectation.ok == Some(true) {
        expectation.ok = None;
        expectation.note =
            Some(format!("{} more were lost between machines, and their groups are not known", reconciliation.lost));
    }
}

/// Returns the verdict and the exit code of the whole, by the rules of a single run.
pub(super) fn conclusion(merged: &RunResult) -> Exit {
    let broken = |count: bool| {
        merged.expectations.iter().any(|e| e.ok == Some(false) && (e.unit == MeasuredUnit::Count) == count)
    };
    let idle = |e: &ExpectationResult| e.text.starts_with("server.");
    let undecided = merged.expectations.iter().any(|e| e.ok.is_none() && !idle(e));
    if broken(true) {
        Exit::Failed
    } else if merged.validity == Validity::Invalid || undecided && !broken(false) {
        Exit::Inconclusive
    } else if broken(false) {
        Exit::Failed
    } else {
        Exit::Success
    }
}
