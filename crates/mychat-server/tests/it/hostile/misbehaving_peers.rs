//! Peers that race, vanish, do not read, or do not stop.

use std::io::{Read, Write};
use std::net::TcpStream;

use socket2::SockRef;

use super::{AttackedServer, TIMEOUT, attack_twice, stop_and_check_stderr};

/// Reads up to the first line feed.
fn first_line(mut socket: &TcpStream) -> String {
    let (mut line, mut byte) = (String::new(), [0]);
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    while !line.ends_with('\n') && socket.read(&mut byte).unwrap() == 1 {
        line.push(char::from(byte[0]));
    }
    line
}

/// `racers` peers log in with one name at the same time; exactly one succeeds.
fn race(arena: &AttackedServer, racers: usize) {
    let sockets: Vec<TcpStream> = (0..racers).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
    for mut socket in &sockets {
        socket.write_all(b"CONNECT|winner\n").unwrap();
    }
    let won = sockets.iter().filter(|socket| first_line(socket) == "CONNECT_ACK|OK\n").count();
    assert_eq!(won, 1);
}

#[test]
fn a_hundred_simultaneous_logins_for_one_name() {
    stop_and_check_stderr(attack_twice(&["--workers", "2", "--spread", "always"], |arena| race(arena, 100)));
}

#[test]
#[ignore = "large: just hostile"]
fn a_thousand_simultaneous_logins_for_one_name() {
    stop_and_check_stderr(attack_twice(&["--workers", "2", "--spread", "always"], |arena| race(arena, 1000)));
}

#[test]
fn a_name_is_released_and_taken_again_at_once() {
    let arena = attack_twice(&[], |arena| {
        for _ in 0..100 {
            let mut eva = arena.connect();
            eva.send_bytes(b"CONNECT|eva\nDISCONNECT\n");
            eva.expect_frame("CONNECT_ACK|OK");
            eva.expect_end();
        }
    });
    stop_and_check_stderr(arena);
}

#[test]
fn half_close_reset_and_close_during_a_write() {
    let arena = attack_twice(&[], |arena| {
        let flood = format!("BROADCAST|{}\n", "x".repeat(900)).repeat(200);
        for _ in 0..5 {
            let mut half = arena.join("half");
            half.send_bytes(flood.as_bytes());
            half.half_close();
            while half.next().is_some() {}
            let mut reset = arena.join("reset");
            reset.send_bytes(flood.as_bytes());
            reset.reset();
            let mut gone = arena.join("gone");
            gone.send_bytes(flood.as_bytes());
            drop(gone);
        }
    });
    stop_and_check_stderr(arena);
}

#[test]
fn a_peer_that_never_reads_its_errors_is_slowed_down_or_disconnected() {
    let arena = attack_twice(&["--send-timeout", "500ms"], |arena| {
        let deaf = arena.connect();
        SockRef::from(&deaf.socket).set_recv_buffer_size(4096).unwrap();
        deaf.socket.set_write_timeout(Some(TIMEOUT)).unwrap();
        // 32 MiB of nonsense cause three times as many bytes of replies, which the server must not buffer.
        let written = (0..1024).take_while(|_| (&deaf.socket).write_all(&b"FOO\n".repeat(8192)).is_ok()).count();
        assert!(written < 1024, "the server read everything");
    });
    assert!(stop_and_check_stderr(arena).is_empty(), "a peer without a name does not appear in the log");
}

#[test]
fn a_peer_that_never_reads_is_disconnected_and_logged_without_content() {
    let arena = attack_twice(&["--send-queue", "4MiB", "--log", "json"], |arena| {
        let _deaf = arena.join("deaf \u{e9} \"quote\"");
        let mut eva = arena.join("eva");
        let frame = format!("BROADCAST|secret {}\n", "x".repeat(990)).repeat(16);
        for _ in 0..1000 {
            eva.send_bytes(frame.as_bytes());
            (0..16).for_each(|_| assert!(eva.next().is_some()));
        }
        eva.expect_roster(&["eva", "healthy ana", "healthy leo"]);
    });
    let output = stop_and_check_stderr(arena);
    assert!(output.contains("\"event\":\"user evicted\",\"reason\":\"queue_full\""), "{output}");
    assert!(output.contains("\"user\":\"deaf \\u00e9 \\\"quote\\\"\"") && !output.contains("secret"), "{output}");
}

#[test]
fn the_smallest_receive_buffer() {
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.connect();
        SockRef::from(&eva.socket).set_recv_buffer_size(1).unwrap();
        eva.send_bytes(b"CONNECT|eva\n");
        eva.expect_frame("CONNECT_ACK|OK");
        for k in 0..50 {
            let text = format!("{k}{}", "x".repeat(900));
            eva.send_frame(&format!("BROADCAST|{text}"));
            eva.expect_frame(&format!("BROADCAST|eva|{text}"));
        }
    });
    stop_and_check_stderr(arena);
}
