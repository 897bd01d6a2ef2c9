//! Many peers at once. The large tests are ignored by default: `just hostile` runs them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;
use socket2::SockRef;

use super::{AttackedServer, TIMEOUT, attack_twice, stop_and_check_stderr};
use crate::support::Peer;

/// Opens `count` connections that send nothing until the handshake timeout.
fn silence(arena: &AttackedServer, count: usize) {
    let mut peers: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
    for socket in &mut peers {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut output = String::new();
        socket.read_to_string(&mut output).unwrap();
        assert!(output.starts_with("ERROR|401|"), "{output:?}");
    }
}

fn connects_and_closes(arena: &AttackedServer, count: usize) {
    for _ in 0..count {
        let socket = TcpStream::connect(arena.address).unwrap();
        // A reset leaves no TIME_WAIT; otherwise the machine would run out of ports.
        SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}

/// One user sends `messages` messages to itself as fast as it can, and reads all of them.
fn flood(arena: &AttackedServer, messages: usize) {
    let mut eva = arena.join("eva");
    let mut writer = eva.socket.try_clone().unwrap();
    let speaker = std::thread::spawn(move || {
        for _ in 0..messages / 1000 {
            writer.write_all("MESSAGE|eva|x\n".repeat(1000).as_bytes()).unwrap();
        }
    });
    (0..messages).for_each(|_| eva.expect_frame("MESSAGE|eva|x"));
    speaker.join().unwrap();
}

fn joined(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let peers: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (k, mut socket) in peers.iter().enumerate() {
        writeln!(socket, "CONNECT|u{k}").unwrap();
    }
    for mut socket in &peers {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut ack = [0; 15];
        socket.read_exact(&mut ack).unwrap();
        assert_eq!(&ack, b"CONNECT_ACK|OK\n");
    }
    peers
}

/// Reads until `count` bytes `x` have arrived; no name and no roster here has any.
fn take_x(mut socket: &TcpStream, count: usize) {
    let (mut taken, mut piece) = (0, vec![0; 65536]);
    while taken < count {
        let bytes = socket.read(&mut piece).unwrap();
        assert!(bytes > 0, "the end before everything was read");
        taken += memchr::memchr_iter(b'x', &piece[..bytes]).count();
    }
}

#[test]
fn three_hundred_silent_sockets() {
    stop_and_check_stderr(attack_twice(&["--handshake-timeout", "500ms"], |arena| silence(arena, 300)));
}

#[test]
fn a_thousand_connects_and_closes() {
    stop_and_check_stderr(attack_twice(&[], |arena| connects_and_closes(arena, 1000)));
}

#[test]
fn twenty_thousand_messages_from_one_user() {
    stop_and_check_stderr(attack_twice(&[], |arena| flood(arena, 20_000)));
}

#[test]
fn three_hundred_users_log_in_and_leave() {
    stop_and_check_stderr(attack_twice(&[], |arena| drop(joined(arena.address, 300))));
}

#[test]
#[ignore = "large: just hostile"]
fn ten_thousand_users_log_in_and_leave() {
    stop_and_check_stderr(attack_twice(&["--roster-budget", "16MiB"], |arena| drop(joined(arena.address, 10_000))));
}

#[test]
#[ignore = "large: just hostile"]
fn five_thousand_silent_sockets() {
    stop_and_check_stderr(attack_twice(&["--handshake-timeout", "5s"], |arena| silence(arena, 5000)));
}

#[test]
#[ignore = "large: just hostile"]
fn twenty_thousand_connects_and_closes() {
    stop_and_check_stderr(attack_twice(&[], |arena| connects_and_closes(arena, 20_000)));
}

#[test]
#[ignore = "large: just hostile"]
fn a_million_messages_from_one_user() {
    stop_and_check_stderr(attack_twice(&[], |arena| flood(arena, 1_000_000)));
}

#[test]
#[ignore = "large: just hostile"]
fn ten_thousand_users_send_at_once() {
    let arena = attack_twice(&["--roster-budget", "16MiB"], |arena| {
        let peers = joined(arena.address, 10_000);
        for mut socket in &peers {
            socket.write_all(b"MESSAGE|u0|all at once\n").unwrap();
        }
        let mut first = Peer::new(peers[0].try_clone().unwrap());
        (0..10_000).for_each(|_| assert!(first.next().unwrap().ends_with("all at once")));
    });
    stop_and_check_stderr(arena);
}

#[test]
#[ignore = "large: just hostile"]
fn a_hundred_stalled_readers_among_a_thousand() {
    let arena = attack_twice(&[], |arena| {
        let peers = joined(arena.address, 1000);
        let frames = format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(50);
        for _ in 0..160 {
            (&peers[999]).write_all(frames.as_bytes()).unwrap();
            // The first hundred peers never read.
            peers[100..].iter().for_each(|socket| take_x(socket, 50_000));
        }
    });
    let output = stop_and_check_stderr(arena);
    assert!(output.contains("user evicted"), "{output}");
}

#[test]
#[ignore = "large: just hostile"]
fn two_thousand_users_reconnect_after_a_restart() {
    let mut predecessor = AttackedServer::new(&[]);
    let address = predecessor.address;
    let peers = joined(address, 2000);
    predecessor.program.signal(Signal::TERM);
    assert_eq!(predecessor.program.code(), Some(0));
    drop(peers);
    stop_and_check_stderr(attack_twice(&["--listen", &address.to_string()], |_| drop(joined(address, 2000))));
}
