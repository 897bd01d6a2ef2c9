//! Rules M: the recipients of messages and their order.

use std::time::Duration;

use mychat_server::EndReason;

use crate::support::{Peer, serve, serve_with};

#[test]
fn m1_a_private_message_reaches_its_recipient_alone_and_once() {
    let server = serve();
    let (mut ana, mut bob, mut eva) = (server.join("ana"), server.join("bob"), server.join("eva"));
    ana.send_frame("MESSAGE|bob|hola");
    bob.expect_frame("MESSAGE|ana|hola");
    for peer in [&mut ana, &mut bob, &mut eva] {
        peer.expect_nothing();
    }
}

#[test]
fn m1_a_user_may_write_to_itself() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("MESSAGE|ana|nota");
    ana.expect_frame("MESSAGE|ana|nota");
}

#[test]
fn m2_an_unknown_recipient_gets_404() {
    let server = serve();
    let mut ana = server.join("ana");
    for name in ["nobody", "ANA", "ana ", &"x".repeat(900)] {
        ana.send_frame(&format!("MESSAGE|{name}|hola"));
        ana.expect_error("404");
    }
}

#[test]
fn m3_a_broadcast_reaches_all_users_and_its_sender() {
    let server = serve();
    let mut peers = ["ana", "bob", "eva"].map(|name| server.join(name));
    let mut unnamed = server.connect();
    peers[1].send_frame("BROADCAST|hola");
    for peer in &mut peers {
        peer.expect_frame("BROADCAST|bob|hola");
        peer.expect_nothing();
    }
    unnamed.send_frame("BROADCAST|x");
    unnamed.expect_error("401");
}

#[test]
fn m4_a_frame_too_long_with_the_senders_name_is_not_forwarded() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("anastasia"), server.join("bob"));
    ana.send_frame(&format!("MESSAGE|bob|{}", "x".repeat(1024 - "MESSAGE|anastasia|".len())));
    bob.expect_frame(&format!("MESSAGE|anastasia|{}", "x".repeat(1024 - "MESSAGE|anastasia|".len())));
    ana.send_frame(&format!("MESSAGE|bob|{}", "x".repeat(1024 - "MESSAGE|bob|".len())));
    ana.expect_error("413");
    ana.send_frame(&format!("BROADCAST|{}", "x".repeat(1024 - "BROADCAST|".len())));
    ana.expect_error("413");
    ana.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn m5_broadcasts_and_private_messages_of_one_sender_keep_their_order() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    let script: Vec<String> = (0..500).map(|k| format!("BROADCAST|{k}\nMESSAGE|bob|{k}\n")).collect();
    ana.send_bytes(script.concat().as_bytes());
    for k in 0..500 {
        bob.expect_frame(&format!("BROADCAST|ana|{k}"));
        bob.expect_frame(&format!("MESSAGE|ana|{k}"));
    }
}

#[test]
fn m5_all_recipients_see_all_broadcasts_in_one_order() {
    let server = serve();
    let mut peers = ["ana", "bob", "eva"].map(|name| server.join(name));
    for k in 0..300 {
        peers[k % 3].send_frame(&format!("BROADCAST|{k}"));
    }
    let orders = peers.map(|mut peer| (0..300).map(|_| peer.next().unwrap()).collect::<Vec<_>>());
    assert!(orders[0] == orders[1] && orders[1] == orders[2]);
}

/// Broadcasts 8 MB in small windows: more than the kernel buffers for a peer that does not read.
fn broadcast_megabytes(ana: &mut Peer) {
    let content = "x".repeat(1000);
    for _ in 0..500 {
        ana.send_bytes(format!("BROADCAST|{content}\n").repeat(16).as_bytes());
        (0..16).for_each(|_| ana.expect_frame(&format!("BROADCAST|ana|{content}")));
    }
}

#[test]
fn m6_a_reader_over_its_byte_limit_is_disconnected_and_delays_nobody() {
    let server = serve_with(|config| config.send.queue = 64 * 1024);
    let mut ana = server.join("ana");
    let _stuck = server.connect_narrow().log_in("stuck");
    ana.expect_roster(&["ana", "stuck"]);
    broadcast_megabytes(&mut ana);
    ana.expect_roster(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::QueueFull), 1);
}

#[test]
fn m6_many_slow_readers_are_disconnected_at_the_total_limit() {
    let server = serve_with(|config| {
        config.send.queue = 1 << 30;
        config.send.total = 1024 * 1024;
    });
    let mut ana = server.join("ana");
    let stuck: Vec<Peer> = (0..20).map(|k| server.connect_narrow().log_in(&format!("stuck{k}"))).collect();
    ana.expect_roster_where(|names| names.len() == 21);
    broadcast_megabytes(&mut ana);
    ana.expect_roster(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::QueueFull), 20);
    drop(stuck);
}

#[test]
fn m6_a_reader_that_takes_no_byte_in_time_is_disconnected() {
    let server = serve_with(|config| {
        config.send.queue = 1 << 30;
        config.send.timeout = Duration::from_millis(100);
    });
    let mut ana = server.join("ana");
    let _stuck = server.connect_narrow().log_in("stuck");
    ana.expect_roster(&["ana", "stuck"]);
    broadcast_megabytes(&mut ana);
    ana.expect_roster(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::Stalled), 1);
}

#[test]
fn m6_a_reader_that_pauses_gets_everything_later() {
    let server = serve_with(|config| config.send.queue = 1 << 30);
    let (mut ana, mut slow) = (server.join("ana"), server.connect_narrow().log_in("slow"));
    let content = "x".repeat(1000);
    for window in 0..400 {
        let script: Vec<String> = (0..16).map(|k| format!("BROADCAST|{window} {k} {content}\n")).collect();
        ana.send_bytes(script.concat().as_bytes());
        (0..16).for_each(|k| ana.expect_frame(&format!("BROADCAST|ana|{window} {k} {content}")));
    }
    for (window, k) in (0..400).flat_map(|window| (0..16).map(move |k| (window, k))) {
        slow.expect_frame(&format!("BROADCAST|ana|{window} {k} {content}"));
    }
    slow.expect_nothing();
}

#[test]
fn m6_a_peer_that_sends_faster_than_it_reads_loses_no_reply() {
    let server = serve();
    let mut ana = server.join("ana");
    let mut writer = ana.socket.try_clone().unwrap();
    let asking = std::thread::spawn(move || std::io::Write::write_all(&mut writer, "FOO\n".repeat(100_000).as_bytes()));
    (0..100_000).for_each(|_| ana.expect_error("400"));
    asking.join().unwrap().unwrap();
}
