use super::*;
use crate::model::histogram::decode;
use crate::model::{ExpectationResult, MeasuredUnit, MissingDeliveries, ProcessEnd, ShardInfo, UnsentMessages};
use crate::test_fixture;

/// Creates a run with the given number of intervals and the given start.
fn run(second: u32, points: u64) -> RunResult {
    RunResult { started: format!("2026-11-22T16:15:{second:02}Z"), ..test_fixture::run(points) }
}

#[test]
fn counts_add_up_and_histograms_are_those_of_all_samples() {
    let (a, b) = (run(1, 10), run(2, 14));
    let merged = merge(&[a.clone(), b.clone()]).unwrap();
    for ((name, sum), ((_, a), (_, b))) in
        merged.counts.named().into_iter().zip(a.counts.named().into_iter().zip(b.counts.named()))
    {
        assert_eq!(sum, a + b, "{name}");
    }
    assert_eq!(merged.counts.errors["404"], 6);
    for (name, block) in &merged.latency {
        let mut expected = decode(&a.latency[name].whole.hdr).unwrap();
        expected.add(decode(&b.latency[name].whole.hdr).unwrap()).unwrap();
        assert_eq!(decode(&block.whole.hdr).unwrap(), expected, "{name}");
    }
    assert_eq!(merged.timeline.len(), 14);
}

#[test]
fn one_result_stays_as_it_is_and_the_order_does_not_matter() {
    let (a, b) = (run(1, 5), run(2, 5));
    assert_eq!(merge(std::slice::from_ref(&a)).unwrap(), a);
    assert_eq!(merge(&[a.clone(), b.clone()]).unwrap().counts, merge(&[b, a]).unwrap().counts);
}

#[test]
fn whole_runs_are_no_parts_of_one_and_the_result_says_so() {
    let two = merge(&[run(1, 5), run(2, 5)]).unwrap();
    let said =
        |result: &RunResult| result.notes().into_iter().filter(|note| note.contains("whole runs")).collect::<Vec<_>>();
    assert!(said(&two)[0].starts_with("these are 2 whole runs"), "{:?}", said(&two));
    assert!(said(&merge(&[two, run(3, 5)]).unwrap())[0].starts_with("these are 3 whole runs"));
    assert!(said(&run(1, 5)).is_empty() && said(&merge(&[part(1, 0, 0, &[]), part(2, 0, 0, &[])]).unwrap()).is_empty());
}

#[test]
fn a_run_counts_once() {
    assert!(matches!(merge(&[run(1, 2), run(2, 2), run(1, 2)]), Err(MergeError::Twice(..))));
}

#[test]
fn runs_of_different_seeds_are_not_one_run() {
    let (a, mut b) = (run(1, 1), run(2, 1));
    b.scenario.seed += 1;
    assert!(matches!(merge(&[a, b]), Err(MergeError::Different(..))));
}

#[test]
fn a_percentile_of_the_whole_is_judged_on_the_added_histograms() {
    let (a, b) = (run(1, 40), run(2, 60));
    let merged = merge(&[a, b]).unwrap();
    let judged = merged.expectations.iter().find(|e| e.text == "delivery.p99.9 < 60ms").unwrap();
    assert_eq!((judged.ok, judged.actual), (Some(true), merged.latency["delivery"].whole.p99_9.map(|p| p as f64)));
}

/// Creates shard `index` of two, with missing broadcasts of ana, and unsent messages to bob.
fn part(index: u32, missing: u64, unsent: u64, unconfirmed: &[&str]) -> RunResult {
    let mut result = run(index, 3);
    (result.counts.lost, result.counts.uncertain) = (0, missing);
    result.expectations[0].actual = Some(0.0);
    let missing =
        |count| MissingDeliveries { sender: "bob".into(), recipient: "ana".into(), broadcasts: count, privates: 0 };
    result.shard = Some(ShardInfo {
        index,
        of: 2,
        missing: if result.counts.uncertain > 0 { vec![missing(result.counts.uncertain)] } else { Vec::new() },
        unsent: if unsent > 0 {
            vec![UnsentMessages { sender: "bob".into(), to: None, count: unsent }]
        } else {
            Vec::new()
        },
        unconfirmed: unconfirmed.iter().map(|user| (*user).to_owned()).collect(),
    });
    result
}

fn lost(one: RunResult, other: RunResult) -> (u64, u64) {
    let merged = merge(&[one, other]).unwrap();
    (merged.counts.lost, merged.counts.uncertain)
}

#[test]
fn what_was_never_sent_is_not_lost_and_what_was_sent_is() {
    assert_eq!(lost(part(1, 0, 0, &[]), part(2, 0, 0, &[])), (0, 0));
    assert_eq!(lost(part(1, 7, 0, &[]), part(2, 0, 0, &[])), (7, 0));
    assert_eq!(lost(part(1, 7, 0, &[]), part(2, 0, 4, &[])), (3, 0));
    assert_eq!(lost(part(1, 7, 0, &[]), part(2, 0, 0, &["bob"])), (0, 7), "his connection died");
}

#[test]
fn a_part_that_is_absent_leaves_the_rest_undecided() {
    let merged = merge(&[part(1, 7, 0, &[])]).unwrap();
    assert_eq!((merged.counts.lost, merged.counts.uncertain), (0, 7));
    assert!(merged.validity_reasons.last().unwrap().contains("these are missing: 2"), "{:?}", merged.validity_reasons);
    let again = RunResult { started: run(9, 0).started, ..part(1, 0, 0, &[]) };
    assert!(matches!(merge(&[part(1, 0, 0, &[]), again]), Err(MergeError::Shards(_))));
}

#[test]
fn implicit_expectations_of_all_parts_count() {
    let implicit = |text: &str, actual, ok, note: &str| ExpectationResult {
        text: text.to_owned(),
        line: 0,
        actual,
        unit: MeasuredUnit::Count,
        ok,
        note: Some(note.to_owned()),
    };
    let (mut one, mut other) = (part(1, 0, 0, &[]), part(2, 0, 0, &[]));
    one.expectations.insert(0, implicit("something is sent", Some(0.0), None, "nothing came due"));
    one.expectations.insert(0, implicit("everybody is let in", Some(2.0), Some(false), "refused: ana, bob"));
    other.expectations.insert(0, implicit("everybody is let in", Some(1.0), Some(false), "refused: eva"));
    other.expectations.insert(0, implicit("the server stays up", None, Some(false), "exit status 1"));
    other.server_end = Some(ProcessEnd { seconds: 1.5, status: "exit status 1".to_owned(), output: Vec::new() });
    let end = other.server_end.clone();
    let merged = merge(&[one, other]).unwrap();
    let found: Vec<_> = merged.expectations.iter().filter(|e| e.line == 0).cloned().collect();
    assert_eq!(
        found,
        [
            implicit("everybody is let in", Some(3.0), Some(false), "refused: ana, bob; refused: eva"),
            implicit("the server stays up", None, Some(false), "exit status 1"),
        ],
        "other users did send something"
    );
    assert_eq!((merged.exit_code, merged.server_end), (1, end));
}
