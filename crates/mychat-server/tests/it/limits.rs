//! Caps, and what a capped peer is told.

use mychat_server::EndReason;

use crate::kit::{Peer, serve, serve_with};

#[test]
fn max_per_address_turns_further_connections_away_until_one_ends() {
    let server = serve_with(|config| config.admission.max_per_address = 2.try_into().ok());
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    let mut third = server.connect();
    third.hears_error("503");
    third.hears_end();
    drop(third);
    ana.say("DISCONNECT");
    ana.hears_end();
    drop(ana);
    // Its place is free when the server has seen its end, which a list does not tell: ask until it is.
    let asked = (0..1000).find(|_| server.connect().next_is_ack("eva"));
    assert!(asked.is_some());
    bob.hears_nothing();
}

impl Peer {
    fn next_is_ack(mut self, name: &str) -> bool {
        use std::io::Write;
        // It may be turned away, and gone, before it has spoken.
        let _ = writeln!(self.socket, "CONNECT|{name}");
        self.next().is_some_and(|frame| frame == "CONNECT_ACK|OK")
    }
}

#[test]
fn connections_that_end_are_counted_by_reason() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.say("DISCONNECT");
    ana.hears_end();
    drop(ana);
    server.join("eva").reset();
    bob.hears_list(&["bob", "eva"]);
    bob.hears_list(&["bob"]);
    assert_eq!(server.metrics.accepted(), 3);
    assert_eq!(server.metrics.ended(EndReason::Broken), 1);
}
