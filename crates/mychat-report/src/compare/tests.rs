use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// Machine whose speed drifts by 25 % within minutes and also varies from second to second.
struct Machine {
    rng: ChaCha8Rng,
    seconds: f64,
    phase: f64,
    restless: f64,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let phase = rng.random_range(0.0..std::f64::consts::TAU);
        Self { rng, seconds: 0.0, phase, restless: 0.0 }
    }

    /// Current slowdown: 1 on average.
    fn slowness(&mut self) -> f64 {
        self.restless = 0.8 * self.restless + self.rng.random_range(-0.02..0.02);
        1.0 + 0.125 * (self.seconds / 480.0 * std::f64::consts::TAU + self.phase).sin() + self.restless
    }

    /// Simulates a run of 30 intervals whose tail is `tail` times as long as usual.
    fn run(&mut self, tail: f64) -> ComparedRun {
        let intervals: Vec<LoadInterval> = (0..30)
            .map(|_| {
                let slow = self.slowness();
                self.seconds += 1.0;
                let mut delivery: BTreeMap<u64, u64> = BTreeMap::new();
                for _ in 0..400 {
                    let draw: f64 = self.rng.random_range(1e-4..1.0);
                    let body = 500.0 * slow * (1.0 - 0.3 * draw.ln());
                    // A change of p99 affects the slowest tenth.
                    let value = if draw < 0.1 { body * tail } else { body };
                    *delivery.entry(value as u64 / 4 * 4).or_default() += 1;
                }
                LoadInterval {
                    seconds: 1.0,
                    arrived: 400,
                    delivery: delivery.into_iter().collect(),
                    server_cpu: None,
                    server_rss: None,
                }
            })
            .collect();
        ComparedRun {
            started: format!("{:09.1}", self.seconds),
            intervals,
            independent: 12_000,
            wholes: BTreeMap::new(),
            violations: [("lost", 0)].into(),
            delivered: 12_000,
            validity: Validity::Valid,
            validity_reasons: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Simulates eight alternating runs per side.
    fn sides(&mut self, tail: f64) -> (Vec<ComparedRun>, Vec<ComparedRun>) {
        self.some(8, tail)
    }

    /// Simulates the given number of alternating runs per side.
    fn some(&mut self, runs: usize, tail: f64) -> (Vec<ComparedRun>, Vec<ComparedRun>) {
        (0..runs).map(|_| (self.run(1.0), self.run(tail))).unzip()
    }
}

fn findings(seed: u64, tail: f64) -> Vec<(&'static str, ChangeVerdict)> {
    findings_of(8, seed, tail)
}

fn findings_of(runs: usize, seed: u64, tail: f64) -> Vec<(&'static str, ChangeVerdict)> {
    let (first, second) = Machine::new(seed).some(runs, tail);
    let comparison = compare(&first, &second, Threshold::default());
    comparison.rows.into_iter().map(|row| (row.name, row.finding)).collect()
}

fn compared(runs: usize, seed: u64, tail: f64, effect: f64) -> Comparison {
    let (first, second) = Machine::new(seed).some(runs, tail);
    compare(&first, &second, Threshold { effect, ..Threshold::default() })
}

fn p99(comparison: &Comparison) -> ChangeVerdict {
    comparison.rows.iter().find(|row| row.name == "delivery p99").expect("there are enough samples").finding
}

/// V11: the same server twice. With enough runs that is said.
#[test]
fn the_same_server_twice_is_no_difference() {
    let same = |finding| finding == ChangeVerdict::NoDifference;
    let right = (0..60).filter(|seed| compared(8, *seed, 1.0, 0.05).rows.iter().all(|row| same(row.finding))).count();
    println!("no difference within 5 %: {right} of 60");
    assert!(right >= 54, "{right} of 60");
}

/// A server that is slower by twice the effect, or by the effect, must not pass as the same.
#[test]
fn a_slower_server_is_not_called_the_same() {
    for (runs, tail) in [(5, 1.1), (5, 1.05)] {
        let comparisons: Vec<Comparison> = (0..60).map(|seed| compared(runs, 3000 + seed, tail, 0.05)).collect();
        let found = |wanted| comparisons.iter().filter(|comparison| p99(comparison) == wanted).count();
        let (same, worse) = (found(ChangeVerdict::NoDifference), found(ChangeVerdict::Worse));
        println!("{runs} runs per side, {tail}: same {same}, worse {worse} of 60");
        // The nominal share is one in twenty.
        assert!(same <= 3, "{runs} runs per side, {tail}: {same} of 60");
    }
}

#[test]
fn no_difference_means_that_the_whole_interval_lies_within_the_effect() {
    for seed in 0..20 {
        for row in compared(3, 7000 + seed, 1.0, 0.05).rows.iter().filter(|row| row.change.is_some()) {
            let (low, high) = row.interval.expect("three runs per side");
            let is_within = low >= -0.05 && high <= 0.05;
            if row.finding == ChangeVerdict::NoDifference {
                assert!(is_within, "{row:?}");
            }
            assert_eq!(row.runs_needed.is_some(), row.finding == ChangeVerdict::TooLittleData, "{row:?}");
        }
    }
}

#[test]
fn the_runs_that_would_do_do() {
    let mut decided = 0;
    for seed in 0..10 {
        let few = compared(3, 8000 + seed, 1.0, 0.05);
        let row = few.rows.iter().find(|row| row.name == "delivery p99").expect("there are enough samples");
        // Three runs per side estimate the variance badly; half as many again are on the safe side.
        let runs = row.runs_needed.map_or(3, |runs| runs * 3 / 2).min(24);
        decided += usize::from(p99(&compared(runs, 8000 + seed, 1.0, 0.05)) != ChangeVerdict::TooLittleData);
    }
    assert!(decided >= 7, "{decided} of 10");
}

#[test]
fn a_server_that_crashed_delivers_less_per_second() {
    let (first, mut second) = Machine::new(9).sides(1.0);
    for run in &mut second {
        // What it had accepted arrives fast, and after ten seconds nothing.
        for interval in &mut run.intervals[10..] {
            (interval.arrived, interval.delivery) = (0, Vec::new());
        }
    }
    let comparison = compare(&first, &second, Threshold::default());
    let row = comparison.rows.iter().find(|row| row.name == "delivered/s").expect("a throughput");
    assert_eq!(row.finding, ChangeVerdict::Worse);
    assert!((row.change.unwrap() + 2.0 / 3.0).abs() < 0.01, "{row:?}");
}

/// V12: a tail that is 5 % longer.
#[test]
fn a_tail_five_percent_longer_is_seen() {
    let slower = ("delivery p99", ChangeVerdict::Worse);
    let seen = (0..100).filter(|seed| findings(1000 + seed, 1.05).contains(&slower)).count();
    assert!(seen >= 80, "{seen} of 100");
}

/// Measures the power of few runs: detected changes and false alarms in 50 comparisons each.
#[test]
fn few_runs_see_large_changes_and_invent_none() {
    let seen = |runs, tail: f64| {
        let worse = |seed: u64| findings_of(runs, 5000 + seed, tail).contains(&("delivery p99", ChangeVerdict::Worse));
        (0..50).filter(|seed| worse(*seed)).count()
    };
    let invented = |runs| {
        let any = |seed: u64| {
            findings_of(runs, 9000 + seed, 1.0)
                .iter()
                .any(|(_, f)| matches!(f, ChangeVerdict::Worse | ChangeVerdict::Better))
        };
        (0..50).filter(|seed| any(*seed)).count()
    };
    for (runs, change, least) in [(3, 1.3, 40), (4, 1.15, 40), (5, 1.1, 40)] {
        let (seen, invented) = (seen(runs, change), invented(runs));
        println!("{runs} runs per side: {change} seen {seen} of 50, invented {invented}");
        assert!(
            seen >= least && invented <= 3,
            "{runs} runs per side: {change} seen {seen} of 50, invented {invented}"
        );
    }
}

#[test]
fn too_few_runs_say_what_they_could_show() {
    let (first, second) = Machine::new(11).some(3, 1.0);
    let comparison = compare(&first, &second, Threshold { effect: 0.001, ..Threshold::default() });
    assert!(
        comparison.notes.iter().any(|note| note.contains("with 3 runs per side the change is between")),
        "{:?}",
        comparison.notes
    );
}

#[test]
fn a_shorter_tail_is_better() {
    assert!(findings(7, 0.85).contains(&("delivery p99", ChangeVerdict::Better)));
}

#[test]
fn one_run_a_side_is_too_little_for_times_and_enough_for_counts() {
    let mut machine = Machine::new(1);
    let (first, mut second) = (machine.run(1.0), machine.run(3.0));
    second.violations.insert("lost", 1);
    let comparison = compare(&[first], &[second], Threshold::default());
    for row in &comparison.rows {
        let expected = if row.name == "lost" { ChangeVerdict::Worse } else { ChangeVerdict::TooLittleData };
        assert_eq!(row.finding, expected, "{}", row.name);
    }
    assert!(comparison.regressed() && comparison.undecided());
}

#[test]
fn invalid_runs_say_nothing_about_times() {
    let (mut first, second) = Machine::new(3).sides(1.0);
    for run in first.iter_mut().take(6) {
        (run.validity, run.validity_reasons) =
            (Validity::Invalid, vec!["the generator stood still for 312 ms".to_owned()]);
    }
    let comparison = compare(&first, &second, Threshold::default());
    assert_eq!(comparison.runs, (2, 8));
    insta::assert_snapshot!(markdown(&comparison));
}

#[test]
fn a_comparison_reads_well() {
    let (first, mut second) = Machine::new(5).sides(1.2);
    second[0].violations.insert("lost", 12);
    let comparison = compare(&first, &second, Threshold::default());
    insta::assert_snapshot!(format!("{}\n{}", markdown(&comparison), terminal(&comparison)));
}

/// Creates a run of which only these outcomes are known.
fn run_with(name: &str, passed: Option<bool>, exact: bool) -> ComparedRun {
    let mut run = Machine::new(0).run(1.0);
    (run.independent, run.intervals, run.outcomes) =
        (0, Vec::new(), vec![PassOutcome { name: name.to_owned(), passed, exact }]);
    run
}

#[test]
fn what_passed_and_fails_now_is_a_regression() {
    let said = |a: &[Option<bool>], b: &[Option<bool>], exact| {
        let side = |of: &[Option<bool>]| of.iter().map(|passed| run_with("x", *passed, exact)).collect::<Vec<_>>();
        let comparison = compare(&side(a), &side(b), Threshold::default());
        comparison.passed.first().map(|passed| passed.finding)
    };
    let (ok, no, open) = (Some(true), Some(false), None);
    assert_eq!(said(&[ok], &[no], true), Some(ChangeVerdict::Worse));
    assert_eq!(said(&[no], &[ok], true), Some(ChangeVerdict::Better));
    assert_eq!(said(&[ok, no], &[no, no], true), None, "it failed before");
    assert_eq!(said(&[ok], &[open], true), None, "nothing is known of it");
    assert_eq!(said(&[ok; 3], &[ok, ok, no], true), Some(ChangeVerdict::Worse));
    // A time at its limit fails by chance.
    assert_eq!(said(&[ok], &[no], false), Some(ChangeVerdict::TooLittleData));
    assert_eq!(said(&[ok; 3], &[ok, no, no], false), Some(ChangeVerdict::TooLittleData));
    assert_eq!(said(&[ok; 3], &[no; 3], false), Some(ChangeVerdict::Worse));
}

#[test]
fn checks_alone_decide_without_times() {
    let comparison = compare(
        &[run_with("conn.ack-ok", Some(true), true)],
        &[run_with("conn.ack-ok", Some(true), true)],
        Threshold::default(),
    );
    assert!(!comparison.regressed() && !comparison.undecided() && comparison.notes.is_empty());
}

#[test]
fn loads_without_intervals_are_not_alike_for_want_of_times() {
    let (mut first, mut second) = Machine::new(5).sides(1.0);
    first.iter_mut().chain(&mut second).for_each(|run| run.intervals.clear());
    let ends_alike = run_with("lost == 0", Some(true), true).outcomes;
    first.iter_mut().chain(&mut second).for_each(|run| run.outcomes = ends_alike.clone());
    let comparison = compare(&first, &second, Threshold::default());
    assert!(comparison.undecided());
    assert!(comparison.notes.iter().any(|note| note.contains("too short")), "{:?}", comparison.notes);
}

#[test]
fn a_verdict_says_what_it_does_not_cover() {
    let (mut first, mut second) = Machine::new(5).sides(1.0);
    first.iter_mut().chain(&mut second).for_each(|run| run.independent = 50);
    let comparison = compare(&first, &second, Threshold::default());
    assert_eq!(comparison.open(), ["delivery p90", "delivery p99"]);
    insta::assert_snapshot!(terminal(&comparison));
}
