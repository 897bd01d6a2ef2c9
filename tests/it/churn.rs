//! Users that log in and out under load cause no false violations.

use mychat_tests::TestServer;

use crate::run;

const SCENARIO: &str = "
name: churn
users:
  talkers: { count: 5, rate: 200/s, do: [ { broadcast: { weight: 1 } }, { private: { weight: 1, to: visitors } } ] }
  visitors:
    count: 20
    session: 50ms..400ms
    leave: [disconnect, fin, rst]
    rate: 2/s each
    do: [ { broadcast: {} }, { private: { to: talkers } } ]
load: [ { hold: 3s } ]
expect: [ \"lost == 0\", \"duplicated == 0\", \"reordered == 0\", \"misrouted == 0\", \"wrong_replies == 0\", \"errors == 0%\", \"disconnects == 0\" ]
";

#[test]
fn every_kind_of_leaving_is_accounted_for() {
    let server = TestServer::start();
    let outcome = run(SCENARIO).target(server.address()).go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    assert!(outcome.count("connected") > 60, "users came back: {}", outcome.output());
    assert!(outcome.count("delivered") > 1000, "{}", outcome.output());
}
