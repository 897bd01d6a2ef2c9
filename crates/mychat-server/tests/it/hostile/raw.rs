//! Peers without line feeds that mean harm, among others with them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::{PATIENCE, quiet_end, survives};
use crate::raw::RawPeer;

const AUTO: [&str; 4] = ["--framing", "auto", "--handshake-timeout", "300ms"];

#[test]
fn raw_nonsense_is_answered_frame_by_frame_and_the_session_goes_on() {
    let arena = survives(&AUTO, |arena| {
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
            (0..usize::from(refused)).for_each(|_| eva.hears("CONNECT_ACK|FAIL"));
            eva.hears_error(code);
        }
        eva.say("MESSAGE|eva|a|b");
        eva.hears("MESSAGE|eva|a|b");
    });
    quiet_end(arena);
}

#[test]
fn a_raw_peer_that_sends_without_end_is_cut_off() {
    let arena = survives(&AUTO, |arena| {
        let mut eva = RawPeer::join(arena.address, "eva");
        // It is slowed down by its own answers, or ended: it is not taken in and kept.
        eva.socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let _ = eva.socket.write_all(&vec![b'x'; 10 << 20]);
    });
    quiet_end(arena);
}

#[test]
fn bytes_one_at_a_time_never_make_a_raw_peer() {
    let arena = survives(&AUTO, |arena| {
        let mut slow = TcpStream::connect(arena.address).unwrap();
        slow.set_nodelay(true).unwrap();
        slow.set_read_timeout(Some(PATIENCE)).unwrap();
        slow.write_all(b"CON").unwrap();
        let mut said = String::new();
        slow.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("ERROR|401|"), "{said:?}");
    });
    quiet_end(arena);
}

#[test]
fn raw_peers_that_vanish_in_the_middle_leave_nothing_behind() {
    let arena = survives(&AUTO, |arena| {
        for k in 0..20 {
            let mut eva = RawPeer::join(arena.address, &format!("eva {k}"));
            (0..20).for_each(|_| eva.say("BROADCAST|x"));
            if k % 2 == 0 {
                SockRef::from(&eva.socket).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    });
    quiet_end(arena);
}

#[test]
fn a_raw_peer_in_a_room_that_is_too_busy_for_it_is_evicted() {
    let arena = survives(&["--framing", "auto", "--send-queue", "64KiB"], |arena| {
        let _slow = RawPeer::join(arena.address, "slow");
        let mut eva = arena.join("eva");
        for _ in 0..100 {
            eva.send(format!("BROADCAST|{}\n", "x".repeat(900)).as_bytes());
            assert!(eva.next().is_some());
        }
        eva.hears_list(&["eva", "healthy ana", "healthy leo"]);
    });
    assert!(quiet_end(arena).contains("reason=queue_full"));
}
