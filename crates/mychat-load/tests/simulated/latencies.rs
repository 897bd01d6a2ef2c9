//! Latencies that are known in advance.

use mychat_load::plan::RunTime;
use mychat_load::record::recorder::{Count, LatencyMetric};

use super::run::{MS, Outcome, S, run};
use super::server::Behaviour;

const QUANTILES: [f64; 3] = [0.99, 0.995, 0.999];

/// Asserts quantiles of the delivery, in microseconds.
fn assert_quantiles(outcome: &Outcome, wanted: impl Fn(f64) -> f64, tolerance: impl Fn(f64, f64) -> f64) {
    for quantile in QUANTILES {
        let (got, wanted) = (outcome.quantile(LatencyMetric::Delivery, quantile), wanted(quantile));
        let tolerance = tolerance(quantile, wanted);
        assert!((got - wanted).abs() <= tolerance, "p{}: {got} µs, not {wanted} ± {tolerance}", quantile * 100.0);
    }
}

fn privates(users: u32, rate: u32, arrivals: &str, load: &str) -> String {
    format!(
        "users: {{ u: {{ count: {users}, join: 10_000/s, rate: {rate}/s, arrivals: {arrivals}, \
         do: [ {{ private: {{ to: u }} }} ] }} }}\nload: [ {{ hold: {load} }} ]"
    )
}

/// Returns a quantile in microseconds for a server with a delay of 10 ms that freezes for 200 ms every 10 s.
fn frozen(quantile: f64) -> f64 {
    10_000.0 + (200_000.0 - (1.0 - quantile) * 10e6).max(0.0)
}

/// Returns the time this many seconds after the start of the run.
fn at(seconds: u64) -> RunTime {
    RunTime::from_nanos(seconds * S)
}

fn freezes() -> Behaviour {
    Behaviour { delay: 10 * MS, freeze: Some((200 * MS, 10 * S)), ..Behaviour::default() }
}

#[test]
fn a_constant_latency_is_measured() {
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    let outcome = run(&privates(20, 1000, "poisson", "60s"), behaviour).go();
    for quantile in [0.0, 0.5, 0.99, 0.999, 1.0] {
        let got = outcome.quantile(LatencyMetric::Delivery, quantile);
        // Intended times are rounded to a microsecond, samples up to three digits.
        assert!((5000.0..=5010.0).contains(&got), "{quantile}: {got} µs");
    }
    assert!(outcome.longest(LatencyMetric::Lateness) <= 1.0);
    assert_eq!(outcome.violations(), [0; 9]);
}

#[test]
fn freezes_show_in_full_under_even_arrivals() {
    let outcome = run(&privates(50, 1000, "even", "200s"), freezes()).go();
    assert_quantiles(&outcome, frozen, |_, wanted| (wanted * 0.01).max(1000.0));
    assert!(outcome.longest(LatencyMetric::Lateness) <= 1.0, "the server's freeze is not the generator's lateness");
}

#[test]
fn freezes_show_in_full_under_poisson_arrivals() {
    let outcome = run(&privates(50, 500, "poisson", "1000s"), freezes()).go();
    let samples = outcome.count(Count::Delivered) as f64;
    assert_quantiles(&outcome, frozen, |q, _| 3.0 * 10e6 * (q * (1.0 - q) / samples).sqrt());
}

#[test]
fn a_slow_queue_delays_messages_after_the_freeze() {
    // A capacity of 1,000/s, four fifths of it used.
    let behaviour = Behaviour { work: MS, ..freezes() };
    let outcome = run(&privates(40, 800, "even", "200s"), behaviour).go();
    let wanted = |quantile: f64| 11_000.0 + (200_000.0 - (1.0 - quantile) * 0.2 * 10e6).max(0.0);
    assert_quantiles(&outcome, wanted, |_, wanted| wanted * 0.02);
}

#[test]
fn a_stalled_generator_notices_it() {
    let stalled = 10 * S + 7 * MS..10 * S + 307 * MS;
    let outcome = run(&privates(50, 1000, "even", "30s"), freezes()).stalled(stalled).go();
    let lateness = outcome.longest(LatencyMetric::Lateness);
    assert!((298_000.0..302_000.0).contains(&lateness), "{lateness} µs");
    assert!((280 * MS..=300 * MS).contains(&outcome.stall), "{} ns", outcome.stall);
    assert_eq!(outcome.count(Count::Sent), outcome.count(Count::Scheduled), "late messages are still sent");
    assert!((10_000.0..10_050.0).contains(&outcome.quantile(LatencyMetric::Service, 0.5)));
    assert_eq!(outcome.violations(), [0; 9]);
}

#[test]
fn a_fan_out_is_measured_from_first_to_last() {
    let behaviour = Behaviour { delay: 5 * MS, spacing: 50_000, ..Behaviour::default() };
    let scenario = "users: { talker: { count: 1, rate: 20/s, do: [ { broadcast: {} } ] }, \
                    others: { count: 499, join: 10_000/s } }\nload: [ { hold: 60s } ]";
    let outcome = run(scenario, behaviour).go();
    let close = |got: f64, wanted: f64| assert!((got / wanted - 1.0).abs() < 0.03, "{got} µs, not {wanted}");
    close(outcome.quantile(LatencyMetric::DeliverySpread, 0.5), 499.0 * 50.0);
    close(outcome.quantile(LatencyMetric::DeliveryFirst, 0.5), 5050.0);
    close(outcome.quantile(LatencyMetric::DeliveryLast, 0.5), 30_000.0);
    for quantile in [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99] {
        close(outcome.quantile(LatencyMetric::Delivery, quantile), 5000.0 + quantile * 25_000.0);
    }
    close(outcome.longest(LatencyMetric::Delivery), 30_000.0);
}

#[test]
fn a_server_that_does_not_read_is_slow_and_the_generator_is_not_late() {
    let behaviour = Behaviour { reads_nothing: Some(at(2)..at(4)), ..Behaviour::default() };
    let scenario = "users: { u: { count: 2, rate: 300/s, arrivals: even, \
                    do: [ { private: { to: u, size: 900 } } ] } }\nload: [ { hold: 6s } ]";
    let outcome = run(scenario, behaviour).go();
    assert!(outcome.longest(LatencyMetric::Lateness) <= 1.0);
    assert!((1_990_000.0..2_010_000.0).contains(&outcome.longest(LatencyMetric::Service)));
    assert!((1_990_000.0..2_010_000.0).contains(&outcome.longest(LatencyMetric::Delivery)));
    // Two windows of 64 KiB hold the messages of half a second.
    assert!((2800 * MS..3400 * MS).contains(&outcome.blocked), "{} ns", outcome.blocked);
    assert_eq!((outcome.count(Count::Sent), outcome.violations()), (1800, [0; 9]));
}

#[test]
fn messages_that_no_buffer_takes_count_against_the_server() {
    let behaviour = Behaviour { reads_nothing: Some(at(1)..at(11)), ..Behaviour::default() };
    let scenario = "users: { u: { count: 1, rate: 200/s, arrivals: even, \
                    do: [ { private: { to: u, size: 900 } } ] } }\nload: [ { hold: 12s } ]";
    let outcome = run(scenario, behaviour).go();
    let (sent, blocked) = (outcome.count(Count::Sent), outcome.count(Count::Blocked));
    assert!(blocked > 1000, "{blocked}");
    assert_eq!((sent + blocked, outcome.count(Count::Scheduled)), (2400, 2400));
    assert!(outcome.longest(LatencyMetric::Lateness) <= 1.0 && outcome.lost() == 0);
}

#[test]
fn a_closed_loop_is_late_when_the_generator_stalls() {
    let scenario = "users: { u: { count: 10, think: 20ms, do: [ { private: { to: u } } ] } }\nload: [ { hold: 10s } ]";
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    assert!(run(scenario, behaviour.clone()).go().longest(LatencyMetric::Lateness) <= 1.0);
    let outcome = run(scenario, behaviour).stalled(5 * S + 3 * MS..5 * S + 103 * MS).go();
    let lateness = outcome.longest(LatencyMetric::Lateness);
    assert!(
        (75_000.0..=100_000.0).contains(&lateness),
        "a think time of 20 ms at most ended 80 ms late: {lateness} µs"
    );
    assert_eq!(outcome.violations(), [0; 9]);
}

/// Row V17 of the accuracy table.
#[test]
fn a_step_of_the_wall_clock_changes_no_latency() {
    let scenario = "users: { talker: { count: 1, rate: 20/s, arrivals: even, do: [ { broadcast: {} } ] }, \
                    others: { count: 50, join: 10_000/s } }\nload: [ { hold: 10s } ]";
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    let second = S.cast_signed();
    for step in [second, -second] {
        // The clock is set while arrivals wait to be read: reads are up to 7 ms late.
        for at in [5 * S + MS, 5 * S + 6 * MS, 5 * S + 13 * MS] {
            let outcome = run(scenario, behaviour.clone()).reads_every(7 * MS).wall_clock_set(at, step).go();
            for quantile in [0.0, 0.5, 1.0] {
                let got = outcome.quantile(LatencyMetric::Delivery, quantile);
                assert!((5000.0..=5010.0).contains(&got), "{quantile}: {got} µs, set by {step} ns at {at}");
            }
            assert!(outcome.receive_lag.histogram.max() >= 5000, "{} µs", outcome.receive_lag.histogram.max());
            assert_eq!((outcome.clock_steps, outcome.violations()), (1, [0; 9]));
        }
    }
}
