//! Chat rooms: who is owed which message while users join and leave, and faults of servers with rooms.

use mychat_load::record::recorder::{Count, LatencyMetric};

use super::room_model::RoomFault;
use super::run::{MS, Outcome, run};
use super::server::Behaviour;

const CHURN: &str = "users: { u: { count: 12, rate: 600/s, rooms: { count: 8, each: 3, zipf: 1.1 }, \
                     do: [ { say: { weight: 6 } }, { join_room: { weight: 2 } }, { leave_room: {} }, { broadcast: {} } ] }, \
                     guests: { count: 6, session: 100ms..400ms, leave: [disconnect, fin, rst], think: 5ms, \
                     rooms: { count: 8, each: 2, name: \"u{n}\" }, do: [ { say: {} }, { private: { to: u } } ] } }";

/// Two rooms of six members who stay.
const STEADY: &str =
    "users: { u: { count: 12, rate: 600/s, rooms: { count: 2 }, do: [ { say: {} } ] }, others: { count: 2 } }";

fn against(users: &str, fault: Option<RoomFault>, workers: u32) -> Outcome {
    let behaviour = Behaviour { delay: MS, room_fault: fault, ..Behaviour::default() };
    run(&format!("{users}\nload: [ {{ hold: 4s }} ]"), behaviour).workers(workers).reads_every(3 * MS).go()
}

#[test]
fn a_correct_server_is_not_accused_while_users_join_and_leave() {
    for workers in [1, 2, 3] {
        let outcome = against(CHURN, None, workers);
        assert!(outcome.count(Count::Connected) > 60 && outcome.count(Count::Delivered) > 6000);
        assert_eq!(outcome.violations(), [0; 9], "{workers} workers: {:?}", outcome.examples);
        let echoes = outcome.latency(LatencyMetric::Ack).count() - outcome.count(Count::Connected);
        assert!(echoes > 400, "{echoes}");
    }
}

#[test]
fn members_are_owed_every_message_of_their_room() {
    let outcome = against(STEADY, None, 2);
    let sent = outcome.count(Count::Sent);
    assert_eq!(outcome.violations(), [0; 9]);
    assert_eq!((outcome.count(Count::Delivered), outcome.reconciliation.owed), (6 * sent, 6 * sent));
    assert_eq!(outcome.reconciliation.uncertain, 0);
}

#[test]
fn each_fault_of_a_room_is_counted() {
    // Position among the kinds of violations.
    let kinds = [
        (STEADY, RoomFault::Forgets, 0, "message in the room u"),
        (CHURN, RoomFault::Remembers, 3, "was no member"),
        (STEADY, RoomFault::TwoOrders, 8, "in the opposite order"),
    ];
    for (users, fault, kind, example) in kinds {
        let outcome = against(users, Some(fault), 2);
        let mut violations = outcome.violations();
        if fault == RoomFault::TwoOrders {
            // A message may have been held to the end.
            violations[0] = 0;
        }
        let mut expected = [0; 9];
        expected[kind] = outcome.room_faults;
        assert!(outcome.room_faults > 50, "{fault:?}: {}", outcome.room_faults);
        assert_eq!(violations, expected, "{fault:?}: {:?}", outcome.examples);
        let lost = outcome.reconciliation.examples.into_sorted().into_iter().map(|example| example.what);
        let mut examples = outcome.examples.iter().cloned().chain(lost);
        assert!(examples.any(|what| what.contains(example)), "{fault:?}: {:?}", outcome.examples);
    }
}

#[test]
fn joins_that_are_not_answered_are_wrong_replies_and_do_not_stop_the_run() {
    let outcome = against(STEADY, Some(RoomFault::Silent), 1);
    let [.., wrong, _, _, _] = outcome.violations();
    assert_eq!((outcome.room_faults, wrong), (2, 2), "{:?}", outcome.examples);
    assert!(outcome.count(Count::Sent) > 1500);
}

#[test]
fn a_server_without_rooms_answers_each_request_by_an_error() {
    let outcome = against(STEADY, Some(RoomFault::Missing), 1);
    // CAPABILITIES and JOIN of twelve users. Nobody can say anything.
    let [.., wrong, errors, _, _] = outcome.violations();
    assert_eq!((wrong, errors, outcome.count(Count::Sent)), (24, 0, 0), "{:?}", outcome.examples);
}

#[test]
fn a_closed_loop_waits_for_the_echo_of_its_own_message() {
    let users = "users: { u: { count: 4, think: 20ms, rooms: { count: 1 }, do: [ { say: {} } ] } }";
    let behaviour = Behaviour { delay: 5 * MS, ..Behaviour::default() };
    let outcome = run(&format!("{users}\nload: [ {{ hold: 10s }} ]"), behaviour).go();
    assert_eq!((outcome.count(Count::Sent), outcome.violations()), (4 * 400, [0; 9]));
}
