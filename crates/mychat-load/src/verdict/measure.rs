//! One figure of a run: a metric over the part of it that a selector names.

use crate::engine::conduct::Observations;
use crate::plan::Plan;
use crate::record::recorder::{Clock, Count, Latency, Place, Recorder};
use mychat_scenario::model::{Measure, Metric, Selector, Stat};

/// A figure, and between which values it lies for certain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The value; `None` where there are too few samples for it.
    pub value: Option<f64>,
    /// It is not below this.
    pub least: f64,
    /// It is not above this.
    pub most: f64,
    /// Independent samples that there are, and that the statistic needs.
    pub samples: (u64, u64),
}

impl Figure {
    fn exact(value: f64) -> Self {
        Self { value: Some(value), least: value, most: value, samples: (1, 1) }
    }
}

/// Whose group a place holds for a metric: the recipient's, or that of the user who acted.
fn is_of_recipients(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Delivery
            | Metric::Service
            | Metric::Delivered
            | Metric::Lost
            | Metric::Duplicated
            | Metric::Reordered
            | Metric::Corrupted
            | Metric::Disconnects
    )
}

/// Whether a metric covers the whole run where no stage is named: violations and connecting do, rates and latencies
/// cover holds and spikes.
fn covers_everything(metric: Metric) -> bool {
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

const fn keeps_loops_out(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Ack | Metric::Delivery | Metric::DeliveryFirst | Metric::DeliveryLast | Metric::DeliverySpread
    )
}

/// The places that a metric covers under a selector. A stage one beyond the last means joining.
pub fn places<'p>(plan: &'p Plan, metric: Metric, selector: &'p Selector) -> impl Fn(Place) -> bool + 'p {
    move |place| {
        let stage = match selector.stage {
            Some(stage) => stage == usize::from(place.stage),
            None => covers_everything(metric) || plan.stages.get(usize::from(place.stage)).is_some_and(|s| s.headline),
        };
        let group = match selector.group {
            Some(group) => group == usize::from(place.group),
            // What hostile users suffer is their own doing.
            None => !(is_of_recipients(metric) && plan.scenario.groups[usize::from(place.group)].hostile),
        };
        let action = match selector.action {
            Some(action) => action == place.kind(),
            // A closed loop is kept out of the headline: who waits for a slow server sends less and sees less of it.
            None => !(place.is_closed() && selector.group.is_none() && keeps_loops_out(metric)),
        };
        // What has no schedule cannot fall behind it.
        stage && group && action && !(place.is_closed() && metric == Metric::Achieved)
    }
}

/// The clock behind a latency metric, for those that are measured.
fn clock(metric: Metric) -> Option<Clock> {
    match metric {
        Metric::Connect => Some(Clock::Connect),
        Metric::Ack => Some(Clock::Ack),
        Metric::Delivery => Some(Clock::Delivery),
        Metric::Service => Some(Clock::Service),
        Metric::Lateness => Some(Clock::Lateness),
        Metric::Roster => Some(Clock::Roster),
        Metric::DeliveryFirst => Some(Clock::DeliveryFirst),
        Metric::DeliveryLast => Some(Clock::DeliveryLast),
        Metric::DeliverySpread => Some(Clock::DeliverySpread),
        _ => None,
    }
}

/// The distribution of a latency metric.
pub fn latency_of(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector) -> Latency {
    clock(metric).map_or_else(Latency::default, |clock| seen.recorder.latency(clock, places(plan, metric, selector)))
}

/// A latency of what arrived at these places alone, without the ages of what was lost.
pub(super) fn arrived(seen: &Observations, clock: Clock, wanted: &impl Fn(Place) -> bool) -> Latency {
    let mut latency = seen.recorder.latency(clock, wanted);
    let mut lost = Recorder::new(seen.recorder.shape());
    seen.reckoning.overdue.record(seen.length, |_, _| true, &mut lost);
    latency.take_away(&lost.latency(clock, wanted));
    latency
}

/// How many of a latency's samples are independent: a broadcast is one, however many hear it.
pub fn samples(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector, count: u64) -> u64 {
    if matches!(metric, Metric::Delivery | Metric::Service) {
        independent(plan, &seen.recorder, metric, selector).min(count)
    } else {
        count
    }
}

fn independent(plan: &Plan, recorder: &Recorder, metric: Metric, selector: &Selector) -> u64 {
    let heard = places(plan, metric, selector);
    let delivered = |kind| recorder.total(Count::Delivered, |place| place.kind() == kind && heard(place));
    let of_anyone = Selector { group: None, ..selector.clone() };
    let said = places(plan, Metric::Sent, &of_anyone);
    // What the closed loops say is none of a figure that they are kept out of.
    let loops = selector.group.is_some() || selector.action.is_some() || !keeps_loops_out(metric);
    let broadcasts =
        recorder.total(Count::Sent, |place| place.kind() == 0 && said(place) && (loops || !place.is_closed()));
    delivered(1) + broadcasts.min(delivered(0))
}

/// How many independent samples a statistic needs.
pub fn needed(stat: Stat) -> u64 {
    stat.quantile().map_or(1, |quantile| (10.0 / (1.0 - quantile)).round() as u64)
}

/// The figure.
pub fn figure(plan: &Plan, seen: &Observations, measure: &Measure) -> Figure {
    let Measure { metric, selector, stat } = measure;
    if measure.unseen(plan.verify).is_some() {
        return Figure { value: None, least: 0.0, most: f64::INFINITY, samples: (0, 1) };
    }
    let wanted = places(plan, *metric, selector);
    let total = |count| seen.recorder.total(count, &wanted) as f64;
    match metric {
        Metric::Sent => Figure::exact(total(Count::Sent)),
        Metric::Delivered => Figure::exact(total(Count::Delivered)),
        Metric::Lost => Figure::exact(seen.reckoning.lost(&wanted) as f64),
        Metric::Duplicated => Figure::exact(total(Count::Duplicated)),
        Metric::Reordered => Figure::exact(total(Count::Reordered)),
        Metric::Misrouted => Figure::exact(total(Count::Misrouted)),
        Metric::Corrupted => Figure::exact(total(Count::Corrupted)),
        Metric::WrongReplies => Figure::exact(total(Count::WrongReplies)),
        Metric::Disconnects => Figure::exact(total(Count::Disconnects)),
        Metric::Errors => Figure::exact(total(Count::Errors)),
        Metric::ServerRss => seen.server.map_or_else(|| nothing(1), |used| Figure::exact(used.rss_peak as f64)),
        Metric::ServerCpu => seen.server.map_or_else(
            || nothing(1),
            |used| Figure::exact(100.0 * used.cpu_seconds / (seen.length as f64 / 1e9).max(1e-3)),
        ),
        Metric::CasesFailed => Figure::exact(seen.cases_failed as f64),
        Metric::Achieved => {
            let (sent, scheduled) = (total(Count::Sent), total(Count::Scheduled));
            if scheduled == 0.0 { nothing(1) } else { Figure::exact(100.0 * sent / scheduled) }
        }
        _ => match (clock(*metric), stat) {
            (Some(_), Some(stat)) => statistic(plan, seen, *metric, selector, *stat),
            // What is not measured yet is refused when the scenario is read.
            _ => nothing(1),
        },
    }
}

fn nothing(needed: u64) -> Figure {
    Figure { value: None, least: 0.0, most: f64::INFINITY, samples: (0, needed) }
}

fn statistic(plan: &Plan, seen: &Observations, metric: Metric, selector: &Selector, stat: Stat) -> Figure {
    let latency = latency_of(plan, seen, metric, selector);
    let needed = needed(stat);
    if latency.count() == 0 {
        return nothing(needed);
    }
    let histogram = &latency.histogram;
    let value = match stat {
        Stat::Max => histogram.max() as f64,
        Stat::Mean => histogram.mean(),
        _ => histogram.value_at_quantile(stat.quantile().unwrap_or(1.0)) as f64,
    };
    let independent = samples(plan, seen, metric, selector, latency.count());
    let value = (independent >= needed).then_some(value);
    let (least, most) = match value {
        Some(value) => (value, value),
        None => (histogram.min() as f64, histogram.max() as f64),
    };
    Figure { value, least, most, samples: (independent, needed) }
}

/// The sum over errors that `errors` in percent refers to: what was sent in the same places.
pub(crate) fn percent_of_sent(plan: &Plan, seen: &Observations, measure: &Measure) -> Figure {
    let wanted = places(plan, measure.metric, &measure.selector);
    let errors = seen.recorder.total(Count::Errors, &wanted) as f64;
    // Errors belong to no action: what they are held against is everything that was sent.
    let any_action = Selector { action: None, ..measure.selector.clone() };
    let sent = seen.recorder.total(Count::Sent, places(plan, measure.metric, &any_action)) as f64;
    if sent == 0.0 && errors == 0.0 { Figure::exact(0.0) } else { Figure::exact(100.0 * errors / sent.max(1.0)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::recorder::Shape;

    #[test]
    fn what_others_say_is_no_sample_of_a_broadcast() {
        let text = "name: t\nusers:\n  a: { count: 1, rate: 1/s, do: [ { broadcast: {} } ] }\n  \
                    b: { count: 1, think: 1s, do: [ { broadcast: {} }, { private: { to: b } } ] }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut recorder = Recorder::new(Shape { stages: 1, groups: 2 });
        let place = |group, action| Place { stage: 0, group, action };
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
        assert_eq!(samples(None), 10, "the closed loop is kept out");
        assert_eq!(samples(Some(0)), 410, "its broadcasts reach everybody, its private messages do not");
        assert_eq!(samples(Some(1)), 5410);
    }
}
