//! The rows of the truth table that do not depend on the machine's load: counts and verdicts.

use mychat_tests::faulty_server::{FaultyServer, LoadFault};
use mychat_tests::{RawPeer, TestServer};
use rustix::process::{Pid, Signal, kill_process};

use crate::run;

#[test]
fn v5_a_generator_that_was_stopped_blames_itself() {
    let server = TestServer::start();
    let mut witness = RawPeer::join(server.address(), "witness");
    let scenario = "
name: stopped
users: { bots: { count: 5, rate: 100/s, arrivals: even, do: [ { broadcast: {} } ] } }
load: [ { hold: 2s } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"achieved == 100%\", \"delivery.p50 < 1us\" ]
";
    let outcome = run(scenario).target(server.address()).declared().with(|id| {
        witness.read_until("BROADCAST|");
        let tool = Pid::from_raw(id.cast_signed()).unwrap();
        kill_process(tool, Signal::STOP).unwrap();
        // This is the stop itself, not a wait for anything.
        std::thread::sleep(std::time::Duration::from_millis(300));
        kill_process(tool, Signal::CONT).unwrap();
    });
    assert_eq!(outcome.code, 4, "{}", outcome.output());
    assert_eq!((&outcome.json["validity"], &outcome.json["verdict"]), (&"invalid".into(), &"inconclusive".into()));
    let reasons = outcome.json["validity_reasons"].to_string();
    assert!(reasons.contains("the generator stood still for"), "{reasons}");
    assert!(outcome.json["latency"]["lateness"]["max"].as_f64().unwrap() >= 200_000.0, "{}", outcome.output());
    // What was missed was sent late, and all of it arrived.
    assert_eq!((outcome.count("sent"), outcome.count("lost")), (outcome.count("scheduled"), 0));
}

#[test]
fn v8_several_faults_at_once_are_told_apart_exactly() {
    let server = FaultyServer::start(LoadFault::Mixed, 1);
    let scenario = "
name: faults
seed: 8
users: { talkers: { count: 100, join: 1000/s, rate: 120/s, do: [ { broadcast: { weight: 9 } }, { private: { weight: 1, to: talkers } } ] } }
load: [ { hold: 3s } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"reordered == 0\" ]
";
    let outcome = run(scenario).target(server.address()).go();
    let mixed = server.mixed();
    let got = ["lost", "duplicated", "reordered", "misrouted", "corrupted"].map(|name| outcome.count(name));
    assert_eq!(got, [mixed.lost, mixed.doubled, mixed.swapped, 0, 0], "{}", outcome.output());
    assert!(mixed.lost > 10 && mixed.doubled > 5 && mixed.swapped > 0, "{mixed:?}");
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    for kind in ["lost", "duplicated", "reordered"] {
        let examples = outcome.json["examples"].as_array().unwrap();
        assert!(
            examples.iter().any(|one| one["kind"] == kind && one["sender"].is_string()),
            "{kind}: {}",
            outcome.output()
        );
    }
}

#[test]
fn v9_churn_alone_is_no_violation() {
    let server = TestServer::start();
    let scenario = "
name: churn-at-scale
seed: 9
users:
  talkers: { count: 5, rate: 100/s, do: [ { broadcast: {} } ] }
  visitors: { count: 100, join: 200/s, session: 1s..3s, leave: [disconnect, fin, rst] }
load: [ { hold: 3s } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"reordered == 0\", \"wrong_replies == 0\", \"disconnects == 0\" ]
";
    let outcome = run(scenario).target(server.address()).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    // More than a hundred came back in the three seconds.
    assert!(outcome.count("connected") > 105 + 30, "{}", outcome.output());
    assert!(outcome.count("delivered") > 20_000, "{}", outcome.output());
}
