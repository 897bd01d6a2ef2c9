//! Rules U: names and sessions.

use crate::support::{Peer, serve, serve_with};
use std::time::Duration;

#[test]
fn u1_illegal_names_are_refused() {
    let server = serve();
    let mut peer = server.connect();
    let long = "x".repeat(65);
    for name in [" a", "a ", "a,b", "a\tb", "a\u{202e}b", "\u{200b}", "a\u{2028}b", &long] {
        peer.send_frame(&format!("CONNECT|{name}"));
        peer.expect_connect_fail("422");
    }
    peer.log_in(&"x".repeat(64)).expect_nothing();
}

#[test]
fn u2_a_name_in_use_is_refused_without_effect_on_its_holder() {
    let server = serve();
    let (mut ana, mut other) = (server.join("ana"), server.connect());
    other.send_frame("CONNECT|ana");
    other.expect_connect_fail("409");
    ana.expect_nothing();
    other.log_in("Ana").expect_roster(&["Ana", "ana"]);
}

#[test]
fn u2_exactly_one_of_many_simultaneous_logins_gets_the_name() {
    let server = serve_with(|config| config.workers = 2.try_into().unwrap());
    let mut peers: Vec<Peer> = (0..100).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.send_frame("CONNECT|ana");
    }
    let answers: Vec<String> = peers.iter_mut().map(|peer| peer.next().unwrap()).collect();
    assert_eq!(answers.iter().filter(|answer| *answer == "CONNECT_ACK|OK").count(), 1);
    assert_eq!(answers.iter().filter(|answer| *answer == "CONNECT_ACK|FAIL").count(), 99);
}

#[test]
fn u3_after_a_refusal_another_name_may_be_tried() {
    let server = serve();
    let _ana = server.join("ana");
    let mut peer = server.connect();
    peer.send_frame("CONNECT|ana");
    peer.expect_connect_fail("409");
    peer.send_frame("CONNECT|,");
    peer.expect_connect_fail("422");
    peer.log_in("bob").expect_roster(&["ana", "bob"]);
}

#[test]
fn u3_a_full_server_replies_503_until_a_user_leaves() {
    let server = serve_with(|config| config.admission.max_users = 1.try_into().ok());
    let (mut ana, mut bob) = (server.join("ana"), server.connect());
    bob.send_frame("CONNECT|bob");
    bob.expect_connect_fail("503");
    ana.send_frame("DISCONNECT");
    ana.expect_end();
    bob.log_in("bob");
}

#[test]
fn u4_a_second_connect_is_refused_and_the_name_is_kept() {
    let server = serve();
    let mut ana = server.join("ana");
    for name in ["ana", "bob"] {
        ana.send_frame(&format!("CONNECT|{name}"));
        ana.expect_connect_fail("409");
    }
    ana.send_frame("BROADCAST|hola");
    ana.expect_frame("BROADCAST|ana|hola");
    server.join("bob");
}

#[test]
fn u5_without_a_name_only_connect_and_disconnect_are_allowed() {
    let server = serve();
    let (mut ana, mut peer) = (server.join("ana"), server.connect());
    peer.send_frame("BROADCAST|hola");
    peer.expect_error("401");
    peer.send_frame("MESSAGE|ana|hola");
    peer.expect_error("401");
    peer.send_frame("DISCONNECT");
    peer.expect_end();
    ana.expect_nothing();
}

#[test]
fn u5_the_handshake_deadline_is_absolute() {
    let server = serve_with(|config| config.admission.handshake_timeout = Duration::from_millis(150));
    let (mut silent, mut busy, mut named) = (server.connect(), server.connect(), server.join("ana"));
    // Whatever it sends, it is closed; the loop ends because reading does.
    busy.send_frame("CONNECT|ana");
    busy.expect_connect_fail("409");
    busy.send_bytes(b"CONNECT|unfinished");
    for peer in [&mut silent, &mut busy] {
        peer.expect_error("401");
        peer.expect_end();
    }
    named.expect_nothing();
}

#[test]
fn u6_a_name_is_free_as_soon_as_its_session_ends() {
    let server = serve();
    let mut watcher = server.join("watcher");
    for end in [|mut peer: Peer| peer.send_frame("DISCONNECT"), |peer: Peer| drop(peer), |peer: Peer| peer.reset()] {
        for end in [end, |peer: Peer| drop(peer)] {
            let ana = server.join("ana");
            watcher.expect_roster(&["ana", "watcher"]);
            end(ana);
            watcher.expect_roster(&["watcher"]);
        }
    }
}

#[test]
fn u6_a_name_can_be_taken_as_soon_as_the_end_was_read() {
    let server = serve();
    for _ in 0..50 {
        let mut ana = server.join("ana");
        ana.send_frame("DISCONNECT");
        ana.expect_end();
    }
}
