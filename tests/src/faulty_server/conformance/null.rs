//! Null servers: programs that accept connections and implement no chat protocol.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Serves null target `number`.
pub(super) fn serve(listener: &TcpListener, number: u8) {
    if number == 7 {
        loop {
            std::thread::sleep(Duration::from_hours(1));
        }
    }
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        std::thread::spawn(move || one(stream, number));
    }
}

fn one(mut stream: TcpStream, number: u8) {
    let mut buffer = [0; 4096];
    match number {
        // Accepts and ignores.
        1 => while matches!(stream.read(&mut buffer), Ok(1..)) {},
        // Echoes.
        2 => {
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        }
        // A web server.
        4 => {
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        // Garbage without end.
        5 => {
            while stream.write_all(&[0x9b; 1024]).is_ok() {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // Says yes to everything.
        6 => {
            while let Ok(1..) = stream.read(&mut buffer) {
                if stream.write_all(b"CONNECT_ACK|OK\n").is_err() {
                    return;
                }
            }
        }
        // Closes at once.
        _ => {}
    }
}
