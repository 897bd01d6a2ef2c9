//! One seed gives one plan, with any number of threads.

use mychat_tests::TestServer;

use crate::run;

const SCENARIO: &str = "
name: plans
users:
  some: { count: 7, rate: 100/s, do: [ { broadcast: {} }, { private: { to: others } } ] }
  others: { count: 5, rate: 20/s each, arrivals: even, do: [ { private: { to: some, size: 48..300 } } ] }
load: [ { ramp: { from: 10%, to: 100%, over: 400ms } }, { hold: 200ms } ]
";

#[test]
fn the_plan_depends_on_the_seed_and_on_nothing_else() {
    let server = TestServer::start();
    let plan = |seed: u64, threads: u32| {
        let run = run(SCENARIO).target(server.address()).arg("--seed").arg(seed).arg("--threads").arg(threads);
        let outcome = run.go();
        assert!(outcome.expectations_hold(), "{}", outcome.output());
        assert_eq!(outcome.count("lost") + outcome.count("duplicated"), 0, "{}", outcome.output());
        (outcome.json["scenario"]["plan_sha256"].clone(), outcome.count("sent"))
    };
    let one = plan(9, 1);
    assert_eq!(one, plan(9, 4));
    assert_ne!(one.0, plan(10, 1).0);
}

#[test]
fn without_a_seed_one_is_drawn_and_told() {
    let server = TestServer::start();
    let seed = || run(SCENARIO).target(server.address()).go().json["scenario"]["seed"].as_u64().unwrap();
    assert_ne!(seed(), seed());
}
