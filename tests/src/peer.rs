//! A client that sends exact bytes and returns exact frames.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Read timeout, far above any reply time.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub struct RawPeer {
    lines: BufReader<TcpStream>,
}

impl RawPeer {
    /// Opens a connection and sends nothing.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(READ_TIMEOUT)).expect("a legal timeout");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { lines: BufReader::new(stream) }
    }

    /// A connected user.
    pub fn join(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::open(address);
        peer.send_frame(&format!("CONNECT|{name}"));
        assert_eq!(peer.read_frame(), "CONNECT_ACK|OK");
        peer
    }

    /// Sends a frame with its terminator.
    pub fn send_frame(&mut self, frame: &str) {
        self.send(format!("{frame}\n").as_bytes());
    }

    /// Sends exactly these bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.lines.get_mut().write_all(bytes).expect("an open connection");
    }

    /// The next frame without its terminator; empty at the connection's end.
    pub fn read_frame(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a frame within the read timeout");
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// The next frame that starts so, whatever comes before it.
    pub fn read_until(&mut self, start: &str) -> String {
        loop {
            let frame = self.read_frame();
            assert!(!frame.is_empty(), "the connection ended before `{start}` came");
            if frame.starts_with(start) {
                return frame;
            }
        }
    }
}
