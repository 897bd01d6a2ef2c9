//! Was the generator itself quick enough for its figures to be about the server?

use serde::{Deserialize, Serialize};

use crate::engine::conduct::Observations;
use crate::format::duration;
use crate::plan::Plan;
use crate::record::recorder::Clock;
use mychat_scenario::model::{Metric, Selector};

use super::measure::{arrived, latency_of, places};

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

impl Soundness {
    fn worse(&mut self, validity: Validity, reason: String) {
        self.validity = self.validity.max(validity);
        self.reasons.push(reason);
    }
}

/// A lateness below this is never held against the generator.
const NOTICEABLE_US: u64 = 1000;
/// A worker that does nothing for so long makes the run invalid, and one that leaves unread for so long what has arrived.
const STALL_US: u64 = 200_000;

/// Judges a run.
pub fn judge(plan: &Plan, seen: &Observations) -> Soundness {
    let whole = Selector::default();
    let lateness = latency_of(plan, seen, Metric::Lateness, &whole);
    // A closed loop alone has no headline delivery; where nothing arrived at all there is nothing to be compared with.
    let delivered = places(plan, Metric::Delivery, &whole);
    let response = arrived(seen, Clock::Delivery, &delivered);
    let (response, compared_with) = match response.count() {
        0 => (arrived(seen, Clock::Service, &places(plan, Metric::Service, &whole)), "service"),
        _ => (response, "delivery"),
    };
    let compared = response.count() > 0;
    let quantile = supported(lateness.count());
    // What the same deliveries took from when they were really sent: without the generator's own lateness.
    let served = arrived(seen, Clock::Service, &delivered);
    let served = (served.count() > 0).then(|| served.histogram.value_at_quantile(quantile));
    let (lateness, response) =
        (lateness.histogram.value_at_quantile(quantile), response.histogram.value_at_quantile(quantile));
    let mut sound = Soundness { validity: Validity::Valid, reasons: Vec::new() };
    if compared && lateness > NOTICEABLE_US && lateness * 10 > response {
        let validity = if lateness * 2 > response { Validity::Invalid } else { Validity::Degraded };
        sound.worse(
            validity,
            format!(
                "the generator sent late: lateness p{:.0} is {}, {compared_with}'s {}",
                quantile * 100.0,
                duration(lateness as f64),
                duration(response as f64)
            ),
        );
    }
    // A late broadcast is late to everybody: few late messages can be many late deliveries.
    let added = served.map_or(0, |served| response.saturating_sub(served));
    if sound.reasons.is_empty() && added > NOTICEABLE_US && added * 10 > response {
        sound.worse(
            if added * 2 > response { Validity::Invalid } else { Validity::Degraded },
            format!(
                "the generator sent late: delivery's p{:.0} is {}, and {} where it counts from the real sending",
                quantile * 100.0,
                duration(response as f64),
                duration((response - added) as f64)
            ),
        );
    }
    let read_lag = seen.read_lag.histogram.value_at_quantile(0.99);
    // A reader so far behind fills its own receive buffers, and then it is for its sake that the server waits: how long
    // deliveries take says nothing any more, were it ever so long.
    let behind = read_lag >= STALL_US;
    if compared && read_lag > NOTICEABLE_US && (read_lag * 10 > response || behind) {
        let validity = if read_lag * 2 > response || behind { Validity::Invalid } else { Validity::Degraded };
        sound.worse(
            validity,
            format!(
                "the generator read late: what had arrived waited for up to {} (p99) to be read, {compared_with}'s p{:.0} is {}",
                duration(read_lag as f64),
                quantile * 100.0,
                duration(response as f64)
            ),
        );
    }
    let stall = seen.stall / 1000;
    if stall >= STALL_US {
        sound.worse(Validity::Invalid, format!("the generator stood still for {}", duration(stall as f64)));
    }
    sound
}

/// The 99 % quantile, or the highest one that so many samples support: with a hundred of them the 99 % quantile is the
/// second worst, and one hiccup of the machine would condemn the run.
fn supported(samples: u64) -> f64 {
    (1.0 - 10.0 / samples.max(1) as f64).clamp(0.5, 0.99)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::recorder::{Place, Recorder, Shape};

    #[test]
    fn a_few_late_broadcasts_are_many_late_deliveries() {
        let text =
            "name: t\nusers: { u: { count: 100, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let judged = |late| {
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            let place = Place { stage: 0, group: 0, action: 0 };
            // 1,990 messages in time, most of them private; ten broadcasts that went to everybody.
            for _ in 0..1990 {
                recorder.time(place, Clock::Lateness, 50_000);
                recorder.cell(Place { action: 1, ..place }).delivery(300_000, Some(250_000));
            }
            for _ in 0..10 {
                recorder.time(place, Clock::Lateness, late);
                for _ in 0..100 {
                    recorder.cell(place).delivery(250_000 + late, Some(250_000));
                }
            }
            judge(&plan, &Observations::of_interval(recorder))
        };
        assert_eq!(judged(50_000).validity, Validity::Valid);
        let late = judged(100_000_000);
        assert_eq!((late.validity, late.reasons.len()), (Validity::Invalid, 1), "{:?}", late.reasons);
    }

    #[test]
    fn a_reader_far_behind_is_the_limit_however_long_deliveries_take() {
        let text = "name: t\nusers: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let judged = |lag: u64| {
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            recorder.cell(Place { stage: 0, group: 0, action: 0 }).delivery(8_000_000_000, Some(8_000_000_000));
            let mut seen = Observations::of_interval(recorder);
            seen.read_lag.record(lag);
            judge(&plan, &seen).validity
        };
        assert_eq!(judged(150_000_000), Validity::Valid, "a fiftieth of what is measured");
        assert_eq!(judged(850_000_000), Validity::Invalid);
    }

    #[test]
    fn what_was_lost_does_not_make_the_generator_look_punctual() {
        let text = "name: t\nusers: { u: { count: 2, rate: 1/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut seen = Observations::of_interval(Recorder::new(Shape { stages: 1, groups: 1 }));
        let place = Place { stage: 0, group: 0, action: 0 };
        seen.length = 9_000_000_000;
        for _ in 0..2000 {
            seen.recorder.time(place, Clock::Lateness, 4_000_000);
            seen.recorder.cell(place).delivery(9_000_000, Some(5_000_000));
            seen.reckoning.overdue.delivery(place, 1_000_000_000);
        }
        seen.reckoning.overdue.record(seen.length, |_, _| true, &mut seen.recorder);
        assert_eq!(
            judge(&plan, &seen).reasons,
            ["the generator sent late: lateness p99 is 4.00 ms, delivery's 9.01 ms"]
        );
    }

    #[test]
    fn closed_loops_alone_are_judged_by_what_they_have() {
        let text =
            "name: t\nusers: { u: { count: 2, think: 1ms, do: [ { private: { to: u } } ] } }\nload: [ { hold: 1s } ]";
        let loaded = mychat_scenario::parse("t.yaml", text).unwrap();
        let plan = Plan::new(Arc::new(loaded.scenario), 1);
        let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
        let place = Place { stage: 0, group: 0, action: 1 }.closed();
        for _ in 0..2000 {
            recorder.time(place, Clock::Lateness, 4_000_000);
            recorder.cell(place).delivery(9_000_000, Some(5_000_000));
        }
        let judged = judge(&plan, &Observations::of_interval(recorder));
        assert_eq!(judged.validity, Validity::Invalid);
        assert_eq!(judged.reasons, ["the generator sent late: lateness p99 is 4.00 ms, service's 5.00 ms"]);
    }
}
