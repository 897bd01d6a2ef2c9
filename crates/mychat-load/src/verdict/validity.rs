//! Checks that the generator was fast enough for its measurements to describe the server and not itself.

use serde::{Deserialize, Serialize};

use crate::engine::coordinator::Observations;
use crate::format::duration;
use crate::plan::Plan;
use crate::record::local_failures::LocalFailures;
use crate::record::receive_figures::ArrivalSource;
use crate::record::recorder::LatencyMetric;
use mychat_scenario::model::{Group, Metric, Pace, Selector};

use super::measure::{arrived, latency_of, places};
use super::percentile::highest_supported;

/// The trust that the latencies of a run deserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// They describe the server.
    Valid,
    /// The generator's own delay is a noticeable part of them.
    Degraded,
    /// They describe mostly the generator.
    Invalid,
}

/// The validity of a run with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidityCheck {
    /// The worst of all findings.
    pub validity: Validity,
    /// Findings in words; empty for a valid run.
    pub reasons: Vec<String>,
    /// Arrivals may be recorded so late that latencies are only upper limits.
    has_late_arrivals: bool,
}

impl ValidityCheck {
    fn add(&mut self, validity: Validity, reason: String) {
        self.validity = self.validity.max(validity);
        self.reasons.push(reason);
    }

    /// Makes the run invalid if its latencies are only upper limits: an expectation needs more than that.
    pub(super) fn require_exact_latencies(&mut self) {
        if self.has_late_arrivals {
            self.validity = Validity::Invalid;
        }
    }
}

/// A lateness of the generator below this is ignored.
const NOTICEABLE_US: u64 = 1000;
/// A worker that makes no progress for this long, or leaves received data unread for this long, makes the run invalid.
const STALL_US: u64 = 200_000;

/// The part of a receive buffer in use above which the kernel offers a smaller window.
const FULL_BUFFER: f64 = 0.5;

/// Checks lateness, read lag and stalls of the generator.
pub fn assess(plan: &Plan, seen: &Observations) -> ValidityCheck {
    let whole = Selector::default();
    let lateness = latency_of(plan, seen, Metric::Lateness, &whole);
    // A run of closed loops alone has no headline delivery, only service. If nothing arrived there is nothing to compare.
    let delivered = places(plan, Metric::Delivery, &whole);
    let response = arrived(seen, LatencyMetric::Delivery, &delivered);
    let (response, compared_with) = match response.count() {
        0 => (arrived(seen, LatencyMetric::Service, &places(plan, Metric::Service, &whole)), "service"),
        _ => (response, "delivery"),
    };
    let compared = response.count() > 0;
    // With a hundred samples the 99 % quantile is the second worst: one hiccup of the machine would decide.
    let quantile = highest_supported(lateness.count());
    // The same deliveries from the actual time of sending: without the generator's own lateness.
    let served = arrived(seen, LatencyMetric::Service, &delivered);
    let served = (served.count() > 0).then(|| served.histogram.value_at_quantile(quantile));
    let (lateness, response) =
        (lateness.histogram.value_at_quantile(quantile), response.histogram.value_at_quantile(quantile));
    let mut check = ValidityCheck { validity: Validity::Valid, reasons: Vec::new(), has_late_arrivals: false };
    if compared && lateness > NOTICEABLE_US && lateness * 10 > response {
        let validity = if lateness * 2 > response { Validity::Invalid } else { Validity::Degraded };
        check.add(
            validity,
            format!(
                "the generator sent late: lateness p{:.0} is {}, {compared_with}'s {}",
                quantile * 100.0,
                duration(lateness as f64),
                duration(response as f64)
            ),
        );
    }
    // A late broadcast is late for all recipients: a few late messages can be many late deliveries.
    let added = served.map_or(0, |served| response.saturating_sub(served));
    if check.reasons.is_empty() && added > NOTICEABLE_US && added * 10 > response {
        check.add(
            if added * 2 > response { Validity::Invalid } else { Validity::Degraded },
            format!(
                "the generator sent late: delivery's p{:.0} is {}, but {} when it counts from the actual sending",
                quantile * 100.0,
                duration(response as f64),
                duration((response - added) as f64)
            ),
        );
    }
    let receive_lag = seen.receive_lag.histogram.value_at_quantile(0.99);
    let consequence = consequence_of_late_reads(plan, seen);
    // A generator that reads this late fills its own receive buffers, and the server has to wait for it. The latencies then
    // say nothing about the server, however long they are.
    let is_far_behind = receive_lag >= STALL_US;
    if let Some(consequence) = consequence
        && compared
        && receive_lag > NOTICEABLE_US
        && (receive_lag * 10 > response || is_far_behind)
    {
        let validity = if receive_lag * 2 > response || is_far_behind { Validity::Invalid } else { Validity::Degraded };
        check.add(
            validity,
            format!(
                "the generator read late{consequence}: messages waited for up to {} (p99) to be read, \
                 {compared_with}'s p{:.0} is {}",
                duration(receive_lag as f64),
                quantile * 100.0,
                duration(response as f64)
            ),
        );
    }
    // Messages that one read returned in several segments have the arrival of the last one. The error has one direction, so
    // that a latency below a limit stays below it. Only an expectation that needs more makes the run invalid.
    let error = seen.arrival_error.histogram.value_at_quantile(0.99);
    if seen.arrival_error.count() > 0 && compared && error > NOTICEABLE_US && error * 10 > response {
        check.has_late_arrivals = error * 2 > response;
        check.add(
            Validity::Degraded,
            format!(
                "the generator read several segments at once: latencies may be up to {} (p99) too long, never too short; \
                 {compared_with}'s p{:.0} is {}",
                duration(error as f64),
                quantile * 100.0,
                duration(response as f64)
            ),
        );
    }
    let LocalFailures { count, reason } = seen.local_failures;
    if count > 0 {
        check.add(Validity::Invalid, format!("the generator could not make {count} of its connections: {reason}"));
    }
    let stall = seen.stall / 1000;
    if stall >= STALL_US {
        check.add(Validity::Invalid, format!("the generator stood still for {}", duration(stall as f64)));
    }
    check
}

/// Returns in words how late reads change what is measured; `None` if they do not.
///
/// With arrivals by the read, each late read makes a latency longer. With arrivals by the kernel it does not, unless the server
/// has to wait because a receive buffer is full, or a user of a closed loop acts later because it reads later.
fn consequence_of_late_reads(plan: &Plan, seen: &Observations) -> Option<String> {
    if seen.receive.source == ArrivalSource::Read {
        return Some(String::new());
    }
    let fullest = seen.receive.fullest_buffer;
    if fullest >= FULL_BUFFER {
        return Some(format!(
            ", and receive buffers were {:.0} % full, so that the server had to wait",
            fullest * 100.0
        ));
    }
    let acts = |group: &Group| matches!(group.pace, Pace::Closed { .. }) && !group.actions.is_empty();
    plan.scenario.groups.iter().any(acts).then(|| ", and users of closed loops acted later because of it".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::RunTime;
    use crate::plan::{GroupId, StageId};
    use crate::record::receive_figures::ReceiveFigures;
    use crate::record::recorder::{Place, Recorder, Shape};

    #[test]
    fn a_few_late_broadcasts_are_many_late_deliveries() {
        let text =
            "name: t\nusers: { u: { count: 100, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let judged = |late| {
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
            // 1,990 messages in time, most of them private; ten broadcasts that went to everybody.
            for _ in 0..1990 {
                recorder.time(place, LatencyMetric::Lateness, 50_000);
                recorder.cell(Place { action: 1, ..place }).delivery(300_000, Some(250_000));
            }
            for _ in 0..10 {
                recorder.time(place, LatencyMetric::Lateness, late);
                for _ in 0..100 {
                    recorder.cell(place).delivery(250_000 + late, Some(250_000));
                }
            }
            assess(&plan, &Observations::of_interval(recorder))
        };
        assert_eq!(judged(50_000).validity, Validity::Valid);
        let late = judged(100_000_000);
        assert_eq!((late.validity, late.reasons.len()), (Validity::Invalid, 1), "{:?}", late.reasons);
    }

    #[test]
    fn a_reader_far_behind_invalidates_even_long_latencies() {
        let text = "name: t\nusers: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let judged = |lag: u64| {
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            recorder
                .cell(Place { stage: StageId(0), group: GroupId(0), action: 0 })
                .delivery(8_000_000_000, Some(8_000_000_000));
            let mut seen = Observations::of_interval(recorder);
            seen.receive_lag.record(lag);
            assess(&plan, &seen).validity
        };
        assert_eq!(judged(150_000_000), Validity::Valid, "a fiftieth of what is measured");
        assert_eq!(judged(850_000_000), Validity::Invalid);
    }

    #[test]
    fn late_reads_count_only_where_they_change_a_figure() {
        let open = "users: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }";
        let with_loops = "users: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] }, \
                          l: { count: 2, think: 1ms, do: [ { private: { to: l } } ] } }";
        let judged = |users: &str, receive: ReceiveFigures| {
            let text = format!("name: t\n{users}\nload: [ {{ hold: 1s }} ]");
            let plan = Plan::new(Arc::new(mychat_scenario::parse("t.yaml", &text).unwrap().scenario), 1);
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 2 });
            let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
            recorder.cell(place).delivery(5_000_000, Some(5_000_000));
            let mut seen = Observations::of_interval(recorder);
            seen.receive_lag.record(19_000_000);
            seen.receive = receive;
            assess(&plan, &seen)
        };
        let kernel = ReceiveFigures { source: ArrivalSource::Kernel, ..ReceiveFigures::default() };
        assert_eq!(judged(open, kernel).validity, Validity::Valid);
        let waited = judged(open, ReceiveFigures { fullest_buffer: 0.8, ..kernel });
        assert_eq!(waited.validity, Validity::Invalid);
        assert!(waited.reasons[0].contains("buffers were 80 % full"), "{:?}", waited.reasons);
        let closed = judged(with_loops, kernel);
        assert_eq!(closed.validity, Validity::Invalid);
        assert!(closed.reasons[0].contains("closed loops"), "{:?}", closed.reasons);
        assert_eq!(judged(open, ReceiveFigures::default()).validity, Validity::Invalid, "arrivals by the read");
    }

    #[test]
    fn segments_that_were_read_together_count_as_an_error() {
        let text = "name: t\nusers: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let plan = Plan::new(Arc::new(mychat_scenario::parse("t.yaml", text).unwrap().scenario), 1);
        let judged = |error: u64, share: u64| {
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
            recorder.cell(place).delivery(20_000_000, Some(20_000_000));
            let mut seen = Observations::of_interval(recorder);
            seen.receive = ReceiveFigures { source: ArrivalSource::Kernel, ..ReceiveFigures::default() };
            seen.arrival_error.record_all(0, 1000 - share);
            seen.arrival_error.record_all(error, share);
            assess(&plan, &seen)
        };
        assert_eq!(judged(19_000_000, 5).validity, Validity::Valid, "too few to change a p99");
        assert_eq!(judged(1_900_000, 500).validity, Validity::Valid, "a tenth of what is measured");
        assert_eq!(judged(3_000_000, 500).validity, Validity::Degraded);
        let mut late = judged(19_000_000, 20);
        assert_eq!(late.validity, Validity::Degraded, "upper limits of latencies");
        late.require_exact_latencies();
        assert_eq!(late.validity, Validity::Invalid);
        let mut early = judged(3_000_000, 500);
        early.require_exact_latencies();
        assert_eq!(early.validity, Validity::Degraded, "a seventh of what is measured");
        assert!(late.reasons[0].contains("several segments at once"), "{:?}", late.reasons);
    }

    #[test]
    fn losses_do_not_hide_a_late_generator() {
        let text = "name: t\nusers: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut seen = Observations::of_interval(Recorder::new(Shape { stages: 1, groups: 1 }));
        let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
        seen.end = RunTime::from_micros(9_000_000);
        for _ in 0..2000 {
            seen.recorder.time(place, LatencyMetric::Lateness, 4_000_000);
            seen.recorder.cell(place).delivery(9_000_000, Some(5_000_000));
        }
        seen.reconciliation.lost_latency.add_deliveries(place, RunTime::from_micros(1_000_000), 2000);
        seen.reconciliation.lost_latency.record(seen.end, |_, _| true, &mut seen.recorder);
        assert_eq!(
            assess(&plan, &seen).reasons,
            ["the generator sent late: lateness p99 is 4.00 ms, delivery's 9.01 ms"]
        );
    }

    #[test]
    fn a_run_of_closed_loops_is_compared_by_service() {
        let text =
            "name: t\nusers: { u: { count: 2, think: 1ms, do: [ { private: { to: u } } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
        let place = Place { stage: StageId(0), group: GroupId(0), action: 1 }.closed();
        for _ in 0..2000 {
            recorder.time(place, LatencyMetric::Lateness, 4_000_000);
            recorder.cell(place).delivery(9_000_000, Some(5_000_000));
        }
        let judged = assess(&plan, &Observations::of_interval(recorder));
        assert_eq!(judged.validity, Validity::Invalid);
        assert_eq!(judged.reasons, ["the generator sent late: lateness p99 is 4.00 ms, service's 5.00 ms"]);
    }
}
