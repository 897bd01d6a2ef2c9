//! Several workers behave like one.

use mychat_server::config::Spread;

use crate::support::{Peer, TestServer, serve_with};

fn serve_two() -> TestServer {
    serve_with(|config| config.workers = 2.try_into().unwrap())
}

/// All users are on worker 0 until they are spread.
fn serve_one_then(workers: usize) -> TestServer {
    serve_with(|config| {
        config.workers = workers.try_into().unwrap();
        config.spread = Spread::Busy;
    })
}

#[test]
fn m1_private_messages_cross_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for peer in &mut peers {
        for to in ["ana", "bob", "eva", "leo"] {
            peer.send_frame(&format!("MESSAGE|{to}|hola"));
        }
    }
    for peer in &mut peers {
        (0..4).for_each(|_| assert!(peer.next().unwrap().ends_with("|hola")));
        peer.expect_nothing();
    }
}

#[test]
fn m5_order_holds_across_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for k in 0..400 {
        peers[k % 4].send_bytes(format!("BROADCAST|{k}\nMESSAGE|leo|{k}\n").as_bytes());
    }
    let [ana, bob, eva, mut leo] = peers;
    let receive = |mut peer: Peer| (0..400).map(|_| peer.next().unwrap()).collect::<Vec<_>>();
    let orders = [ana, bob, eva].map(receive);
    assert!(orders.iter().all(|order| *order == orders[0]));
    let received: Vec<String> = (0..800).map(|_| leo.next().unwrap()).collect();
    let broadcasts: Vec<&String> = received.iter().filter(|frame| frame.starts_with("BROADCAST")).collect();
    assert!(broadcasts.into_iter().eq(&orders[0]));
    for (at, frame) in received.iter().enumerate().filter(|(_, frame)| frame.starts_with("MESSAGE")) {
        let before = frame.replacen("MESSAGE", "BROADCAST", 1);
        assert!(received[..at].contains(&before), "{frame} came before an earlier frame of its sender");
    }
}

#[test]
fn l2_rosters_are_complete_on_both_workers() {
    let server = serve_two();
    let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
    for peer in &mut peers {
        peer.expect_roster(&["ana", "bob", "eva", "leo"]);
    }
    let [ana, mut bob, mut eva, leo] = peers;
    drop((ana, leo));
    bob.expect_roster(&["bob", "eva"]);
    eva.expect_roster(&["bob", "eva"]);
}

#[test]
fn u6_a_name_is_free_for_another_worker_at_once() {
    let server = serve_two();
    for _ in 0..50 {
        let mut ana = server.join("ana");
        ana.send_frame("DISCONNECT");
        ana.expect_end();
    }
}

#[test]
fn nothing_is_lost_or_reordered_when_sessions_move_to_other_workers() {
    for workers in [2, 3] {
        let server = serve_one_then(workers);
        let mut peers = ["ana", "bob", "eva", "leo"].map(|name| server.join(name));
        for k in 0..400 {
            peers[k % 4].send_bytes(format!("BROADCAST|{k}\nMESSAGE|leo|{k}\nMESSAGE|ana|{k}\n").as_bytes());
            if k == 200 {
                server.handle.spread();
            }
        }
        let mut owed = [800, 400, 400, 800].into_iter();
        let broadcasts = peers.each_mut().map(|peer| {
            let received = (0..owed.next().unwrap()).map(|_| peer.next().unwrap());
            received.filter(|frame| frame.starts_with("BROADCAST")).collect::<Vec<_>>()
        });
        assert!(broadcasts.iter().all(|order| *order == broadcasts[0]));
        drop(server.join("zoe"));
        for peer in &mut peers {
            peer.expect_roster(&["ana", "bob", "eva", "leo"]);
        }
    }
}

#[test]
fn sessions_move_again_after_the_other_workers_became_empty() {
    let server = serve_one_then(2);
    for round in 0..3 {
        let mut peers: Vec<Peer> = (0..40).map(|k| server.join(&format!("u{round}-{k}"))).collect();
        server.handle.spread();
        for (k, peer) in peers.iter_mut().enumerate() {
            peer.send_frame(&format!("MESSAGE|u{round}-{}|hola", 39 - k));
        }
        for (k, peer) in peers.iter_mut().enumerate() {
            peer.expect_frame(&format!("MESSAGE|u{round}-{}|hola", 39 - k));
        }
        for mut peer in peers {
            peer.send_frame("DISCONNECT");
            peer.expect_end();
        }
    }
}
