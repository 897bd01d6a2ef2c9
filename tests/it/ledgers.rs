//! The server's counters and the tool's independent ledger agree.

use mychat_server::Counter;
use mychat_tests::TestServer;

use crate::run;

#[test]
fn the_server_delivered_what_the_tool_received_and_dropped_nothing() {
    let server = TestServer::start();
    let outcome = run("
name: ledgers
users: { all: { count: 20, rate: 400/s, do: [ { broadcast: { weight: 1 } }, { private: { weight: 1, to: all } } ] } }
load: [ { hold: 1s } ]
expect: [ \"lost == 0\", \"duplicated == 0\" ]
")
    .target(server.address())
    .declared()
    .go();
    assert!(outcome.expectations_hold(), "{}", outcome.output());
    // The tool has ended; the last turn of the server, in which it notices that, may not have.
    let count = |count| server.metrics().get(count);
    while count(Counter::Connections) > 0 {
        std::thread::yield_now();
    }
    assert_eq!(count(Counter::Broadcasts) + count(Counter::Privates), outcome.count("sent"), "{}", outcome.output());
    assert_eq!(count(Counter::Delivered), outcome.count("delivered"), "{}", outcome.output());
    assert_eq!(count(Counter::Owed), count(Counter::Delivered));
    assert_eq!((server.metrics().dropped(), count(Counter::Waiting), count(Counter::QueueBytes)), (0, 0, 0));
}
