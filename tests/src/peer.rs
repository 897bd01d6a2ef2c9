//! A client that sends exactly what it is told and shows exactly what comes.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Patience with a server, far beyond what one needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub struct RawPeer {
    lines: BufReader<TcpStream>,
}

impl RawPeer {
    /// A connection on which nothing was said.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a legal timeout");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { lines: BufReader::new(stream) }
    }

    /// A connected user.
    pub fn join(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::open(address);
        peer.say(&format!("CONNECT|{name}"));
        assert_eq!(peer.hear(), "CONNECT_ACK|OK");
        peer
    }

    /// Sends a frame with its terminator.
    pub fn say(&mut self, frame: &str) {
        self.send(format!("{frame}\n").as_bytes());
    }

    /// Sends exactly these bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.lines.get_mut().write_all(bytes).expect("an open connection");
    }

    /// The next frame without its terminator; empty at the connection's end.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a frame within the patience of the kit");
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// The next frame that starts so, whatever comes before it.
    pub fn hear_until(&mut self, start: &str) -> String {
        loop {
            let frame = self.hear();
            assert!(!frame.is_empty(), "the connection ended before `{start}` came");
            if frame.starts_with(start) {
                return frame;
            }
        }
    }
}
