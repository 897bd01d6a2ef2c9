//! Rules M: who gets what, and in which order.

use std::time::Duration;

use mychat_server::EndReason;

use crate::kit::{Peer, serve, serve_with};

#[test]
fn m1_a_private_message_reaches_its_recipient_alone_and_once() {
    let server = serve();
    let (mut ana, mut bob, mut eva) = (server.join("ana"), server.join("bob"), server.join("eva"));
    ana.say("MESSAGE|bob|hola");
    bob.hears("MESSAGE|ana|hola");
    for peer in [&mut ana, &mut bob, &mut eva] {
        peer.hears_nothing();
    }
}

#[test]
fn m1_a_user_may_write_to_itself() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.say("MESSAGE|ana|nota");
    ana.hears("MESSAGE|ana|nota");
}

#[test]
fn m2_an_unknown_recipient_is_404() {
    let server = serve();
    let mut ana = server.join("ana");
    for name in ["nobody", "ANA", "ana ", &"x".repeat(900)] {
        ana.say(&format!("MESSAGE|{name}|hola"));
        ana.hears_error("404");
    }
}

#[test]
fn m3_a_broadcast_reaches_everybody_its_sender_included() {
    let server = serve();
    let mut peers = ["ana", "bob", "eva"].map(|name| server.join(name));
    let mut unnamed = server.connect();
    peers[1].say("BROADCAST|hola");
    for peer in &mut peers {
        peer.hears("BROADCAST|bob|hola");
        peer.hears_nothing();
    }
    unnamed.say("BROADCAST|x");
    unnamed.hears_error("401");
}

#[test]
fn m4_what_does_not_fit_with_the_senders_name_is_not_forwarded() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("anastasia"), server.join("bob"));
    ana.say(&format!("MESSAGE|bob|{}", "x".repeat(1024 - "MESSAGE|anastasia|".len())));
    bob.hears(&format!("MESSAGE|anastasia|{}", "x".repeat(1024 - "MESSAGE|anastasia|".len())));
    ana.say(&format!("MESSAGE|bob|{}", "x".repeat(1024 - "MESSAGE|bob|".len())));
    ana.hears_error("413");
    ana.say(&format!("BROADCAST|{}", "x".repeat(1024 - "BROADCAST|".len())));
    ana.hears_error("413");
    ana.hears_nothing();
    bob.hears_nothing();
}

#[test]
fn m5_broadcasts_and_private_messages_of_one_sender_keep_their_order() {
    let server = serve();
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    let script: Vec<String> = (0..500).map(|k| format!("BROADCAST|{k}\nMESSAGE|bob|{k}\n")).collect();
    ana.send(script.concat().as_bytes());
    for k in 0..500 {
        bob.hears(&format!("BROADCAST|ana|{k}"));
        bob.hears(&format!("MESSAGE|ana|{k}"));
    }
}

#[test]
fn m5_all_recipients_see_all_broadcasts_in_one_order() {
    let server = serve();
    let mut peers = ["ana", "bob", "eva"].map(|name| server.join(name));
    for k in 0..300 {
        peers[k % 3].say(&format!("BROADCAST|{k}"));
    }
    let orders = peers.map(|mut peer| (0..300).map(|_| peer.next().unwrap()).collect::<Vec<_>>());
    assert!(orders[0] == orders[1] && orders[1] == orders[2]);
}

/// Broadcasts 8 MB in small windows: more than the kernel keeps for a peer that does not read.
fn broadcast_megabytes(ana: &mut Peer) {
    let content = "x".repeat(1000);
    for _ in 0..500 {
        ana.send(format!("BROADCAST|{content}\n").repeat(16).as_bytes());
        (0..16).for_each(|_| ana.hears(&format!("BROADCAST|ana|{content}")));
    }
}

#[test]
fn m6_a_reader_that_falls_behind_by_bytes_is_disconnected_and_delays_nobody() {
    let server = serve_with(|config| config.send.queue = 64 * 1024);
    let mut ana = server.join("ana");
    let _stuck = server.connect_narrow().named("stuck");
    ana.hears_list(&["ana", "stuck"]);
    broadcast_megabytes(&mut ana);
    ana.hears_list(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::QueueFull), 1);
}

#[test]
fn m6_readers_that_fall_behind_together_are_disconnected_before_they_take_all_memory() {
    let server = serve_with(|config| {
        config.send.queue = 1 << 30;
        config.send.total = 1024 * 1024;
    });
    let mut ana = server.join("ana");
    let stuck: Vec<Peer> = (0..20).map(|k| server.connect_narrow().named(&format!("stuck{k}"))).collect();
    ana.hears_list_where(|names| names.len() == 21);
    broadcast_megabytes(&mut ana);
    ana.hears_list(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::QueueFull), 20);
    drop(stuck);
}

#[test]
fn m6_a_reader_that_takes_nothing_in_time_is_disconnected() {
    let server = serve_with(|config| {
        config.send.queue = 1 << 30;
        config.send.timeout = Duration::from_millis(100);
    });
    let mut ana = server.join("ana");
    let _stuck = server.connect_narrow().named("stuck");
    ana.hears_list(&["ana", "stuck"]);
    broadcast_megabytes(&mut ana);
    ana.hears_list(&["ana"]);
    assert_eq!(server.metrics.ended(EndReason::Stalled), 1);
}

#[test]
fn m6_a_reader_that_pauses_gets_everything_in_the_end() {
    let server = serve_with(|config| config.send.queue = 1 << 30);
    let (mut ana, mut slow) = (server.join("ana"), server.connect_narrow().named("slow"));
    let content = "x".repeat(1000);
    for window in 0..400 {
        let script: Vec<String> = (0..16).map(|k| format!("BROADCAST|{window} {k} {content}\n")).collect();
        ana.send(script.concat().as_bytes());
        (0..16).for_each(|k| ana.hears(&format!("BROADCAST|ana|{window} {k} {content}")));
    }
    for (window, k) in (0..400).flat_map(|window| (0..16).map(move |k| (window, k))) {
        slow.hears(&format!("BROADCAST|ana|{window} {k} {content}"));
    }
    slow.hears_nothing();
}

#[test]
fn m6_a_peer_that_asks_faster_than_it_reads_loses_nothing_once_it_reads() {
    let server = serve();
    let mut ana = server.join("ana");
    let mut writer = ana.socket.try_clone().unwrap();
    let asking = std::thread::spawn(move || std::io::Write::write_all(&mut writer, "FOO\n".repeat(100_000).as_bytes()));
    (0..100_000).for_each(|_| ana.hears_error("400"));
    asking.join().unwrap().unwrap();
}
