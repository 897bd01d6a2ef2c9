//! Limits, and the replies to peers above them.

use mychat_server::EndReason;

use crate::support::{Peer, serve, serve_with};

#[test]
fn max_per_address_refuses_further_connections_until_one_ends() {
    let server = serve_with(|config| config.admission.max_per_address = 2.try_into().ok());
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    let mut third = server.connect();
    third.expect_error("503");
    third.expect_end();
    drop(third);
    ana.send_frame("DISCONNECT");
    ana.expect_end();
    drop(ana);
    // The place is free once the server has seen the end, which no roster shows: try until a login succeeds.
    let asked = (0..1000).find(|_| server.connect().try_login("eva"));
    assert!(asked.is_some());
    bob.expect_nothing();
}

impl Peer {
    fn try_login(mut self, name: &str) -> bool {
        use std::io::Write;
        // The server may refuse and close the connection before it reads anything.
        let _ = writeln!(self.socket, "CONNECT|{name}");
        self.next().is_some_and(|frame| frame == "CONNECT_ACK|OK")
    }
}

#[test]
fn connections_that_end_are_counted_by_reason() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    ana.send_frame("DISCONNECT");
    ana.expect_end();
    drop(ana);
    server.join("eva").reset();
    bob.expect_roster(&["bob", "eva"]);
    bob.expect_roster(&["bob"]);
    assert_eq!(server.metrics.accepted(), 3);
    assert_eq!(server.metrics.ended(EndReason::Broken), 1);
}
