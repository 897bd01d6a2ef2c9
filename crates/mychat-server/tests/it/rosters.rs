//! Rules L: rosters.

use crate::support::{Peer, serve, serve_with};

#[test]
fn l1_the_acknowledgement_comes_before_a_roster_with_the_new_user() {
    let server = serve();
    let mut noisy = server.join("noisy");
    noisy.send_bytes("BROADCAST|x\n".repeat(500).as_bytes());
    let mut ana = server.connect();
    ana.send_frame("CONNECT|ana");
    assert_eq!(ana.read_frame().as_deref(), Some("CONNECT_ACK|OK"));
    ana.expect_roster(&["ana", "noisy"]);
}

#[test]
fn l2_all_users_get_a_roster_after_each_login_and_each_kind_of_end() {
    let server = serve();
    let mut watcher = server.join("watcher");
    for end in
        [|mut peer: Peer| peer.send_frame("DISCONNECT"), |peer: Peer| peer.half_close(), |peer: Peer| peer.reset()]
    {
        let peer = server.join("ana");
        watcher.expect_roster(&["ana", "watcher"]);
        end(peer);
        watcher.expect_roster(&["watcher"]);
    }
}

#[test]
fn l3_the_last_roster_is_correct() {
    let server = serve();
    let mut watcher = server.join("watcher");
    let peers: Vec<Peer> = (0..50).map(|k| server.join(&format!("user{k}"))).collect();
    let mut kept = Vec::new();
    for (k, peer) in peers.into_iter().enumerate() {
        if k % 2 == 0 { kept.push(peer) } else { peer.reset() }
    }
    let names: Vec<String> = (0..50).step_by(2).map(|k| format!("user{k}")).collect();
    let expected: Vec<&str> = names.iter().map(String::as_str).chain(["watcher"]).collect();
    watcher.expect_roster(&expected);
    kept[0].expect_roster(&expected);
}

#[test]
fn l3_above_the_budget_rosters_are_skipped_but_the_last_one_is_sent() {
    let server = serve_with(|config| config.roster_budget = 20_000.try_into().unwrap());
    let mut peers: Vec<Peer> = (0..40).map(|_| server.connect()).collect();
    for (k, peer) in peers.iter_mut().enumerate() {
        peer.send_frame(&format!("CONNECT|user{k:04}"));
        peer.expect_frame("CONNECT_ACK|OK");
    }
    for peer in &mut peers {
        peer.expect_roster_where(|names| names.len() == 40);
    }
}

#[test]
fn l4_a_roster_that_does_not_fit_into_a_frame_is_continued() {
    let server = serve();
    let names: Vec<String> = (0..40).map(|k| format!("{k:064}")).collect();
    let mut peers: Vec<Peer> = names.iter().map(|name| server.join(name)).collect();
    let expected: Vec<&str> = names.iter().map(String::as_str).collect();
    // `Peer` fails if another frame comes between the frames of a roster.
    peers[0].expect_roster(&expected);
}
