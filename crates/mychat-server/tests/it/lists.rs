//! Rules L: user lists.

use crate::kit::{Peer, serve, serve_with};

#[test]
fn l1_the_acknowledgement_comes_first_and_then_a_list_with_the_joiner() {
    let server = serve();
    let mut noisy = server.join("noisy");
    noisy.send("BROADCAST|x\n".repeat(500).as_bytes());
    let mut ana = server.connect();
    ana.say("CONNECT|ana");
    assert_eq!(ana.read_frame().as_deref(), Some("CONNECT_ACK|OK"));
    ana.hears_list(&["ana", "noisy"]);
}

#[test]
fn l2_everybody_hears_of_joins_and_of_every_kind_of_end() {
    let server = serve();
    let mut watcher = server.join("watcher");
    for end in [|mut peer: Peer| peer.say("DISCONNECT"), |peer: Peer| peer.half_close(), |peer: Peer| peer.reset()] {
        let peer = server.join("ana");
        watcher.hears_list(&["ana", "watcher"]);
        end(peer);
        watcher.hears_list(&["watcher"]);
    }
}

#[test]
fn l3_the_last_list_is_the_true_set() {
    let server = serve();
    let mut watcher = server.join("watcher");
    let peers: Vec<Peer> = (0..50).map(|k| server.join(&format!("user{k}"))).collect();
    let mut kept = Vec::new();
    for (k, peer) in peers.into_iter().enumerate() {
        if k % 2 == 0 { kept.push(peer) } else { peer.reset() }
    }
    let names: Vec<String> = (0..50).step_by(2).map(|k| format!("user{k}")).collect();
    let expected: Vec<&str> = names.iter().map(String::as_str).chain(["watcher"]).collect();
    watcher.hears_list(&expected);
    kept[0].hears_list(&expected);
}

#[test]
fn l3_beyond_the_budget_lists_are_collected_and_the_last_one_still_comes() {
    let server = serve_with(|config| config.roster_budget = 20_000.try_into().unwrap());
    let mut peers: Vec<Peer> = (0..40).map(|_| server.connect()).collect();
    for (k, peer) in peers.iter_mut().enumerate() {
        peer.say(&format!("CONNECT|user{k:04}"));
        peer.hears("CONNECT_ACK|OK");
    }
    for peer in &mut peers {
        peer.hears_list_where(|names| names.len() == 40);
    }
}

#[test]
fn l4_a_list_that_does_not_fit_is_continued() {
    let server = serve();
    let names: Vec<String> = (0..40).map(|k| format!("{k:064}")).collect();
    let mut peers: Vec<Peer> = names.iter().map(|name| server.join(name)).collect();
    let expected: Vec<&str> = names.iter().map(String::as_str).collect();
    // The kit fails where something comes between the frames of a list.
    peers[0].hears_list(&expected);
}
