//! Peers that do not behave: they race, vanish, do not read, do not stop.

use std::io::{Read, Write};
use std::net::TcpStream;

use socket2::SockRef;

use super::{Arena, PATIENCE, quiet_end, survives};

/// What a socket reads up to the first line feed.
fn first_line(mut socket: &TcpStream) -> String {
    let (mut line, mut byte) = (String::new(), [0]);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    while !line.ends_with('\n') && socket.read(&mut byte).unwrap() == 1 {
        line.push(char::from(byte[0]));
    }
    line
}

/// So many ask for one name, and one gets it.
fn race(arena: &Arena, racers: usize) {
    let sockets: Vec<TcpStream> = (0..racers).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
    for mut socket in &sockets {
        socket.write_all(b"CONNECT|winner\n").unwrap();
    }
    let won = sockets.iter().filter(|socket| first_line(socket) == "CONNECT_ACK|OK\n").count();
    assert_eq!(won, 1);
}

#[test]
fn a_hundred_racers_for_one_name() {
    quiet_end(survives(&["--workers", "2", "--spread", "always"], |arena| race(arena, 100)));
}

#[test]
#[ignore = "large: just hostile"]
fn a_thousand_racers_for_one_name() {
    quiet_end(survives(&["--workers", "2", "--spread", "always"], |arena| race(arena, 1000)));
}

#[test]
fn a_name_is_released_and_taken_again_at_once() {
    let arena = survives(&[], |arena| {
        for _ in 0..100 {
            let mut eva = arena.connect();
            eva.send(b"CONNECT|eva\nDISCONNECT\n");
            eva.hears("CONNECT_ACK|OK");
            eva.hears_end();
        }
    });
    quiet_end(arena);
}

#[test]
fn half_close_reset_and_close_during_a_write() {
    let arena = survives(&[], |arena| {
        let flood = format!("BROADCAST|{}\n", "x".repeat(900)).repeat(200);
        for _ in 0..5 {
            let mut half = arena.join("half");
            half.send(flood.as_bytes());
            half.half_close();
            while half.next().is_some() {}
            let mut reset = arena.join("reset");
            reset.send(flood.as_bytes());
            reset.reset();
            let mut gone = arena.join("gone");
            gone.send(flood.as_bytes());
            drop(gone);
        }
    });
    quiet_end(arena);
}

#[test]
fn a_peer_that_never_reads_its_errors_is_slowed_down_or_cut_off() {
    let arena = survives(&["--send-timeout", "500ms"], |arena| {
        let deaf = arena.connect();
        SockRef::from(&deaf.socket).set_recv_buffer_size(4096).unwrap();
        deaf.socket.set_write_timeout(Some(PATIENCE)).unwrap();
        // 32 MiB of nonsense and three times that in answers: it must not be taken in and kept.
        let written = (0..1024).take_while(|_| (&deaf.socket).write_all(&b"FOO\n".repeat(8192)).is_ok()).count();
        assert!(written < 1024, "the server took everything");
    });
    assert!(quiet_end(arena).is_empty(), "an unnamed peer is no user to be named in the log");
}

#[test]
fn a_peer_that_never_reads_while_others_broadcast_is_evicted_and_logged_without_content() {
    let arena = survives(&["--send-queue", "4MiB", "--log", "json"], |arena| {
        let _deaf = arena.join("deaf \u{e9} \"quote\"");
        let mut eva = arena.join("eva");
        let frame = format!("BROADCAST|secret {}\n", "x".repeat(990)).repeat(16);
        for _ in 0..1000 {
            eva.send(frame.as_bytes());
            (0..16).for_each(|_| assert!(eva.next().is_some()));
        }
        eva.hears_list(&["eva", "healthy ana", "healthy leo"]);
    });
    let said = quiet_end(arena);
    assert!(said.contains("\"event\":\"user evicted\",\"reason\":\"queue_full\""), "{said}");
    assert!(said.contains("\"user\":\"deaf \\u00e9 \\\"quote\\\"\"") && !said.contains("secret"), "{said}");
}

#[test]
fn the_smallest_receive_buffer() {
    let arena = survives(&[], |arena| {
        let mut eva = arena.connect();
        SockRef::from(&eva.socket).set_recv_buffer_size(1).unwrap();
        eva.send(b"CONNECT|eva\n");
        eva.hears("CONNECT_ACK|OK");
        for k in 0..50 {
            let text = format!("{k}{}", "x".repeat(900));
            eva.say(&format!("BROADCAST|{text}"));
            eva.hears(&format!("BROADCAST|eva|{text}"));
        }
    });
    quiet_end(arena);
}
