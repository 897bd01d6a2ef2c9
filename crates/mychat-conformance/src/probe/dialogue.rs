//! One connection of the probe, and everything that the server sent on it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

/// A server that sends more than this is not talking to the probe.
const MAX_RECEIVED: usize = 64 * 1024;

/// A connection of the probe.
#[derive(Debug)]
pub(super) struct Dialogue {
    stream: TcpStream,
    /// Every byte that arrived.
    pub(super) received: Vec<u8>,
    /// True if the server closed or reset the connection.
    pub(super) is_closed: bool,
}

impl Dialogue {
    /// Connects within `timeout`. Returns none if that fails: the checks report it.
    pub(super) async fn open(target: SocketAddr, timeout: Duration) -> Option<Self> {
        let stream = tokio::time::timeout(timeout, TcpStream::connect(target)).await.ok()?.ok()?;
        let _ = stream.set_nodelay(true);
        Some(Self { stream, received: Vec::new(), is_closed: false })
    }

    /// Sends a few bytes in one segment. A closed connection is noticed by the next [`Dialogue::listen`].
    pub(super) fn say(&self, text: &str) {
        let _ = self.stream.try_write(text.as_bytes());
    }

    /// Reads until `enough` is true of everything received, the server closes, or `time` is over.
    pub(super) async fn listen(&mut self, time: Duration, enough: impl Fn(&[u8]) -> bool) {
        let deadline = Instant::now() + time;
        let mut buffer = [0; 4096];
        while !self.is_closed && self.received.len() <= MAX_RECEIVED && !enough(&self.received) {
            let Ok(ready) = tokio::time::timeout_at(deadline, self.stream.readable()).await else { return };
            match self.stream.try_read(&mut buffer) {
                _ if ready.is_err() => self.is_closed = true,
                Ok(0) => self.is_closed = true,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => self.is_closed = true,
            }
        }
    }
}

/// Splits received bytes into frames at line feeds, without terminators. Bytes after the last line feed count as a frame.
pub(super) fn frames(received: &[u8]) -> Vec<&[u8]> {
    let mut frames: Vec<&[u8]> =
        received.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    if frames.last().is_some_and(|frame| frame.is_empty()) {
        frames.pop();
    }
    frames
}
