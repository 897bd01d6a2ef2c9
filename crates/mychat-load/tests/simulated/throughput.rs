//! Throughput: what arrives within a stage, whenever it was due.

use mychat_load::engine::coordinator::TimelinePart;
use mychat_load::plan::StageId;
use mychat_load::record::recorder::Count;

use super::run::{Outcome, S, run};
use super::server::Behaviour;

/// Messages that the server handles per second.
const LIMIT: u64 = 470;

fn overloaded(load: &str) -> Outcome {
    let scenario = format!(
        "users: {{ u: {{ count: 20, join: 400/s, rate: 1603/s, arrivals: even, do: [ {{ private: {{ to: u }} }} ] }} }}\n\
         load: [ {load} ]"
    );
    run(&scenario, Behaviour { work: S / LIMIT, ..Behaviour::default() }).go()
}

/// Returns the messages sent and delivered in the intervals of one part.
fn within(outcome: &Outcome, part: TimelinePart) -> (u64, u64) {
    let of_part = || outcome.timeline.iter().filter(|slice| slice.part == part);
    (of_part().map(|slice| slice.sent).sum(), of_part().map(|slice| slice.delivered).sum())
}

#[test]
fn an_overloaded_server_shows_its_limit() {
    // Neither stage is a multiple of an interval.
    let outcome = overloaded("{ warmup: 700ms }, { hold: { for: 2500ms, name: probe } }");
    let (sent, delivered) = within(&outcome, TimelinePart::Stage(StageId(1)));
    assert!((sent as f64 / 2.5 - 1603.0).abs() < 5.0, "{sent}");
    assert!((delivered as f64 / 2.5 - LIMIT as f64).abs() < 3.0, "{delivered} and not {}", LIMIT * 5 / 2);
    let (late_sends, late) = within(&outcome, TimelinePart::Drain);
    assert!(late > 3000 && late_sends == 0, "the rest arrives after the load: {late}");
    let all: u64 = outcome.timeline.iter().map(|slice| slice.delivered).sum();
    assert_eq!((all, outcome.lost()), (outcome.count(Count::Delivered), 0));
}

#[test]
fn no_interval_spans_two_parts_of_a_run() {
    let outcome = overloaded("{ warmup: 700ms }, { hold: 300ms }, { hold: 1900ms }");
    let ends: Vec<(TimelinePart, u64)> = outcome
        .timeline
        .iter()
        .filter(|slice| !matches!(slice.part, TimelinePart::Join | TimelinePart::Drain))
        .map(|slice| (slice.part, slice.at.micros() / 1000))
        .collect();
    let start = ends[0].1 - 700;
    let relative: Vec<(TimelinePart, u64)> = ends.iter().map(|(part, at)| (*part, at - start)).collect();
    let stage = |index| TimelinePart::Stage(StageId(index));
    assert_eq!(relative, [(stage(0), 700), (stage(1), 1000), (stage(2), 2000), (stage(2), 2900)]);
}
