//! Hostile raw peers on a server that also has line-feed peers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::{TIMEOUT, attack_twice, stop_and_check_stderr};
use crate::raw_framing::RawPeer;

const AUTO: [&str; 4] = ["--framing", "auto", "--handshake-timeout", "300ms"];

#[test]
fn raw_nonsense_gets_an_error_per_frame_and_the_session_continues() {
    let arena = attack_twice(&AUTO, |arena| {
        let mut eva = RawPeer::join(arena.address, "eva");
        for (bytes, code) in [
            (&b"FOO"[..], "400"),
            (b"MESSAGE|eva|\xff", "400"),
            (b"CONNECT|eva", "409"),
            (b"USER_LIST|x", "400"),
            (b"MESSAGE|nobody|x", "404"),
            (&[b'x'; 1025], "413"),
        ] {
            eva.socket.write_all(bytes).unwrap();
            let refused = code == "409";
            (0..usize::from(refused)).for_each(|_| eva.expect_frame("CONNECT_ACK|FAIL"));
            eva.expect_error(code);
        }
        eva.send_frame("MESSAGE|eva|a|b");
        eva.expect_frame("MESSAGE|eva|a|b");
    });
    stop_and_check_stderr(arena);
}

#[test]
fn a_raw_peer_that_sends_without_end_is_disconnected() {
    let arena = attack_twice(&AUTO, |arena| {
        let mut eva = RawPeer::join(arena.address, "eva");
        // The server slows the peer down or disconnects it; it does not buffer the bytes.
        eva.socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let _ = eva.socket.write_all(&vec![b'x'; 10 << 20]);
    });
    stop_and_check_stderr(arena);
}

#[test]
fn single_bytes_never_make_a_raw_peer() {
    let arena = attack_twice(&AUTO, |arena| {
        let mut slow = TcpStream::connect(arena.address).unwrap();
        slow.set_nodelay(true).unwrap();
        slow.set_read_timeout(Some(TIMEOUT)).unwrap();
        slow.write_all(b"CON").unwrap();
        let mut output = String::new();
        slow.read_to_string(&mut output).unwrap();
        assert!(output.starts_with("ERROR|401|"), "{output:?}");
    });
    stop_and_check_stderr(arena);
}

#[test]
fn raw_peers_that_vanish_leave_nothing_behind() {
    let arena = attack_twice(&AUTO, |arena| {
        for k in 0..20 {
            let mut eva = RawPeer::join(arena.address, &format!("eva {k}"));
            (0..20).for_each(|_| eva.send_frame("BROADCAST|x"));
            if k % 2 == 0 {
                SockRef::from(&eva.socket).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    });
    stop_and_check_stderr(arena);
}

#[test]
fn a_raw_peer_that_gets_more_than_it_can_take_is_disconnected() {
    let arena = attack_twice(&["--framing", "auto", "--send-queue", "64KiB"], |arena| {
        let _slow = RawPeer::join(arena.address, "slow");
        let mut eva = arena.join("eva");
        for _ in 0..100 {
            eva.send_bytes(format!("BROADCAST|{}\n", "x".repeat(900)).as_bytes());
            assert!(eva.next().is_some());
        }
        eva.expect_roster(&["eva", "healthy ana", "healthy leo"]);
    });
    assert!(stop_and_check_stderr(arena).contains("reason=queue_full"));
}
