//! Many peers at once. The large ones are ignored: `just hostile` runs them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;
use socket2::SockRef;

use super::{Arena, PATIENCE, quiet_end, survives};
use crate::kit::Peer;

/// So many connections that say nothing, up to the handshake deadline.
fn silence(arena: &Arena, count: usize) {
    let mut crowd: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
    for socket in &mut crowd {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("ERROR|401|"), "{said:?}");
    }
}

fn connects_and_closes(arena: &Arena, count: usize) {
    for _ in 0..count {
        let socket = TcpStream::connect(arena.address).unwrap();
        // A reset leaves no TIME_WAIT, or the ports of this machine would be what runs out.
        SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
}

/// One user says so much that the machine is busy with nothing else, and hears all of it.
fn flood(arena: &Arena, messages: usize) {
    let mut eva = arena.join("eva");
    let mut mouth = eva.socket.try_clone().unwrap();
    let speaker = std::thread::spawn(move || {
        for _ in 0..messages / 1000 {
            mouth.write_all("MESSAGE|eva|x\n".repeat(1000).as_bytes()).unwrap();
        }
    });
    (0..messages).for_each(|_| eva.hears("MESSAGE|eva|x"));
    speaker.join().unwrap();
}

fn joined(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let crowd: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (k, mut socket) in crowd.iter().enumerate() {
        writeln!(socket, "CONNECT|u{k}").unwrap();
    }
    for mut socket in &crowd {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut ack = [0; 15];
        socket.read_exact(&mut ack).unwrap();
        assert_eq!(&ack, b"CONNECT_ACK|OK\n");
    }
    crowd
}

/// Reads until so many `x` have come, which are in no name and no list here.
fn take_x(mut socket: &TcpStream, count: usize) {
    let (mut taken, mut piece) = (0, vec![0; 65536]);
    while taken < count {
        let bytes = socket.read(&mut piece).unwrap();
        assert!(bytes > 0, "the end before everything was heard");
        taken += memchr::memchr_iter(b'x', &piece[..bytes]).count();
    }
}

#[test]
fn three_hundred_silent_sockets() {
    quiet_end(survives(&["--handshake-timeout", "500ms"], |arena| silence(arena, 300)));
}

#[test]
fn a_thousand_connects_and_closes() {
    quiet_end(survives(&[], |arena| connects_and_closes(arena, 1000)));
}

#[test]
fn a_flood_of_twenty_thousand_messages() {
    quiet_end(survives(&[], |arena| flood(arena, 20_000)));
}

#[test]
fn a_crowd_of_three_hundred_comes_and_goes() {
    quiet_end(survives(&[], |arena| drop(joined(arena.address, 300))));
}

#[test]
#[ignore = "large: just hostile"]
fn a_crowd_of_ten_thousand_comes_and_goes() {
    quiet_end(survives(&["--roster-budget", "16MiB"], |arena| drop(joined(arena.address, 10_000))));
}

#[test]
#[ignore = "large: just hostile"]
fn five_thousand_silent_sockets() {
    quiet_end(survives(&["--handshake-timeout", "5s"], |arena| silence(arena, 5000)));
}

#[test]
#[ignore = "large: just hostile"]
fn twenty_thousand_connects_and_closes() {
    quiet_end(survives(&[], |arena| connects_and_closes(arena, 20_000)));
}

#[test]
#[ignore = "large: just hostile"]
fn a_flood_of_a_million_messages() {
    quiet_end(survives(&[], |arena| flood(arena, 1_000_000)));
}

#[test]
#[ignore = "large: just hostile"]
fn ten_thousand_users_send_at_once() {
    let arena = survives(&["--roster-budget", "16MiB"], |arena| {
        let crowd = joined(arena.address, 10_000);
        for mut socket in &crowd {
            socket.write_all(b"MESSAGE|u0|all at once\n").unwrap();
        }
        let mut first = Peer::new(crowd[0].try_clone().unwrap());
        (0..10_000).for_each(|_| assert!(first.next().unwrap().ends_with("all at once")));
    });
    quiet_end(arena);
}

#[test]
#[ignore = "large: just hostile"]
fn a_hundred_stalled_readers_among_a_thousand() {
    let arena = survives(&[], |arena| {
        let crowd = joined(arena.address, 1000);
        let frames = format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(50);
        for _ in 0..160 {
            (&crowd[999]).write_all(frames.as_bytes()).unwrap();
            // The first hundred never read.
            crowd[100..].iter().for_each(|socket| take_x(socket, 50_000));
        }
    });
    let said = quiet_end(arena);
    assert!(said.contains("user evicted"), "{said}");
}

#[test]
#[ignore = "large: just hostile"]
fn a_herd_that_comes_back_after_a_restart() {
    let mut predecessor = Arena::new(&[]);
    let address = predecessor.address;
    let herd = joined(address, 2000);
    predecessor.program.signal(Signal::TERM);
    assert_eq!(predecessor.program.code(), Some(0));
    drop(herd);
    quiet_end(survives(&["--listen", &address.to_string()], |_| drop(joined(address, 2000))));
}
