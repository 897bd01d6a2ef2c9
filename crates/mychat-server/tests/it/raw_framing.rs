//! Rules R: raw peers, alone and together with line-feed peers.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mychat_proto::{Deframer, Framing, Inbound};
use mychat_server::internals::FRAME_GAP;
use mychat_server::{Counter, EndReason, ServerFraming};

use crate::support::{TestServer, serve_with};

fn serve(framing: ServerFraming) -> TestServer {
    serve_with(|config| config.framing = framing)
}

/// A raw peer. On a slow machine segments may be merged; it splits them (rule R3).
pub(crate) struct RawPeer {
    pub(crate) socket: TcpStream,
    deframer: Deframer,
    received: Vec<String>,
}

impl RawPeer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, deframer: Deframer::for_replies(Framing::Raw), received: Vec::new() }
    }

    pub(crate) fn join(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::new(address);
        peer.send_frame(&format!("CONNECT|{name}"));
        peer.expect_frame("CONNECT_ACK|OK");
        peer
    }

    pub(crate) fn send_frame(&mut self, frame: &str) {
        self.socket.write_all(frame.as_bytes()).unwrap();
    }

    /// Reads the next frame of any kind; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<String> {
        while self.received.is_empty() {
            let mut segment = [0; 4096];
            let count = match self.socket.read(&mut segment) {
                // A read with a timeout is not restarted when the process was stopped and continued.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.unwrap(),
            };
            if count == 0 {
                return None;
            }
            let mut feed = self.deframer.feed(&segment[..count]);
            while let Some(inbound) = feed.next() {
                let Inbound::Frame(frame) = inbound else { panic!("{inbound:?}") };
                assert!(!frame.contains(&b'\n'), "a terminator in {frame:?}");
                self.received.push(String::from_utf8(frame.to_vec()).unwrap());
            }
        }
        Some(self.received.remove(0))
    }

    /// Reads the next frame that is not a roster, and checks it.
    #[track_caller]
    pub(crate) fn expect_frame(&mut self, frame: &str) {
        assert_eq!(self.next_non_roster().as_deref(), Some(frame));
    }

    #[track_caller]
    pub(crate) fn expect_error(&mut self, code: &str) {
        let frame = self.next_non_roster().expect("an error before the end");
        assert!(frame.starts_with(&format!("ERROR|{code}|")), "{frame}");
    }

    pub(crate) fn next_non_roster(&mut self) -> Option<String> {
        std::iter::from_fn(|| self.next()).find(|frame| !frame.starts_with("USER_LIST|"))
    }
}

#[test]
fn r5_the_acknowledgement_arrives_alone_and_the_roster_after_it() {
    let server = serve(ServerFraming::Raw);
    let start = Instant::now();
    let mut ana = RawPeer::join(server.address, "ana");
    assert_eq!(ana.next().as_deref(), Some("USER_LIST|ana"));
    assert!(start.elapsed() >= FRAME_GAP, "the roster came with the acknowledgement");
}

#[test]
fn l1_a_roster_does_not_wait_behind_all_queued_broadcasts() {
    let server = serve(ServerFraming::Auto);
    let mut bob = server.join("bob");
    let mut ana = RawPeer::join(server.address, "ana");
    bob.send_bytes("BROADCAST|x\n".repeat(500).as_bytes());
    let mut eva = server.join("eva");
    eva.send_frame("BROADCAST|y");
    let received: Vec<String> =
        std::iter::from_fn(|| ana.next()).take_while(|frame| frame != "BROADCAST|eva|y").collect();
    let position = received.iter().position(|frame| frame == "USER_LIST|bob,ana,eva").expect("a roster with eva");
    assert!(position < 250, "after {position} queued frames");
    assert_eq!(received.iter().filter(|frame| *frame == "BROADCAST|bob|x").count(), 500);
}

#[test]
fn r2_frames_are_separated_by_the_gap_and_none_is_lost() {
    let server = serve(ServerFraming::Auto);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), server.join("bob"));
    let start = Instant::now();
    bob.send_bytes(
        (0..20).map(|k| format!("BROADCAST|{k}\nMESSAGE|ana|{k}\n")).collect::<Vec<_>>().concat().as_bytes(),
    );
    for k in 0..20 {
        ana.expect_frame(&format!("BROADCAST|bob|{k}"));
        ana.expect_frame(&format!("MESSAGE|bob|{k}"));
        bob.expect_frame(&format!("BROADCAST|bob|{k}"));
    }
    assert!(start.elapsed() >= FRAME_GAP * 39, "{:?}", start.elapsed());
}

#[test]
fn r7_raw_and_line_feed_peers_chat_each_in_its_own_framing() {
    for workers in [1, 2] {
        let server = serve_with(|config| {
            config.framing = ServerFraming::Auto;
            config.workers = workers.try_into().unwrap();
        });
        let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), server.join("bob"));
        let (mut eva, mut leo) = (RawPeer::join(server.address, "eva"), server.join("leo"));
        bob.expect_roster(&["ana", "bob", "eva", "leo"]);
        ana.send_frame("BROADCAST|from ana");
        for peer in [&mut bob, &mut leo] {
            peer.expect_frame("BROADCAST|ana|from ana");
        }
        for peer in [&mut ana, &mut eva] {
            peer.expect_frame("BROADCAST|ana|from ana");
        }
        // One of the two CRs belongs to the terminator.
        leo.send_frame("MESSAGE|eva|a CR is content\r\r");
        eva.expect_frame("MESSAGE|leo|a CR is content\r");
        eva.send_frame("MESSAGE|bob|back");
        bob.expect_frame("MESSAGE|eva|back");
    }
}

#[test]
fn r4_a_line_feed_in_raw_content_is_malformed_and_not_forwarded() {
    let server = serve(ServerFraming::Raw);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), RawPeer::join(server.address, "bob"));
    ana.send_frame("MESSAGE|bob|x\nBROADCAST|forged");
    ana.expect_error("400");
    ana.send_frame(&"x".repeat(1025));
    ana.expect_error("413");
    ana.send_frame("MESSAGE|bob|whole");
    bob.expect_frame("MESSAGE|ana|whole");
}

#[test]
fn r7_a_bad_name_gets_an_error_and_a_second_login_succeeds() {
    let server = serve(ServerFraming::Auto);
    let mut ana = RawPeer::new(server.address);
    ana.send_frame("CONNECT| ana");
    ana.expect_frame("CONNECT_ACK|FAIL");
    ana.expect_error("422");
    ana.send_frame("CONNECT|ana");
    ana.expect_frame("CONNECT_ACK|OK");
}

#[test]
fn a_raw_session_ends_in_good_order() {
    let mut server = serve(ServerFraming::Raw);
    let (mut ana, mut bob) = (RawPeer::join(server.address, "ana"), RawPeer::join(server.address, "bob"));
    (0..5).for_each(|k| {
        ana.send_frame(&format!("MESSAGE|ana|{k}"));
        ana.expect_frame(&format!("MESSAGE|ana|{k}"));
    });
    ana.send_frame("DISCONNECT|");
    assert_eq!(ana.next_non_roster(), None);
    bob.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(bob.next_non_roster(), None);
    let mut leo = RawPeer::join(server.address, "ana");
    server.begin_stop();
    leo.expect_error("503");
    assert_eq!(leo.next(), None);
}

#[test]
fn m6_a_slow_raw_peer_is_disconnected_and_all_deliveries_are_counted() {
    let server = serve_with(|config| {
        config.framing = ServerFraming::Auto;
        config.send.queue = 16 * 1024;
    });
    let (slow, mut bob) = (RawPeer::join(server.address, "slow"), server.join("bob"));
    bob.send_bytes(format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(40).as_bytes());
    (0..40).for_each(|_| assert!(bob.next().is_some()));
    bob.expect_roster(&["bob"]);
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
