//! Splits the bytes of a connection into frames, correctly or with a fault.

use std::io::{self, Read as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::peer::Peer;
use super::room::Room;

/// The time after which a `CONNECT` without its line end is a frame, where the server serves such clients.
const RAW_WAIT: Duration = Duration::from_millis(50);

/// The next item of a connection.
pub(super) enum Next {
    /// A message.
    Frame(Vec<u8>),
    /// One that is too long.
    Oversize,
    /// The end of the connection.
    End(Departure),
}

/// The way in which a connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// By `DISCONNECT`.
    Disconnect,
    /// By the end of the client's bytes, or by the server.
    Close,
    /// By a reset.
    Reset,
    /// By the server, because of a message without an end.
    Flood,
}

/// Splits the bytes of one connection.
pub(super) struct Frames {
    buffer: Vec<u8>,
    ready: std::collections::VecDeque<Vec<u8>>,
    discarding: bool,
    skips: bool,
    /// True if a read is a frame, because the client sends no line ends.
    pub(super) is_raw: bool,
}

impl Frames {
    pub(super) fn new(room: &Room, peer: &Peer) -> Self {
        let timeout = match room.fault.as_str() {
            "idle-timeout" => Some(Duration::from_secs(3)),
            "partial-frame-timeout" => Some(Duration::from_secs(1)),
            "ext-for-raw" => Some(RAW_WAIT),
            _ => None,
        };
        let _ = peer.stream.set_read_timeout(timeout);
        let mut buffer = Vec::new();
        if room.has_fault("read-buffer-survives-connection") {
            buffer = std::mem::take(&mut *room.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Self { buffer, ready: std::collections::VecDeque::new(), discarding: false, skips: false, is_raw: false }
    }

    /// Returns true if a further frame has been read already.
    pub(super) fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn next(&mut self, room: &Room, peer: &Arc<Peer>) -> Next {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return self.sized(room, peer, frame);
            }
            let mut chunk = vec![0; if room.has_fault("buffer-full-is-frame") { 1024 } else { 65536 }];
            let count = match (&peer.stream).read(&mut chunk) {
                Ok(0) if room.has_fault("eof-completes-frame") && !self.buffer.is_empty() => {
                    self.ready.push_back(std::mem::take(&mut self.buffer));
                    continue;
                }
                Ok(0) if room.has_fault("read-buffer-survives-connection") && !peer.was_reset() => {
                    *room.buffer.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut self.buffer);
                    return Next::End(Departure::Close);
                }
                Ok(0) => return Next::End(if peer.was_reset() { Departure::Reset } else { Departure::Close }),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && room.has_fault("partial-frame-timeout") => {
                    self.buffer.clear();
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && room.has_fault("ext-for-raw") => {
                    if self.buffer.starts_with(b"CONNECT|") {
                        self.is_raw = true;
                        self.ready.push_back(std::mem::take(&mut self.buffer));
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Next::End(Departure::Reset),
                Err(_) => return Next::End(Departure::Close),
            };
            chunk.truncate(count);
            if self.take(room, chunk) {
                return Next::End(Departure::Flood);
            }
        }
    }

    /// Appends bytes. Returns true if the connection must be closed.
    fn take(&mut self, room: &Room, chunk: Vec<u8>) -> bool {
        let chunk = if room.has_fault("decodes-each-read") {
            String::from_utf8_lossy(&chunk).into_owned().into_bytes()
        } else {
            chunk
        };
        if self.is_raw {
            self.ready.push_back(chunk);
            return false;
        }
        if room.has_fault("one-read-is-one-frame") {
            let end = chunk.iter().rposition(|byte| *byte != b'\n').map_or(0, |at| at + 1);
            self.ready.push_back(chunk[..end].to_vec());
            return false;
        }
        if room.has_fault("disconnect-drops-pending") && chunk.ends_with(b"\nDISCONNECT\n") {
            self.ready.push_back(b"DISCONNECT".to_vec());
            return false;
        }
        if room.has_fault("one-read-buffer-for-all") {
            // All connections share one buffer.
            self.buffer = std::mem::take(&mut *room.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.buffer.extend_from_slice(&chunk);
        let terminator = if room.has_fault("reads-up-to-nul") { b'\0' } else { b'\n' };
        while let Some(end) = self.buffer.iter().position(|byte| *byte == terminator) {
            let mut frame: Vec<u8> = self.buffer.drain(..=end).collect();
            frame.pop();
            if frame.ends_with(b"\r") && !room.has_fault("carriage-return-kept") {
                frame.pop();
            }
            if self.discarding || std::mem::take(&mut self.skips) {
                continue;
            }
            self.skips = room.has_fault("oversize-skips-next") && frame.len() > 1024;
            if room.has_fault("unicode-newline-splits") {
                let text = String::from_utf8_lossy(&frame).into_owned();
                let cuts = ['\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\r'];
                self.ready.extend(text.split(cuts).map(|part| part.as_bytes().to_vec()));
                continue;
            }
            self.ready.push_back(frame);
            if room.has_fault("one-frame-per-read") {
                self.buffer.clear();
            }
        }
        if room.has_fault("remainder-dropped") {
            self.buffer.clear();
        }
        if room.has_fault("buffer-full-is-frame") && chunk.len() == 1024 && !self.buffer.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.buffer));
        }
        if room.has_fault("oversize-by-buffer") && self.buffer.len() > 1024 {
            self.buffer.clear();
        }
        let flooded = self.buffer.len() > 65536 && !room.has_fault("unterminated-unbounded");
        if room.has_fault("one-read-buffer-for-all") {
            *room.buffer.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut self.buffer);
        }
        flooded
    }

    fn sized(&mut self, room: &Room, peer: &Arc<Peer>, frame: Vec<u8>) -> Next {
        let size = if room.has_fault("limit-counts-characters") {
            String::from_utf8_lossy(&frame).chars().count()
        } else {
            frame.len()
        };
        let limit = match room.fault.as_str() {
            "limit-too-low" => 1000,
            "no-frame-limit" => usize::MAX,
            _ => 1024,
        };
        if size <= limit {
            return Next::Frame(if room.has_fault("frame-cut-to-256") {
                frame[..size.min(256)].to_vec()
            } else {
                frame
            });
        }
        match room.fault.as_str() {
            "oversize-truncated" => Next::Frame(frame[..1024].to_vec()),
            "oversize-rest-parsed" => {
                self.ready.push_front(frame[1024..].to_vec());
                Next::Oversize
            }
            "oversize-4k-silent" => {
                (2..=size.div_ceil(1024)).for_each(|_| room.error(peer, "413", "too large"));
                Next::Oversize
            }
            "oversize-disconnects" => {
                self.discarding = true;
                Next::Oversize
            }
            _ => Next::Oversize,
        }
    }
}
