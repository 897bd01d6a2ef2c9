//! A small server that follows the protocol except for one fault, chosen by name.
//!
//! A thread reads each connection and another one writes it; everything between them happens under one lock. The
//! program `mychat-faulty-server PORT FAULT` serves it, so that the suite can start it, watch it and start it again.

mod chat_rooms;
mod frames;
mod null;
mod peer;
mod room;
mod session;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use peer::Peer;
use room::Room;

/// The rows of `kills.txt` begin with the names of the faults.
const FAULTS: &str = include_str!("../../../it/kills.txt");

/// Names that are no faults: correct servers, one of them with chat rooms, and the null servers.
const OTHER_NAMES: [&str; 10] = ["none", "crlf", "rooms", "n1", "n2", "n3", "n4", "n5", "n6", "n7"];

/// Returns all names that [`serve`] accepts.
pub fn fault_names() -> impl Iterator<Item = &'static str> {
    let rows = FAULTS.lines().filter(|row| !row.starts_with('#'));
    OTHER_NAMES.into_iter().chain(rows.filter_map(|row| row.split_whitespace().next()))
}

/// Serves on a port until the process ends; on port 0, it prints the address that it got. An unknown fault is an error that
/// lists all names.
#[expect(clippy::print_stdout, reason = "the test that started it reads the address there")]
pub fn serve(port: u16, fault: &str) -> io::Result<()> {
    if !fault_names().any(|name| name == fault) {
        let names: Vec<_> = fault_names().collect();
        let message = format!("no fault is called `{fault}`; the names are {}", names.join(", "));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let listener = bind(port, fault)?;
    if port == 0 {
        println!("{}", listener.local_addr()?);
    }
    if let Some(number) = fault.strip_prefix('n').and_then(|rest| rest.parse::<u8>().ok()) {
        null::serve(&listener, number);
        return Ok(());
    }
    let room = Arc::new(Room::new(fault));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if room.has_fault("slow-accept") {
            std::thread::sleep(Duration::from_millis(40));
        }
        if room.has_fault("descriptor-leak") {
            std::mem::forget(stream.try_clone()?);
        }
        // A pool of ten: later connections wait until one closes.
        while room.has_fault("ten-connections-only") && Arc::strong_count(&room) > 11 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let Ok(peer) = Peer::new(stream, &room) else { continue };
        if room.has_fault("silent-connections-block-accept") && room.count_silent(&peer) > 20 {
            std::thread::sleep(Duration::from_hours(1));
        }
        if room.has_fault("one-connection-at-a-time") {
            session::serve_connection(&room, &peer);
            continue;
        }
        let room = Arc::clone(&room);
        std::thread::spawn(move || session::serve_connection(&room, &peer));
    }
    Ok(())
}

fn bind(port: u16, fault: &str) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(fault != "no-address-reuse")?;
    let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
    socket.bind(&address.into())?;
    socket.listen(if fault == "slow-accept" || fault == "n7" { 1 } else { 1024 })?;
    Ok(socket.into())
}
