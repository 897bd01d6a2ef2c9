//! Users that are not let in, and users that are disconnected: no run passes without them.

use mychat_load::record::recorder::{Count, LatencyMetric};
use mychat_load::verdict::Verdict;

use super::run::{MS, Outcome, S, run};
use super::server::{Behaviour, LoginFault};

/// Ten users that send, under these expectations, if there are any.
fn ten(expect: &str, behaviour: Behaviour) -> Outcome {
    let expect = if expect.is_empty() { String::new() } else { format!("expect: [ {expect} ]") };
    let scenario = format!(
        "users: {{ u: {{ count: 10, rate: 20/s, do: [ {{ broadcast: {{}} }} ] }} }}\nload: [ {{ hold: 10s }} ]\n{expect}"
    );
    run(&scenario, behaviour).go()
}

#[test]
fn users_that_are_not_let_in_fail_the_run_and_count_in_connect() {
    for (fault, why) in [
        (LoginFault::Refused, "the server answered CONNECT_ACK|FAIL"),
        (LoginFault::Unanswered, "no answer to CONNECT within 2 s"),
        (LoginFault::Closed, "the server closed the connection before it answered CONNECT"),
    ] {
        let behaviour = Behaviour { fails_logins: Some((2, fault)), ..Behaviour::default() };
        let outcome = ten("\"lost == 0\"", behaviour.clone());
        assert_eq!((outcome.count(Count::Connected), outcome.count(Count::Refused)), (5, 5), "{fault:?}");
        assert_eq!(outcome.assessment.verdict, Verdict::Fail, "{fault:?}");
        let note = format!("refused: u2, u4, u6 and 2 more: {why}");
        assert_eq!(outcome.broken(), [("everybody is let in", note.as_str())]);
        // A refusal comes at once and must not improve the percentiles: each counts with its age at the end of the run.
        let connect = outcome.latency(LatencyMetric::Connect);
        assert_eq!((connect.count(), connect.histogram.count_between(10_000_000, 60_000_000)), (10, 5), "{fault:?}");
        // A scenario may allow it, or a number of them.
        assert_eq!(ten("\"refused <= 5\"", behaviour.clone()).assessment.verdict, Verdict::Pass, "{fault:?}");
        let outcome = ten("\"refused < 5\"", behaviour);
        assert_eq!(outcome.broken(), [("refused < 5", "")], "{fault:?}");
    }
}

#[test]
fn a_name_that_is_never_freed_fails_the_run() {
    let behaviour = || Behaviour { name_kept: 1000 * S, ..Behaviour::default() };
    let scenario = |hold| {
        format!(
            "users:\n  u: {{ count: 2, rate: 9/s, do: [ {{ broadcast: {{}} }} ] }}\n  \
             v: {{ count: 3, session: 500ms..900ms, leave: [disconnect, fin, rst] }}\nload: [ {{ hold: {hold} }} ]"
        )
    };
    // In the short run the load ends before the reply timeout of the first return.
    for (hold, workers) in [("10s", 1), ("1s", 1), ("1s", 2)] {
        let outcome = run(&scenario(hold), behaviour()).workers(workers).go();
        assert_eq!(outcome.count(Count::Refused), 3, "{hold}");
        assert!(outcome.count(Count::RefusedReturns) > 200, "{hold}: {}", outcome.count(Count::RefusedReturns));
        let (text, note) = outcome.broken()[0];
        assert_eq!((text, outcome.assessment.verdict), ("everybody is let in", Verdict::Fail), "{hold}");
        assert!(note.ends_with(": the server answered CONNECT_ACK|FAIL, 2.0 s after it had left"), "{note}");
    }
    // Freed late, within the reply timeout: the users get in again, even after the end of the load.
    let outcome = run(&scenario("1s"), Behaviour { name_kept: 1500 * MS, ..Behaviour::default() }).go();
    assert_eq!((outcome.broken(), outcome.count(Count::Connected)), (Vec::new(), 8));
}

#[test]
fn a_user_that_is_thrown_out_fails_the_run() {
    let behaviour = Behaviour { closes: Some(("u2", 12)), ..Behaviour::default() };
    let outcome = ten("", behaviour.clone());
    let (text, note) = outcome.broken()[0];
    assert_eq!((text, outcome.assessment.verdict), ("nobody is disconnected", Verdict::Fail));
    assert!(note.starts_with("disconnected: u2, the first ") && note.ends_with("the server closed the connection"));
    assert_eq!(ten("\"disconnects <= 1\"", behaviour).assessment.verdict, Verdict::Pass);
}

#[test]
fn a_run_that_sends_nothing_does_not_pass() {
    // The first action of a user that acts once in a day does not come due.
    let scenario = "users: { u: { count: 1, think: 20h, do: [ { broadcast: {} } ] } }\nload: [ { hold: 2s } ]";
    let outcome = run(scenario, Behaviour::default()).go();
    assert_eq!((outcome.count(Count::Sent), outcome.assessment.verdict), (0, Verdict::Inconclusive));
}
