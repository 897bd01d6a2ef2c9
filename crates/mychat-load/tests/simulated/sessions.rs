//! Users that log in, wait, leave and return. Every delivery is accounted for throughout.

use mychat_load::record::recorder::{Count, LatencyMetric};
use mychat_load::record::session::UserSessionEnd;

use super::run::{MS, S, run};
use super::server::{Behaviour, Logout};

#[test]
fn a_closed_loop_thinks_after_each_delivery() {
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    let scenario = "users: { u: { count: 10, think: 20ms, do: [ { private: { to: u } } ] } }\nload: [ { hold: 10s } ]";
    let outcome = run(scenario, behaviour).go();
    // The first think time begins with the load: one message in every 25 ms.
    assert_eq!(outcome.count(Count::Sent), 10 * 400);
    assert_eq!(outcome.violations(), [0; 9]);
}

#[test]
fn a_closed_loop_continues_after_every_kind_of_reply() {
    for action in ["private: { to: nobody }", "broadcast: {}", "duplicate_name: { of: others }", "garbage: { size: 8 }"]
    {
        let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
        let scenario = format!(
            "users: {{ u: {{ count: 2, hostile: true, think: 20ms, do: [ {{ {action} }} ] }}, \
             others: {{ count: 2 }} }}\nload: [ {{ hold: 10s }} ]"
        );
        let outcome = run(&scenario, behaviour).go();
        let sent = outcome.count(Count::Sent);
        // Only the connection of a duplicate login takes longer than a reply.
        assert!((700..=800).contains(&sent), "{action}: {sent}");
    }
}

#[test]
fn a_closed_loop_continues_after_a_404() {
    let scenario = "users: { u: { count: 5, think: 20ms, do: [ { private: { to: guests } } ] }, \
                    guests: { count: 1, session: 1s, leave: disconnect } }\nload: [ { hold: 20s } ]";
    let behaviour = Behaviour { delay: 5 * MS, name_kept: S, ..Behaviour::default() };
    let outcome = run(scenario, behaviour).go();
    assert!(outcome.count(Count::Unreachable) > 1000, "{}", outcome.count(Count::Unreachable));
    assert!(outcome.count(Count::Sent) > 5 * 750, "{}", outcome.count(Count::Sent));
    assert_eq!(outcome.violations(), [0; 9]);
}

#[test]
fn the_drain_waits_for_messages_in_flight() {
    let behaviour = Behaviour { delay: 1500 * MS, ..Behaviour::default() };
    let scenario = "users: { u: { count: 5, rate: 100/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 3s } ]";
    let outcome = run(scenario, behaviour).go();
    assert_eq!(outcome.violations(), [0; 9]);
    assert_eq!(outcome.count(Count::Delivered), 5 * outcome.count(Count::Sent));
    assert!((1400 * MS..1600 * MS).contains(&outcome.drained), "{} ns", outcome.drained);
}

#[test]
fn losses_at_the_very_end_are_found() {
    let scenario = "users: { u: { count: 10, rate: 10/s, arrivals: even, do: [ { broadcast: {} } ] } }\n\
                    load: [ { hold: 10s } ]";
    for lost in [999..1000, 990..1000, 985..1000, 0..1000] {
        let wanted = lost.end - lost.start;
        let outcome = run(scenario, Behaviour { delay: MS, lost, ..Behaviour::default() }).go();
        assert_eq!((outcome.lost(), outcome.reconciliation.owed), (wanted, 1000));
        assert_eq!(outcome.count(Count::Delivered), 1000 - wanted);
        // Lost messages are in the latencies too, with their age at the end: the drain alone takes two seconds.
        for clock in [LatencyMetric::Delivery, LatencyMetric::Service] {
            let latency = outcome.latency(clock);
            let old = latency.histogram.count_between(2_000_000, 60_000_000);
            assert_eq!((latency.count(), old), (1000, wanted), "{clock:?}");
        }
        let broadcasts = wanted.div_ceil(10);
        for (clock, late) in [(LatencyMetric::DeliveryLast, broadcasts), (LatencyMetric::DeliveryFirst, wanted / 10)] {
            let latency = outcome.latency(clock);
            let old = latency.histogram.count_between(2_000_000, 60_000_000);
            assert_eq!((latency.count(), old), (100, late), "{clock:?}");
        }
    }
}

#[test]
fn a_refused_user_is_missing_and_the_others_are_not() {
    let behaviour = Behaviour { refused: Some("u3"), ..Behaviour::default() };
    let scenario =
        "users: { u: { count: 5, rate: 50/s, arrivals: even, do: [ { broadcast: {} } ] } }\nload: [ { hold: 2s } ]";
    let outcome = run(scenario, behaviour).go();
    assert_eq!((outcome.count(Count::Refused), outcome.count(Count::Connected)), (1, 4));
    assert_eq!((outcome.count(Count::Scheduled), outcome.count(Count::Sent)), (100, 80));
    assert_eq!((outcome.count(Count::Delivered), outcome.violations()), (320, [0; 9]));
}

#[test]
fn a_login_is_repeated_while_the_name_is_taken() {
    let behaviour = Behaviour { name_kept: 150 * MS, ..Behaviour::default() };
    let scenario = "users: { u: { count: 4, session: 500ms, leave: [disconnect, fin, rst] } }\nload: [ { hold: 10s } ]";
    let outcome = run(scenario, behaviour).go();
    assert!(outcome.count(Count::RefusedReturns) > 100, "{}", outcome.count(Count::RefusedReturns));
    assert_eq!((outcome.count(Count::Refused), outcome.violations()), (0, [0; 9]));
    assert!(outcome.sessions.len() > 4 * 12, "{}", outcome.sessions.len());
}

#[test]
fn a_server_that_ignores_disconnect_is_told_how_long_it_went_on_delivering() {
    let behaviour = Behaviour { disconnect: Logout::Ignored, ..Behaviour::default() };
    let users = "talkers: { count: 1, rate: 10/s, arrivals: even, do: [ { broadcast: {} } ] }\n  \
                 guests: { count: 1, session: 1s, leave: disconnect }";
    let scenario = format!("timeout: 1s\nusers:\n  {users}\nload: [ {{ hold: 4s }} ]");
    let outcome = run(&scenario, behaviour).go();
    assert!(outcome.count(Count::WrongReplies) >= 1);
    // One message is sent in each tenth of a second, so the newest is between 0.9 and 1 s later.
    let text = &outcome.examples[0];
    let expected = "the server did not close within 1 s of DISCONNECT; a message that was sent 0.9";
    assert!(text.starts_with(expected), "{text}");
    // A server that closes late has broken no rule.
    let behaviour = Behaviour { delay: 300 * MS, ..Behaviour::default() };
    assert_eq!(run(&scenario, behaviour).go().violations(), [0; 9]);
}

#[test]
fn a_message_that_arrives_again_in_a_later_session_is_a_duplicate() {
    // A message sent before a return may arrive after it. Its first copy is no duplicate.
    for (delay, repeats) in [(MS, true), (MS, false), (80 * MS, false)] {
        let behaviour = Behaviour { delay, repeats, ..Behaviour::default() };
        let scenario = "users:\n  u: { count: 3, rate: 100/s, do: [ { broadcast: {} }, { private: { to: guests } } ] }\n  \
                        guests: { count: 5, session: 400ms..900ms, leave: disconnect }\nload: [ { hold: 20s } ]";
        let outcome = run(scenario, behaviour).go();
        assert!(!repeats || outcome.repeated > 100, "{}", outcome.repeated);
        assert_eq!(outcome.violations(), [0, outcome.repeated, 0, 0, 0, 0, 0, 0, 0], "{delay} {repeats}");
    }
}

#[test]
fn a_message_with_a_destroyed_stamp_is_not_lost_as_well() {
    for verify in ["full", "counts"] {
        let behaviour = Behaviour { damaged: 100..150, lost: 200..210, ..Behaviour::default() };
        let scenario = format!(
            "verify: {verify}\nusers: {{ u: {{ count: 5, rate: 50/s, do: [ {{ broadcast: {{}} }}, {{ private: {{ to: u }} }} ] }} }}\n\
             load: [ {{ hold: 10s }} ]"
        );
        assert_eq!(run(&scenario, behaviour).go().violations(), [10, 0, 0, 0, 50, 0, 0, 0, 0], "{verify}");
    }
}

#[test]
fn every_kind_of_leaving_is_accounted_for_under_delay_and_freezes() {
    let behaviour = Behaviour { delay: 30 * MS, freeze: Some((100 * MS, S)), ..Behaviour::default() };
    for leave in ["disconnect", "fin", "rst", "[disconnect, fin, rst]"] {
        let scenario = format!(
            "users:\n  u: {{ count: 5, rate: 200/s, do: [ {{ broadcast: {{}} }}, {{ private: {{ to: guests }} }} ] }}\n  \
             guests: {{ count: 20, join: 1000/s, session: 50ms..900ms, leave: {leave}, rate: 5/s each, \
             do: [ {{ broadcast: {{}} }}, {{ private: {{ to: u }} }} ] }}\nload: [ {{ hold: 30s }} ]"
        );
        let outcome = run(&scenario, behaviour.clone()).go();
        assert_eq!(outcome.violations(), [0; 9], "{leave}");
        assert!(outcome.sessions.len() > 500, "{leave}: {}", outcome.sessions.len());
        assert!(outcome.reconciliation.uncertain > 0, "{leave}");
    }
}

#[test]
fn missing_replies_are_counted_although_their_users_leave() {
    for leave in ["disconnect", "fin", "rst"] {
        let missed = |one_in, actions: &str| {
            let scenario = format!(
                "timeout: 500ms\nusers: {{ u: {{ count: 5, rate: 10/s each, arrivals: even, session: 2s..4s, leave: {leave}, \
                 do: [ {actions} ] }} }}\nload: [ {{ hold: 30s }} ]"
            );
            let outcome = run(&scenario, Behaviour { delay: MS, unanswered: one_in, ..Behaviour::default() }).go();
            assert!(outcome.sessions.len() > 25, "{leave}: {}", outcome.sessions.len());
            let [.., wrong, errors, disconnects, _] = outcome.violations();
            assert_eq!((errors, disconnects), (0, 0), "{leave}");
            (wrong, outcome.unanswered, outcome.sessions.len() as u64)
        };
        let (wrong, ..) = missed(None, "{ private: { to: nobody } }");
        assert_eq!(wrong, 0, "{leave}");
        // Without any reply, all are overdue except those of the last half second, here five.
        let (wrong, unanswered, sessions) = missed(Some(1), "{ private: { to: nobody } }");
        assert!(
            (unanswered - 5 * sessions..unanswered).contains(&wrong),
            "{leave}: {wrong} of {unanswered}, {sessions}"
        );
        // Its own broadcasts show which replies are overdue. Only the reply to its last request is uncertain.
        let (wrong, unanswered, sessions) = missed(Some(2), "{ private: { to: nobody } }, { broadcast: {} }");
        assert!(
            (unanswered - sessions / 2..=unanswered).contains(&wrong),
            "{leave}: {wrong} of {unanswered}, {sessions}"
        );
    }
}

#[test]
fn a_logout_has_the_whole_reply_timeout() {
    // A user leaves shortly before two seconds have passed since it connected. The server closes half a second later.
    let behaviour = Behaviour { delay: 500 * MS, ..Behaviour::default() };
    let scenario = "users: { u: { count: 3, session: 1s..1450ms, leave: disconnect } }\nload: [ { hold: 30s } ]";
    let outcome = run(scenario, behaviour).go();
    assert_eq!(outcome.violations(), [0; 9]);
    assert!(outcome.sessions.len() > 20, "{}", outcome.sessions.len());
}

#[test]
fn an_evicted_user_is_owed_what_was_sent_before() {
    let behaviour = Behaviour { delay: MS, closes: Some(("u2", 50)), ..Behaviour::default() };
    let scenario =
        "users: { u: { count: 3, rate: 30/s, arrivals: even, do: [ { broadcast: {} } ] } }\nload: [ { hold: 10s } ]";
    let outcome = run(scenario, behaviour).go();
    assert_eq!(outcome.count(Count::Disconnects), 1);
    assert_eq!(outcome.sessions.iter().filter(|session| session.end == UserSessionEnd::Closed).count(), 1);
    assert_eq!(outcome.lost(), 0, "messages in flight to it arrived before the close");
    assert!(outcome.count(Count::Sent) < outcome.count(Count::Scheduled));
}

#[test]
fn slow_readers_receive_everything_in_the_end() {
    for read in ["{ rate: 4KiB/s }", "{ pause: 300ms, every: 500ms }"] {
        let scenario = format!(
            "users: {{ u: {{ count: 1, rate: 20/s, do: [ {{ broadcast: {{}} }} ] }}, slow: {{ count: 3, read: {read} }} }}\n\
             load: [ {{ hold: 10s }} ]"
        );
        let outcome = run(&scenario, Behaviour::default()).go();
        assert_eq!(outcome.violations(), [0; 9], "{read}");
        assert_eq!(outcome.count(Count::Delivered), 4 * outcome.count(Count::Sent), "{read}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_workers() {
    let scenario = "users:\n  u: { count: 7, rate: 100/s, do: [ { broadcast: {} }, { private: { to: loops } } ] }\n  \
                    loops: { count: 5, think: 10ms..50ms, do: [ { private: { to: u } } ] }\nload: [ { hold: 10s } ]";
    let result = |workers| {
        let outcome = run(scenario, Behaviour { delay: 3 * MS, ..Behaviour::default() }).workers(workers).go();
        let counts = [Count::Sent, Count::Scheduled, Count::Delivered].map(|count| outcome.count(count));
        (counts, outcome.violations(), outcome.quantile(LatencyMetric::Delivery, 0.99) as u64)
    };
    let one = result(1);
    assert_eq!(one.1, [0; 9]);
    assert_eq!(result(2), one);
    assert_eq!(result(4), one);
}

#[test]
fn users_that_leave_first_at_the_end_are_missing_in_no_list() {
    let scenario = "users: { u: { count: 6, rate: 20/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 2s } ]";
    for workers in [1, 2, 3] {
        let outcome = run(scenario, Behaviour { lists: true, ..Behaviour::default() }).workers(workers).go();
        assert_eq!(outcome.missing_in_roster, [], "{workers}");
    }
}

#[test]
fn a_closed_loop_pauses_in_stages_without_its_group() {
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    let scenario = "users:\n  loops: { count: 10, think: 20ms, do: [ { private: { to: loops } } ] }\n  \
                    u: { count: 1, rate: 10/s, arrivals: even, do: [ { private: { to: u } } ] }\n\
                    load: [ { hold: 2s }, { pause: 3s }, { hold: { for: 2s, only: [u] } }, { hold: 1s } ]";
    let outcome = run(scenario, behaviour).go();
    let sent = |stage| outcome.recorder.total(Count::Sent, |place| place.stage.0 == stage && place.is_closed());
    // One message in every 25 ms, and the first think time of a stage begins with it.
    assert_eq!([sent(0), sent(1), sent(2), sent(3)], [10 * 80, 0, 0, 10 * 40]);
    assert_eq!(outcome.violations(), [0; 9]);
}

#[test]
fn copies_are_counted_though_they_come_after_the_drain() {
    let scenario = "users: { u: { count: 4, rate: 20/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 5s } ]";
    for after in [50 * MS, 900 * MS, 1900 * MS] {
        let outcome = run(scenario, Behaviour { copied_after: Some(after), ..Behaviour::default() }).go();
        let delivered = outcome.count(Count::Delivered);
        assert_eq!(outcome.violations(), [0, delivered, 0, 0, 0, 0, 0, 0, 0], "{after} ns later");
    }
}

#[test]
fn a_list_with_a_name_twice_is_corrupted() {
    let scenario = "users: { u: { count: 3, rate: 20/s, do: [ { broadcast: {} } ] } }\nload: [ { hold: 1s } ]";
    let outcome = run(scenario, Behaviour { lists: true, doubles_a_name: true, ..Behaviour::default() }).go();
    // One list after each login.
    assert_eq!(outcome.violations(), [0, 0, 0, 0, 3, 0, 0, 0, 0]);
}
