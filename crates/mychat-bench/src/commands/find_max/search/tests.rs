//! The search, against servers that are simulated by a few lines.

use std::time::Duration;

use super::*;

fn settings(max: f64) -> FindMax {
    let second = Duration::from_secs(1);
    FindMax { start: 100.0, max, grow: 1.5, probe: second, settle: second, within: 0.05, confirm: second }
}

/// Deliveries of a probe that fails for another reason than violations.
const MANY: Deliveries = Deliveries { owed: 10_000, violated: 0 };

/// Simulates a server that passes short probes up to one percentage and long ones up to another.
fn search(max: f64, limit: f64, lasting: f64, generator: f64) -> (End, Search, usize) {
    let mut search = Search::new(&settings(max));
    for probes in 0..60 {
        let (percent, phase) = match search.next() {
            Next::Done(end) => return (end, search, probes),
            Next::Probe(percent, phase) => (percent, phase),
        };
        let limit = if phase == Phase::Confirm { lasting } else { limit };
        let outcome = match percent {
            percent if percent > generator => ProbeOutcome::GeneratorLimit,
            percent if percent > limit => ProbeOutcome::Failed,
            _ => ProbeOutcome::Passed,
        };
        search.record(percent, phase, outcome, MANY);
    }
    panic!("the search does not end");
}

#[test]
fn the_answer_is_within_its_width_below_the_limit() {
    for limit in [101.0, 150.0, 333.0, 480.0, 999.0, 30.0, 2.0] {
        let (end, search, probes) = search(1000.0, limit, limit, f64::INFINITY);
        let low = search.low.unwrap();
        assert_eq!(end, End::Confirmed, "{limit}");
        assert!(low <= limit && low >= limit * 0.95 - 1e-9, "{low} for {limit}");
        assert!(probes < 20, "{probes} probes for {limit}");
    }
}

/// V10: a bucket of 5,000 tokens a second, probes of 10 s, and `delivery.p99 < 50ms` at 1,000 messages/s for 100 %.
#[test]
fn a_token_bucket_of_5000_is_found() {
    let queued_for = |percent: f64| (percent * 10.0 / 5000.0 - 1.0).max(0.0) * 10.0 * 0.99;
    let mut search = Search::new(&settings(2000.0));
    while let Next::Probe(percent, phase) = search.next() {
        let outcome = if queued_for(percent) < 0.05 { ProbeOutcome::Passed } else { ProbeOutcome::Failed };
        search.record(percent, phase, outcome, MANY);
    }
    let rate = search.low.unwrap() * 10.0;
    assert!((4750.0..=5025.0).contains(&rate), "{rate}");
}

#[test]
fn what_does_not_last_is_no_answer() {
    let (end, search, _) = search(1000.0, 500.0, 400.0, f64::INFINITY);
    assert_eq!(end, End::Confirmed);
    assert!((380.0 - 1e-9..=400.0).contains(&search.low.unwrap()), "{:?}", search.low);
}

#[test]
fn what_lasts_is_found_quickly_however_far_down_it_is() {
    for lasting in [470.0, 300.0, 120.0, 30.0, 3.0] {
        let (end, search, probes) = search(1000.0, 500.0, lasting, f64::INFINITY);
        let low = search.low.unwrap();
        assert_eq!(end, End::Confirmed, "{lasting}");
        assert!(low <= lasting && low >= lasting * 0.95 - 1e-9, "{low} for {lasting}");
        assert!(probes < 28, "{probes} probes for {lasting}");
    }
    assert_eq!(search(1000.0, 500.0, 0.0, f64::INFINITY).0, End::Nothing);
}

#[test]
fn a_server_that_is_gone_is_not_asked_for_less_and_less() {
    let mut search = Search::new(&settings(1000.0));
    let mut tried = Vec::new();
    let end = loop {
        match search.next() {
            Next::Done(end) => break end,
            Next::Probe(percent, phase) => {
                let gone = search.high.is_some();
                let outcome = if percent > 200.0 { ProbeOutcome::Failed } else { ProbeOutcome::Passed };
                search.record(percent, phase, if gone { ProbeOutcome::NoLogin } else { outcome }, MANY);
                tried.push(percent);
            }
        }
    };
    assert_eq!((end, search.low, search.high), (End::FellOver, Some(150.0), Some(225.0)));
    assert_eq!(tried, [100.0, 150.0, 225.0, 187.5, 187.5, 187.5]);
}

#[test]
fn each_other_end_is_told_apart() {
    assert_eq!(search(300.0, 1e9, 1e9, f64::INFINITY).0, End::AtMost);
    assert_eq!(search(300.0, 0.0, 0.0, f64::INFINITY).0, End::Nothing);
    let (end, found, _) = search(1000.0, 1e9, 1e9, 250.0);
    assert_eq!((end, found.low), (End::Generator, Some(225.0)));
}

/// Simulates a search in which every percent is ten messages per second, probes last two seconds and confirmations ten.
fn of_deliveries(start: f64, judge: impl Fn(u64) -> (ProbeOutcome, u64)) -> (End, Search, u32) {
    let mut search = Search::new(&FindMax { start, ..settings(1000.0) });
    for probes in 0..60 {
        let (percent, phase) = match search.next() {
            Next::Done(end) => return (end, search, probes),
            Next::Probe(percent, phase) => (percent, phase),
        };
        let owed = (percent * 10.0 * if phase == Phase::Confirm { 10.0 } else { 2.0 }) as u64;
        let (outcome, violated) = judge(owed);
        search.record(percent, phase, outcome, Deliveries { owed, violated });
    }
    panic!("the search does not end");
}

#[test]
fn a_loss_in_proportion_to_what_is_sent_is_no_matter_of_the_rate() {
    for one_in in [20, 97, 300] {
        for start in [100.0, 50.0, 5.0] {
            // The losses fall where they fall: a probe may begin just after one.
            let sent = std::cell::Cell::new(0);
            let (end, search, probes) = of_deliveries(start, |owed| {
                let before = sent.replace(sent.get() + owed);
                let lost = sent.get() / one_in - before / one_in;
                (if lost > 0 { ProbeOutcome::Failed } else { ProbeOutcome::Passed }, lost)
            });
            let refused = [End::Proportional, End::Nothing, End::TooFewDeliveries];
            assert!(refused.contains(&end), "1 in {one_in} from {start} %: {end:?} {:?}", search.low);
            assert!(probes <= 40, "{probes}");
        }
    }
    let (end, _, probes) = of_deliveries(100.0, |owed| (ProbeOutcome::Failed, owed / 97));
    assert_eq!((end, probes), (End::Proportional, 3));
}

#[test]
fn missing_users_are_no_matter_of_the_rate() {
    let (end, search, probes) = of_deliveries(100.0, |_| (ProbeOutcome::UsersMissing, 0));
    assert_eq!((end, search.low, probes), (End::UsersMissing, None, 3));
    // Above a rate that holds, they are a consequence of the load.
    let judge = |owed| (if owed > 6000 { ProbeOutcome::UsersMissing } else { ProbeOutcome::Passed }, 0);
    let mut search = Search::new(&settings(1000.0));
    while let Next::Probe(percent, phase) = search.next() {
        let owed = (percent * 20.0) as u64;
        search.record(percent, phase, judge(owed).0, Deliveries { owed, violated: 0 });
    }
    assert_eq!(search.next(), Next::Done(End::Confirmed));
    assert!((285.0..=300.0).contains(&search.low.unwrap()), "{:?}", search.low);
}

#[test]
fn a_few_dozen_deliveries_below_the_first_rate_are_no_answer() {
    let slow = |owed: u64| (if owed > 6 { ProbeOutcome::Failed } else { ProbeOutcome::Passed }, 0);
    let (end, search, _) = of_deliveries(10.0, slow);
    assert_eq!(end, End::Nothing, "{:?}", search.low);
    let at_most = |limit: f64| {
        let mut search = Search::new(&FindMax { start: 10.0, ..settings(1000.0) });
        loop {
            let (percent, phase) = match search.next() {
                Next::Done(end) => break end,
                Next::Probe(percent, phase) => (percent, phase),
            };
            let owed = (percent * if phase == Phase::Confirm { 10.0 } else { 2.0 }) as u64;
            let outcome = if percent > limit { ProbeOutcome::Failed } else { ProbeOutcome::Passed };
            search.record(percent, phase, outcome, Deliveries { owed, violated: 0 });
        }
    };
    assert_eq!(at_most(2.0), End::TooFewDeliveries, "three confirmations of 20 messages");
    assert_eq!(at_most(12.0), End::Confirmed, "not below the first rate");
}
