//! Rules R: peers without line feeds, alone and among others.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mychat_proto::{Deframer, Framing, Inbound};
use mychat_server::internals::FRAME_GAP;
use mychat_server::{Counter, EndReason, ServerFraming};

use crate::kit::{TestServer, serve_with};

fn serve(framing: ServerFraming) -> TestServer {
    serve_with(|config| config.framing = framing)
}

/// A peer without line feeds. Where the machine was so slow that segments were merged, it cuts them (rule R3).
pub(crate) struct RawPeer {
    pub(crate) socket: TcpStream,
    deframer: Deframer,
    heard: Vec<String>,
}

impl RawPeer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, deframer: Deframer::for_replies(Framing::Raw), heard: Vec::new() }
    }

    pub(crate) fn join(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::new(address);
        peer.say(&format!("CONNECT|{name}"));
        peer.hears("CONNECT_ACK|OK");
        peer
    }

    pub(crate) fn say(&mut self, frame: &str) {
        self.socket.write_all(frame.as_bytes()).unwrap();
    }

    /// What is heard next, lists included; nothing at the end.
    pub(crate) fn next(&mut self) -> Option<String> {
        while self.heard.is_empty() {
            let mut segment = [0; 4096];
            let count = self.socket.read(&mut segment).unwrap();
            if count == 0 {
                return None;
            }
            let mut feed = self.deframer.feed(&segment[..count]);
            while let Some(inbound) = feed.next() {
                let Inbound::Frame(frame) = inbound else { panic!("{inbound:?}") };
                assert!(!frame.contains(&b'\n'), "an ending in {frame:?}");
                self.heard.push(String::from_utf8(frame.to_vec()).unwrap());
            }
        }
        Some(self.heard.remove(0))
    }

    /// The next frame that is no list is this one.
    #[track_caller]
    pub(crate) fn hears(&mut self, frame: &str) {
        assert_eq!(self.next_of_others().as_deref(), Some(frame));
    }

    #[track_caller]
    pub(crate) fn hears_error(&mut self, code: &str) {
        let frame = self.next_of_others().expect("an error, not the end");
        assert!(frame.starts_with(&format!("ERROR|{code}|")), "{frame}");
    }

    pub(crate) fn next_of_others(&mut self) -> Option<String> {
        std::iter::from_fn(|| self.next()).find(|frame| !frame.starts_with("USER_LIST|"))
    }
}

#[test]
fn r5_the_acknowledgement_comes_alone_and_the_list_behind_it() {
    let server = serve(ServerFraming::Raw);
    let start = Instant::now();
    let mut ana = RawPeer::join(server.address, "ana");
    assert_eq!(ana.next().as_deref(), Some("USER_LIST|ana"));
    assert!(start.elapsed() >= FRAME_GAP, "the list came with the acknowledgement");
}

#[test]
fn l1_a_list_does_not_wait_for_a_busy_room_to_be_quiet() {
    let server = serve(ServerFraming::Auto);
    let mut bob = server.join("bob");
    let mut ana = RawPeer::join(server.address, "ana");
    bob.send("BROADCAST|x\n".repeat(500).as_bytes());
    let mut eva = server.join("eva");
    eva.say("BROADCAST|y");
    let heard: Vec<String> = std::iter::from_fn(|| ana.next()).take_while(|frame| frame != "BROADCAST|eva|y").collect();
    let listed = heard.iter().position(|frame| frame == "USER_LIST|bob,ana,eva").expect("a list that names eva");
    assert!(listed < 250, "behind {listed} of what waited");
    assert_eq!(heard.iter().filter(|frame| *frame == "BROADCAST|bob|x").count(), 500);
}

#[test]
fn r2_frames_keep_their_distance_and_none_is_lost() {
    let server = serve(ServerFraming::Auto);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), server.join("bob"));
    let start = Instant::now();
    bob.send((0..20).map(|k| format!("BROADCAST|{k}\nMESSAGE|ana|{k}\n")).collect::<Vec<_>>().concat().as_bytes());
    for k in 0..20 {
        ana.hears(&format!("BROADCAST|bob|{k}"));
        ana.hears(&format!("MESSAGE|bob|{k}"));
        bob.hears(&format!("BROADCAST|bob|{k}"));
    }
    assert!(start.elapsed() >= FRAME_GAP * 39, "{:?}", start.elapsed());
}

#[test]
fn r7_both_kinds_are_in_one_room_and_each_hears_its_own_framing() {
    for workers in [1, 2] {
        let server = serve_with(|config| {
            config.framing = ServerFraming::Auto;
            config.workers = workers.try_into().unwrap();
        });
        let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), server.join("bob"));
        let (mut eva, mut leo) = (RawPeer::join(server.address, "eva"), server.join("leo"));
        bob.hears_list(&["ana", "bob", "eva", "leo"]);
        ana.say("BROADCAST|from ana");
        for peer in [&mut bob, &mut leo] {
            peer.hears("BROADCAST|ana|from ana");
        }
        for peer in [&mut ana, &mut eva] {
            peer.hears("BROADCAST|ana|from ana");
        }
        // One of the two belongs to the ending.
        leo.say("MESSAGE|eva|a CR is content\r\r");
        eva.hears("MESSAGE|leo|a CR is content\r");
        eva.say("MESSAGE|bob|back");
        bob.hears("MESSAGE|eva|back");
    }
}

#[test]
fn r4_a_line_feed_in_content_is_malformed_and_forges_nothing() {
    let server = serve(ServerFraming::Raw);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), RawPeer::join(server.address, "bob"));
    ana.say("MESSAGE|bob|x\nBROADCAST|forged");
    ana.hears_error("400");
    ana.say(&"x".repeat(1025));
    ana.hears_error("413");
    ana.say("MESSAGE|bob|whole");
    bob.hears("MESSAGE|ana|whole");
}

#[test]
fn r7_a_bad_name_is_answered_and_another_try_is_heard() {
    let server = serve(ServerFraming::Auto);
    let mut ana = RawPeer::new(server.address);
    ana.say("CONNECT| ana");
    ana.hears("CONNECT_ACK|FAIL");
    ana.hears_error("422");
    ana.say("CONNECT|ana");
    ana.hears("CONNECT_ACK|OK");
}

#[test]
fn a_raw_session_ends_in_good_order() {
    let mut server = serve(ServerFraming::Raw);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), RawPeer::join(server.address, "bob"));
    (0..5).for_each(|k| {
        ana.say(&format!("MESSAGE|ana|{k}"));
        ana.hears(&format!("MESSAGE|ana|{k}"));
    });
    ana.say("DISCONNECT|");
    assert_eq!(ana.next_of_others(), None);
    bob.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bob.next_of_others(), None);
    let mut leo = RawPeer::join(server.address, "ana");
    server.start_stop();
    leo.hears_error("503");
    assert_eq!(leo.next(), None);
}

#[test]
fn m6_a_raw_peer_that_falls_behind_is_cut_off_and_every_delivery_is_accounted_for() {
    let server = serve_with(|config| {
        config.framing = ServerFraming::Auto;
        config.send.queue = 16 * 1024;
    });
    let (slow, mut bob) = (RawPeer::join(server.address, "slow"), server.join("bob"));
    bob.send(format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(40).as_bytes());
    (0..40).for_each(|_| assert!(bob.next().is_some()));
    bob.hears_list(&["bob"]);
    assert_eq!(server.metrics.ended(EndReason::QueueFull), 1);
    drop((slow, bob));
    let start = Instant::now();
    let get = |count| server.metrics.get(count);
    while get(Counter::Connections) > 0 || get(Counter::Owed) != get(Counter::Delivered) + server.metrics.dropped() {
        assert!(start.elapsed() < Duration::from_secs(10), "{} {}", get(Counter::Owed), get(Counter::Delivered));
        std::thread::yield_now();
    }
    assert!(get(Counter::Delivered) >= 40 && server.metrics.dropped() > 0);
    assert_eq!((get(Counter::Waiting), get(Counter::QueueBytes)), (0, 0));
}
