//! `find_max` and `compare` against servers whose truth is known.

use mychat_tests::TestServer;
use mychat_tests::faulty_server::{FaultyServer, LoadFault};
use serde_json::Value;

use crate::run;

fn search(users: &str, find_max: &str) -> String {
    format!(
        "name: search\nseed: 4\nusers:\n  pairs: {{ {users}, do: [ {{ private: {{ to: pairs, size: 64 }} }} ] }}\n\
         load: [ {{ find_max: {{ {find_max} }} }} ]\nexpect: [ \"lost == 0\", \"delivery.max < 300ms\" ]\n"
    )
}

fn reason(json: &Value) -> &str {
    json["capacity"]["reason"].as_str().expect("a reason")
}

/// A server of known limit, in a run whose every probe overloads it. A busy machine can only lower what is delivered.
#[cfg(target_os = "linux")]
#[test]
fn throughput_is_what_the_server_delivers_and_not_what_it_was_sent() {
    use mychat_tests::timed_server::{TimedServer, Timing};
    use std::time::Duration;

    const LIMIT: f64 = 470.0;
    let server = TimedServer::start(Timing { work: Duration::from_secs_f64(1.0 / LIMIT), ..Timing::default() }, None);
    let text = "name: overload\nseed: 4\nusers:\n  pairs: { count: 20, rate: 1600/s, arrivals: even, do: [ { private: { to: pairs } } ] }\n\
                load: [ { warmup: 500ms }, { hold: { for: 1s, name: steady } } ]\n";
    let outcome = run(text).target(server.address()).declared().go();
    let within = |stage: &str, count: &str| {
        let points = outcome.json["timeline"].as_array().expect("a timeline").iter();
        points.filter(|point| point["stage"] == stage).map(|point| point[count].as_u64().expect("a count")).sum::<u64>()
    };
    let (sent, delivered) = (within("steady", "sent"), within("steady", "delivered"));
    assert!(delivered as f64 <= LIMIT * 1.15, "{delivered} of {sent}: {}", outcome.output());
    assert!(within("drain", "delivered") > delivered, "the rest arrives after the load: {}", outcome.output());
    assert_eq!(outcome.count("lost"), 0, "{}", outcome.output());
}

#[test]
fn missing_users_break_a_search_whatever_the_rate() {
    let server = TestServer::with(|config| config.admission.max_users = std::num::NonZeroUsize::new(10));
    let text = search(
        "count: 65, join: 500/s, rate: 200/s",
        "start: 50%, max: 400%, grow: 2x, probe: 300ms, settle: 100ms, confirm: 300ms",
    );
    let outcome = run(&text).target(server.address()).declared().go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    assert_eq!(outcome.json["capacity"]["percent"], Value::Null, "{}", outcome.output());
    let reason = reason(&outcome.json);
    assert!(reason.starts_with("nothing held at `start` (50 %) or above: 55 of 65 users were not let in"), "{reason}");
    assert!(outcome.stdout.contains(reason), "{}", outcome.output());
}

#[test]
fn a_loss_at_every_rate_is_no_question_of_the_rate() {
    let server = FaultyServer::start(LoadFault::Lose, 97);
    let text =
        search("count: 20, rate: 2000/s", "start: 100%, max: 400%, grow: 2x, probe: 1s, settle: 100ms, confirm: 2s");
    let outcome = run(&text).target(server.address()).declared().arg("--quiet").go();
    assert_eq!(outcome.code, 1, "{}", outcome.output());
    let reason = reason(&outcome.json);
    assert!(reason.contains("lost messages is proportional to those sent, whatever the rate"), "{reason}");
    assert_eq!(outcome.json["capacity"]["percent"], Value::Null, "{reason}");
    assert!(outcome.stdout.starts_with("FAIL search:"), "{}", outcome.output());
}
