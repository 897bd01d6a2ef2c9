//! Computes one metric over the part of a run that a selector names.

use super::percentile::samples_needed;
use crate::engine::coordinator::Observations;
use crate::plan::Plan;
use crate::record::recorder::{Count, Latency, LatencyMetric, Place, Recorder};
use mychat_scenario::model::{Measure, Metric, Selector, Stat};

/// A metric with its certain bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasuredValue {
    /// The value; `None` if there are too few samples.
    pub value: Option<f64>,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Number of independent samples: present, and needed by the statistic.
    pub samples: (u64, u64),
}

impl MeasuredValue {
    fn exact(value: f64) -> Self {
        Self { value: Some(value), lower: value, upper: value, samples: (1, 1) }
    }
}

/// Returns true if places of this metric name the recipient's group, false if they name the sender's.
fn is_attributed_to_recipient(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Delivery
            | Metric::Service
            | Metric::Delivered
            | Metric::Lost
            | Metric::Duplicated
            | Metric::Reordered
            | Metric::Disordered
            | Metric::Corrupted
            | Metric::Disconnects
    )
}

/// Returns true if a metric without a stage covers the whole run, as violations and connecting do. Rates and latencies then
/// cover holds and spikes.
fn covers_whole_run(metric: Metric) -> bool {
    !matches!(
        metric,
        Metric::Ack
            | Metric::Delivery
            | Metric::DeliveryFirst
            | Metric::DeliveryLast
            | Metric::DeliverySpread
            | Metric::Service
            | Metric::Lateness
            | Metric::Achieved
            | Metric::Sent
            | Metric::Delivered
    )
}

/// Returns true if a metric without a group or action excludes closed loops.
const fn excludes_closed_loops(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Ack | Metric::Delivery | Metric::DeliveryFirst | Metric::DeliveryLast | Metric::DeliverySpread
    )
}

/// Returns a filter for the places that a metric covers under a selector. The stage after the last one means joining.
pub fn places<'p>(plan: &'p Plan, metric: Metric, selector: &'p Selector) -> impl Fn(Place) -> bool + 'p {
    move |place| {
        let stage = match selector.stage {
            Some(stage) => stage == place.stage.index(),
            None => covers_whole_run(metric) || plan.stages.get(place.stage.index()).is_some_and(|s| s.headline),
        };
        let group = match selector.group {
            Some(group) => group == place.group.index(),
            // Violations against hostile users do not count: they provoke them.
            None => !(is_attributed_to_recipient(metric) && plan.scenario.groups[place.group.index()].hostile),
        };
        let action = match selector.action {
            Some(action) => action == place.kind(),
            // A closed loop sends less to a slow server: its latencies would make the server look better.
            None => !(place.is_closed() && selector.group.is_none() && excludes_closed_loops(metric)),
        };
        // A closed loop has no schedule to fall behind.
        stage && group && action && !(place.is_closed() && metric == Metric::Achieved)
    }
}

/// Returns the distribution of a latency metric; an empty one for other metrics.
pub fn latency_of(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector) -> Latency {
    LatencyMetric::of(metric)
        .map_or_else(Latency::default, |latency| seen.recorder.latency(latency, places(plan, metric, selector)))
}

/// Returns the latency of deliveries that arrived at the places of `filter`, without the ages of lost ones.
pub(super) fn arrived(seen: &Observations, metric: LatencyMetric, filter: &impl Fn(Place) -> bool) -> Latency {
    let mut latency = seen.recorder.latency(metric, filter);
    let mut lost = Recorder::new(seen.recorder.shape());
    seen.reconciliation.lost_latency.record(seen.end, |_, _| true, &mut lost);
    latency.subtract(&lost.latency(metric, filter));
    latency
}

/// Returns how many of the `count` samples of a latency are independent. The deliveries of one broadcast are not: they count
/// as one.
pub fn samples(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector, count: u64) -> u64 {
    if matches!(metric, Metric::Delivery | Metric::Service) {
        independent(plan, &seen.recorder, metric, selector).min(count)
    } else {
        count
    }
}

/// Indices in [`mychat_scenario::model::Action::NAMES`].
const BROADCAST: usize = 0;
const PRIVATE: usize = 1;
const SAY: usize = 8;

fn independent(plan: &Plan, recorder: &Recorder, metric: Metric, selector: &Selector) -> u64 {
    let received = places(plan, metric, selector);
    let delivered = |kind| recorder.total(Count::Delivered, |place| place.kind() == kind && received(place));
    let of_anyone = Selector { group: None, ..selector.clone() };
    let sent = places(plan, Metric::Sent, &of_anyone);
    // Broadcasts of closed loops are no samples of a metric that excludes closed loops.
    let with_loops = selector.group.is_some() || selector.action.is_some() || !excludes_closed_loops(metric);
    let to_many = |kind| {
        let sent = recorder.total(Count::Sent, |at| at.kind() == kind && sent(at) && (with_loops || !at.is_closed()));
        sent.min(delivered(kind))
    };
    delivered(PRIVATE) + to_many(BROADCAST) + to_many(SAY)
}

/// Computes a metric.
pub fn measure(plan: &Plan, seen: &Observations, measure: &Measure) -> MeasuredValue {
    let Measure { metric, selector, stat } = measure;
    if measure.unseen(plan.verify).is_some() {
        return MeasuredValue { value: None, lower: 0.0, upper: f64::INFINITY, samples: (0, 1) };
    }
    let wanted = places(plan, *metric, selector);
    let total = |count| seen.recorder.total(count, &wanted) as f64;
    match metric {
        Metric::Sent => MeasuredValue::exact(total(Count::Sent)),
        Metric::Delivered => MeasuredValue::exact(total(Count::Delivered)),
        Metric::Lost => MeasuredValue::exact(seen.reconciliation.lost(&wanted) as f64),
        Metric::Duplicated => MeasuredValue::exact(total(Count::Duplicated)),
        Metric::Reordered => MeasuredValue::exact(total(Count::Reordered)),
        Metric::Disordered => MeasuredValue::exact(total(Count::Disordered)),
        Metric::Misrouted => MeasuredValue::exact(total(Count::Misrouted)),
        Metric::Corrupted => MeasuredValue::exact(total(Count::Corrupted)),
        Metric::WrongReplies => MeasuredValue::exact(total(Count::WrongReplies)),
        Metric::Refused => MeasuredValue::exact(total(Count::Refused)),
        Metric::Disconnects => MeasuredValue::exact(total(Count::Disconnects)),
        Metric::Errors => MeasuredValue::exact(total(Count::Errors)),
        Metric::ServerRss => {
            seen.server.map_or_else(|| no_samples(1), |used| MeasuredValue::exact(used.rss_peak as f64))
        }
        Metric::ServerCpu => seen.server.map_or_else(
            || no_samples(1),
            |used| MeasuredValue::exact(100.0 * used.cpu_seconds / seen.end.seconds().max(1e-3)),
        ),
        Metric::CasesFailed => MeasuredValue::exact(seen.cases_failed as f64),
        Metric::Achieved => {
            let (sent, scheduled) = (total(Count::Sent), total(Count::Scheduled));
            if scheduled == 0.0 { no_samples(1) } else { MeasuredValue::exact(100.0 * sent / scheduled) }
        }
        _ => match (LatencyMetric::of(*metric), stat) {
            (Some(_), Some(stat)) => statistic(plan, seen, *metric, selector, *stat),
            // A latency without a statistic: refused when the scenario is read.
            _ => no_samples(1),
        },
    }
}

/// Returns the value of a metric without samples.
fn no_samples(needed: u64) -> MeasuredValue {
    MeasuredValue { value: None, lower: 0.0, upper: f64::INFINITY, samples: (0, needed) }
}

fn statistic(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector, stat: Stat) -> MeasuredValue {
    let latency = latency_of(plan, seen, metric, selector);
    let needed = stat.quantile().map_or(1, samples_needed);
    if latency.count() == 0 {
        return no_samples(needed);
    }
    let histogram = &latency.histogram;
    let value = match stat {
        Stat::Max => histogram.max() as f64,
        Stat::Mean => histogram.mean(),
        _ => histogram.value_at_quantile(stat.quantile().unwrap_or(1.0)) as f64,
    };
    let independent = samples(plan, seen, metric, selector, latency.count());
    let value = (independent >= needed).then_some(value);
    let (lower, upper) = match value {
        Some(value) => (value, value),
        None => (histogram.min() as f64, histogram.max() as f64),
    };
    MeasuredValue { value, lower, upper, samples: (independent, needed) }
}

/// Returns the errors in percent of the messages sent at the same places.
pub(crate) fn percent_of_sent(plan: &Plan, seen: &Observations, measure: &Measure) -> MeasuredValue {
    let wanted = places(plan, measure.metric, &measure.selector);
    let errors = seen.recorder.total(Count::Errors, &wanted) as f64;
    // Errors belong to no action, so they are compared with the messages of all actions.
    let any_action = Selector { action: None, ..measure.selector.clone() };
    let sent = seen.recorder.total(Count::Sent, places(plan, measure.metric, &any_action)) as f64;
    if sent == 0.0 && errors == 0.0 {
        MeasuredValue::exact(0.0)
    } else {
        MeasuredValue::exact(100.0 * errors / sent.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::{GroupId, StageId};
    use crate::record::recorder::Shape;

    #[test]
    fn messages_of_other_groups_are_no_samples() {
        let text = "name: t\nusers:\n  a: { count: 1, rate: 1/s, do: [ { broadcast: {} } ] }\n  \
                    b: { count: 1, think: 1s, do: [ { broadcast: {} }, { private: { to: b } } ] }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut recorder = Recorder::new(Shape { stages: 1, groups: 2 });
        let place = |group, action| Place { stage: StageId(0), group: GroupId(group), action };
        let mut add = |place, sent, delivered| {
            recorder.add(place, Count::Sent, sent);
            recorder.add(place, Count::Delivered, delivered);
        };
        add(place(0, 0), 10, 1000);
        add(place(1, 0).closed(), 400, 800);
        add(place(1, 1).closed(), 5000, 5000);
        let samples = |group| {
            let selector = Selector { group, ..Selector::default() };
            independent(&plan, &recorder, Metric::Delivery, &selector)
        };
        assert_eq!(samples(None), 10, "the closed loop is excluded");
        assert_eq!(samples(Some(0)), 410, "its broadcasts reach everybody, its private messages do not");
        assert_eq!(samples(Some(1)), 5410);
    }
}
