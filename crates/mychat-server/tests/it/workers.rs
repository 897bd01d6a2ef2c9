//! Several workers behave as one.

use crate::kit::{Peer, TestServer, serve_with};

fn serve_two() -> TestServer {
    serve_with(|config| config.workers = 2.try_into().unwrap())
}

#[test]
fn m1_private_messages_cross_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for peer in &mut peers {
        for to in ["ana", "bob", "eva", "leo"] {
            peer.say(&format!("MESSAGE|{to}|hola"));
        }
    }
    for peer in &mut peers {
        (0..4).for_each(|_| assert!(peer.next().unwrap().ends_with("|hola")));
        peer.hears_nothing();
    }
}

#[test]
fn m5_order_holds_across_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for k in 0..400 {
        peers[k % 4].send(format!("BROADCAST|{k}\nMESSAGE|leo|{k}\n").as_bytes());
    }
    let [ana, bob, eva, mut leo] = peers;
    let hear = |mut peer: Peer| (0..400).map(|_| peer.next().unwrap()).collect::<Vec<_>>();
    let orders = [ana, bob, eva].map(hear);
    assert!(orders.iter().all(|order| *order == orders[0]));
    let heard: Vec<String> = (0..800).map(|_| leo.next().unwrap()).collect();
    let broadcasts: Vec<&String> = heard.iter().filter(|frame| frame.starts_with("BROADCAST")).collect();
    assert!(broadcasts.into_iter().eq(&orders[0]));
    for (at, frame) in heard.iter().enumerate().filter(|(_, frame)| frame.starts_with("MESSAGE")) {
        let before = frame.replacen("MESSAGE", "BROADCAST", 1);
        assert!(heard[..at].contains(&before), "{frame} came before what its sender said first");
    }
}

#[test]
fn l2_lists_are_complete_on_both_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for peer in &mut peers {
        peer.hears_list(&["ana", "bob", "eva", "leo"]);
    }
    let [ana, mut bob, mut eva, leo] = peers;
    drop((ana, leo));
    bob.hears_list(&["bob", "eva"]);
    eva.hears_list(&["bob", "eva"]);
}

#[test]
fn u6_a_name_is_free_for_another_worker_at_once() {
    let server = serve_two();
    for _ in 0..50 {
        let mut ana = server.join("ana");
        ana.say("DISCONNECT");
        ana.hears_end();
    }
}
