//! Rules U: names and sessions.

use crate::kit::{Peer, serve, serve_with};
use std::time::Duration;

#[test]
fn u1_illegal_names_are_refused() {
    let server = serve();
    let mut peer = server.connect();
    let long = "x".repeat(65);
    for name in [" a", "a ", "a,b", "a\tb", "a\u{202e}b", "\u{200b}", "a\u{2028}b", &long] {
        peer.say(&format!("CONNECT|{name}"));
        peer.is_refused("422");
    }
    peer.named(&"x".repeat(64)).hears_nothing();
}

#[test]
fn u2_a_name_in_use_is_refused_and_its_holder_notices_nothing() {
    let server = serve();
    let (mut ana, mut other) = (server.join("ana"), server.connect());
    other.say("CONNECT|ana");
    other.is_refused("409");
    ana.hears_nothing();
    other.named("Ana").hears_list(&["Ana", "ana"]);
}

#[test]
fn u2_of_many_that_ask_at_once_exactly_one_gets_the_name() {
    let server = serve_with(|config| config.workers = 2.try_into().unwrap());
    let mut peers: Vec<Peer> = (0..100).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.say("CONNECT|ana");
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
    peer.say("CONNECT|ana");
    peer.is_refused("409");
    peer.say("CONNECT|,");
    peer.is_refused("422");
    peer.named("bob").hears_list(&["ana", "bob"]);
}

#[test]
fn u3_a_full_server_says_503_until_somebody_leaves() {
    let server = serve_with(|config| config.admission.max_users = 1.try_into().ok());
    let (mut ana, mut bob) = (server.join("ana"), server.connect());
    bob.say("CONNECT|bob");
    bob.is_refused("503");
    ana.say("DISCONNECT");
    ana.hears_end();
    bob.named("bob");
}

#[test]
fn u4_a_second_connect_is_refused_and_the_name_stays() {
    let server = serve();
    let mut ana = server.join("ana");
    for name in ["ana", "bob"] {
        ana.say(&format!("CONNECT|{name}"));
        ana.is_refused("409");
    }
    ana.say("BROADCAST|hola");
    ana.hears("BROADCAST|ana|hola");
    server.join("bob");
}

#[test]
fn u5_without_a_name_nothing_else_may_be_said() {
    let server = serve();
    let (mut ana, mut peer) = (server.join("ana"), server.connect());
    peer.say("BROADCAST|hola");
    peer.hears_error("401");
    peer.say("MESSAGE|ana|hola");
    peer.hears_error("401");
    peer.say("DISCONNECT");
    peer.hears_end();
    ana.hears_nothing();
}

#[test]
fn u5_the_handshake_deadline_is_absolute() {
    let server = serve_with(|config| config.admission.handshake_timeout = Duration::from_millis(150));
    let (mut silent, mut busy, mut named) = (server.connect(), server.connect(), server.join("ana"));
    // Whatever it sends, it is closed; the loop ends because reading does.
    busy.say("CONNECT|ana");
    busy.is_refused("409");
    busy.send(b"CONNECT|unfinished");
    for peer in [&mut silent, &mut busy] {
        peer.hears_error("401");
        peer.hears_end();
    }
    named.hears_nothing();
}

#[test]
fn u6_a_name_is_free_as_soon_as_its_session_ends() {
    let server = serve();
    let mut watcher = server.join("watcher");
    for end in [|mut peer: Peer| peer.say("DISCONNECT"), |peer: Peer| drop(peer), |peer: Peer| peer.reset()] {
        for end in [end, |peer: Peer| drop(peer)] {
            let ana = server.join("ana");
            watcher.hears_list(&["ana", "watcher"]);
            end(ana);
            watcher.hears_list(&["watcher"]);
        }
    }
}

#[test]
fn u6_after_its_end_was_seen_a_name_can_be_taken_at_once() {
    let server = serve();
    for _ in 0..50 {
        let mut ana = server.join("ana");
        ana.say("DISCONNECT");
        ana.hears_end();
    }
}
