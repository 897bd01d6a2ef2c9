//! Broadcasts in different order at different recipients, and everything that only looks like it.

use mychat_load::record::recorder::Count;

use super::run::{MS, run};
use super::server::{Behaviour, Orders};

const USERS: &str = "users: { u: { count: 5, rate: 200/s, do: [ { broadcast: {} } ] }, listeners: { count: 8 } }";

#[test]
fn two_orders_are_counted_with_messages_and_recipients() {
    for workers in [1, 2, 3] {
        let behaviour = Behaviour { orders: Orders::Two, delay: MS, ..Behaviour::default() };
        let outcome = run(&format!("{USERS}\nload: [ {{ hold: 2s }} ]"), behaviour).workers(workers).go();
        assert!(outcome.disordered > 500, "{}", outcome.disordered);
        // The last broadcast may have been held to the end.
        let [lost, others @ .., disordered] = outcome.violations();
        assert_eq!((others, disordered), ([0; 7], outcome.disordered), "{workers} workers, {lost} lost");
        let example = outcome.examples.iter().find(|example| example.contains("in the opposite order"));
        let example = example.expect("an example");
        let is_told = ["received message", "before message", "received them in the opposite order"];
        assert!(is_told.iter().all(|part| example.contains(part)), "{example}");
    }
}

#[test]
fn users_that_come_and_go_see_one_order() {
    // Users log in while broadcasts are on their way, and the generator reads them in another order than they were written.
    let users = "users: { u: { count: 6, rate: 500/s, do: [ { broadcast: {} } ] }, \
                 guests: { count: 20, session: 50ms..200ms, leave: [disconnect, fin, rst] }, \
                 loops: { count: 3, think: 3ms, do: [ { broadcast: {} }, { private: { to: loops } } ] } }";
    for (workers, reads_every) in [(1, 0), (2, 7 * MS), (3, 20 * MS)] {
        let behaviour = Behaviour { delay: MS, ..Behaviour::default() };
        let outcome = run(&format!("{users}\nload: [ {{ hold: 3s }} ]"), behaviour)
            .workers(workers)
            .reads_every(reads_every)
            .go();
        assert!(outcome.count(Count::Connected) > 200);
        assert_eq!(outcome.violations(), [0; 9], "{workers} workers");
    }
}
