//! Lost, duplicated, reordered, misrouted and corrupted messages of a faulty server are counted exactly.

use mychat_tests::Outcome;
use mychat_tests::faulty_server::{FaultyServer, LoadFault};

use crate::run;

const LOAD: &str = "
name: accounts
users:
  talkers: { count: 8, rate: 400/s, do: [ { broadcast: { weight: 1 } }, { private: { weight: 4, to: talkers } } ] }
load: [ { hold: 1s } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"reordered == 0\", \"misrouted == 0\", \"corrupted == 0\" ]
";

/// Runs against a server that commits a fault at every `every`-th delivery. Returns the outcome and the number of faults.
fn against(fault: LoadFault, every: u64) -> (Outcome, u64) {
    let server = FaultyServer::start(fault, every);
    let outcome = run(LOAD).target(server.address()).declared().go();
    let done = server.committed();
    assert!(fault == LoadFault::None || done > 0, "the server committed no fault: {}", outcome.output());
    (outcome, done)
}

/// The same load with `verify: counts`, which counts deliveries per user.
const COUNTED: &str = "
name: counted
verify: counts
users:
  talkers: { count: 8, rate: 400/s, do: [ { broadcast: { weight: 1 } }, { private: { weight: 4, to: talkers } } ] }
load: [ { hold: 1s } ]
expect: [ \"lost == 0\", \"duplicated == 0\" ]
";

fn counted(fault: LoadFault, every: u64) -> (Outcome, u64) {
    let server = FaultyServer::start(fault, every);
    (run(COUNTED).target(server.address()).declared().go(), server.committed())
}

fn violations(outcome: &Outcome) -> [u64; 5] {
    ["lost", "duplicated", "reordered", "misrouted", "corrupted"].map(|name| outcome.count(name))
}

#[test]
fn several_workers_count_exactly_the_same() {
    let found = |text: &str, fault, every| {
        let server = FaultyServer::start(fault, every);
        let outcome = run(text).target(server.address()).declared().arg("--threads").arg(3).go();
        assert_eq!(outcome.json["generator"]["threads"], 3, "{}", outcome.output());
        (violations(&outcome), server)
    };
    // The mixed faults depend on nothing but the number of the delivery: the 597th is lost and the 1585th comes twice.
    let many = LOAD.replace("400/s", "1600/s");
    let (mixed, changed) = std::thread::scope(|scope| {
        let changed = scope.spawn(|| found(LOAD, LoadFault::Change, 67));
        (found(&many, LoadFault::Mixed, 1), changed.join().expect("a run"))
    });
    let (violations, server) = changed;
    assert_eq!(violations, [0, 0, 0, 0, server.committed()]);
    assert!(server.committed() > 0);
    let (violations, server) = mixed;
    let mixed = server.mixed();
    assert_eq!(violations, [mixed.lost, mixed.doubled, mixed.swapped, 0, 0]);
    assert!(mixed.lost > 0 && mixed.doubled > 0, "{mixed:?}");
}

#[test]
fn a_correct_server_of_another_author_passes() {
    let (outcome, _) = against(LoadFault::None, 1);
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert_eq!(violations(&outcome), [0; 5]);
    let timeline = outcome.json["timeline"].as_array().unwrap();
    let (joining, load): (Vec<_>, Vec<_>) = timeline.iter().partition(|point| point["stage"] == "join");
    let sum =
        |points: &[&serde_json::Value]| points.iter().map(|point| point["delivered"].as_u64().unwrap()).sum::<u64>();
    assert!(!joining.is_empty() && sum(&joining) == 0, "what came before the load is in lines of its own");
    assert_eq!(sum(&load), outcome.count("delivered"));
}

#[test]
fn losses_are_counted_and_named() {
    let (outcome, done) = against(LoadFault::Lose, 97);
    assert_eq!((outcome.code, violations(&outcome)), (1, [done, 0, 0, 0, 0]), "{}", outcome.output());
    let first = &outcome.json["examples"][0];
    assert_eq!(first["kind"], "lost");
    assert!(first["recipient"].as_str().unwrap().starts_with("talkers"), "{first}");
}

#[test]
fn copies_are_counted() {
    let (outcome, done) = against(LoadFault::Double, 101);
    assert_eq!((outcome.code, violations(&outcome)), (1, [0, done, 0, 0, 0]), "{}", outcome.output());
}

#[test]
fn copies_after_the_last_message_are_counted_too() {
    let (outcome, done) = against(LoadFault::Repeat, 47);
    assert_eq!((outcome.code, violations(&outcome)), (1, [0, done, 0, 0, 0]), "{}", outcome.output());
}

#[test]
fn a_wrong_404_is_a_loss_and_an_error_also_under_churn() {
    let scenario = "
name: denied
users:
  talkers: { count: 8, rate: 400/s, do: [ { private: { to: talkers } }, { private: { to: guests } } ] }
  guests: { count: 4, session: 100ms..300ms, leave: disconnect }
load: [ { hold: 1s } ]
expect: [ \"errors == 0\" ]
";
    for (every, exit) in [(u64::MAX, 0), (7, 1)] {
        let server = FaultyServer::start(LoadFault::Deny, every);
        let outcome = run(scenario).target(server.address()).declared().go();
        let denied = server.committed();
        assert_eq!(violations(&outcome), [denied, 0, 0, 0, 0], "{}", outcome.output());
        assert_eq!(outcome.json["counts"]["errors"]["404"].as_u64().unwrap_or(0), denied, "{}", outcome.output());
        assert!(outcome.code == exit || outcome.code == 4, "{}", outcome.output());
        assert_eq!(denied > 5, exit == 1);
    }
}

#[test]
fn swaps_are_counted() {
    let (outcome, done) = against(LoadFault::Swap, 89);
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    // A frame that was held to the end of the run was never sent.
    let [lost, duplicated, reordered, ..] = violations(&outcome);
    assert_eq!((duplicated, reordered), (0, done), "{lost} lost; {}", outcome.output());
}

#[test]
fn two_orders_of_broadcasts_are_counted_with_both_recipients() {
    let scenario = "
name: orders
users: { talkers: { count: 8, rate: 300/s, do: [ { broadcast: {} } ] } }
load: [ { hold: 1s } ]
expect: [ \"disordered == 0\" ]
";
    for threads in [1, 2] {
        let server = FaultyServer::start(LoadFault::TwoOrders, 5);
        let outcome = run(scenario).target(server.address()).declared().arg("--threads").arg(threads).go();
        assert_eq!((outcome.code, outcome.count("disordered")), (1, server.committed()), "{}", outcome.output());
        assert!(outcome.count("reordered") == 0 && server.committed() > 50, "{}", outcome.output());
        let examples = outcome.json["examples"].as_array().expect("examples");
        let example = examples.iter().find(|example| example["kind"] == "disordered").expect("an example");
        assert!(example["what"].as_str().is_some_and(|what| what.contains("in the opposite order")), "{example}");
    }
}

#[test]
fn a_message_to_the_wrong_user_is_misrouted_and_lost() {
    let (outcome, done) = against(LoadFault::Misroute, 83);
    let [lost, duplicated, _, misrouted, corrupted] = violations(&outcome);
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    // A broadcast that comes to somebody twice is a copy to them; a private message is nobody else's.
    assert_eq!((lost, duplicated + misrouted, corrupted), (done, done, 0), "{}", outcome.output());
}

#[test]
fn changed_messages_are_counted_as_corrupted() {
    let (outcome, done) = against(LoadFault::Change, 103);
    assert_eq!((outcome.code, violations(&outcome)), (1, [0, 0, 0, 0, done]), "{}", outcome.output());
}

#[test]
fn a_loss_at_the_very_end_of_a_burst_is_found() {
    // Every second delivery is lost: the last ones too, which no gap behind them shows.
    let (outcome, done) = against(LoadFault::Lose, 2);
    assert_eq!(violations(&outcome), [done, 0, 0, 0, 0], "{}", outcome.output());
}

#[test]
fn verify_counts_finds_losses_and_copies_per_user() {
    let (honest, _) = counted(LoadFault::None, 1);
    assert!(honest.expectations_hold(), "{}", honest.output());
    assert_eq!((honest.count("lost"), honest.count("duplicated")), (0, 0));
    assert_eq!(honest.count("delivered"), honest.count("expected_deliveries"));
    assert_eq!(honest.json["scenario"]["verify"], "counts");

    let (outcome, done) = counted(LoadFault::Lose, 97);
    assert_eq!(
        (outcome.code, outcome.count("lost"), outcome.count("duplicated")),
        (1, done, 0),
        "{}",
        outcome.output()
    );
    assert!(outcome.json["examples"][0]["recipient"].as_str().unwrap().starts_with("talkers"));

    let (outcome, done) = counted(LoadFault::Double, 101);
    assert_eq!(
        (outcome.code, outcome.count("lost"), outcome.count("duplicated")),
        (1, 0, done),
        "{}",
        outcome.output()
    );
}

#[test]
fn without_verification_no_loss_is_counted_and_the_report_says_so() {
    let server = FaultyServer::start(LoadFault::Lose, 50);
    let text = COUNTED
        .replace("verify: counts", "verify: none")
        .replace("\"lost == 0\", \"duplicated == 0\"", "\"delivered > 0\"");
    let outcome = run(&text).target(server.address()).declared().go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert_eq!(outcome.count("lost"), 0);
    assert!(outcome.stdout.contains("verify: none"), "{}", outcome.stdout);
}

#[test]
fn a_user_missing_in_the_last_list_is_reported_and_timed() {
    let scenario = "
name: unlisted
users: { bots: { count: 5, join: 100/s, rate: 10/s, do: [ { broadcast: {} } ] } }
timeout: 500ms
load: [ { hold: 2s } ]
expect: [ \"lost == 0\", \"roster.max < 1s\" ]
";
    let outcome = |fault| {
        let server = FaultyServer::start(fault, 1);
        run(scenario).target(server.address()).go()
    };
    let fine = outcome(LoadFault::None);
    assert_eq!(fine.count("unlisted"), 0, "{}", fine.output());
    let wrong = outcome(LoadFault::Unlist);
    assert_eq!((wrong.count("unlisted"), wrong.count("lost")), (4, 0), "{}", wrong.output());
    let roster = wrong.json["latency"]["roster"]["max"].as_f64().unwrap();
    assert!(roster >= 1e6, "a list that never came took at least until the end: {roster} µs");
    let named = "bots2 is not in the last list of bots1";
    assert!(wrong.stdout.contains(named) && wrong.stdout.contains("not in everybody's list 4"), "{}", wrong.output());
    // On a busy machine the run itself may not be sound, and then its latencies decide nothing.
    let code = if wrong.json["validity"] == "invalid" { 4 } else { 1 };
    assert_eq!(wrong.code, code, "{}", wrong.output());
}
