//! Observes the reads of a worker's sockets: when their bytes arrived, for how long they waited, and how full the receive
//! buffers were.

use std::io::{ErrorKind, Result};
use std::time::Duration;

use super::{BytesRead, ReadTimes, Socket, TcpWire};
use crate::engine::net::joined_segments::{ReadPiece, SegmentWatch};
use crate::engine::net::receive_lag::{UnreadMark, unread};
use crate::engine::wire::ConnId;
use crate::plan::{Nanos, RunTime};

/// A read is late if its bytes have waited for longer.
const LATE: Nanos = 1_000_000;
/// Time between two looks at the memory of receive buffers.
const LOOK_EVERY: Nanos = 20_000;
/// One of this many reads begins an observation of its socket's next read.
const WATCH_EVERY: u32 = 16;
/// The smallest piece of an observed read, in bytes.
const SMALLEST_PIECE: usize = 64;
/// The largest number of pieces of an observed read.
const PIECES: usize = 32;

/// The pieces of the last read, if it was observed.
#[derive(Debug, Default)]
pub(super) struct ObservedRead {
    /// Length of each piece, and the arrival of its last byte since the Unix epoch.
    pieces: Vec<(usize, Duration)>,
    /// Number of segments that waited for the read.
    waiting: Option<u32>,
}

impl ObservedRead {
    /// Reads the bytes that wait in an observed socket, in pieces if several segments wait. Returns `None` if nothing waits, or
    /// if the kernel tells no times: the read is then like any other.
    fn read(&mut self, socket: &mut Socket, watch: SegmentWatch, buffer: &mut [u8]) -> Option<Result<BytesRead>> {
        self.pieces.clear();
        // In this order, the segments are at least those of the bytes.
        let available = usize::try_from(unread(&socket.stream)).ok().filter(|bytes| *bytes > 0)?;
        self.waiting = watch.waiting(mychat_os::received_segments(&socket.stream)?);
        let space = available.min(buffer.len());
        let piece = if self.waiting.is_some_and(|waiting| waiting <= 1) {
            space
        } else {
            space.div_ceil(PIECES).max(SMALLEST_PIECE)
        };
        let (mut count, mut stamp) = (0, None);
        while count < space {
            let end = space.min(count + piece);
            match mychat_os::receive(&socket.stream, &mut buffer[count..end]) {
                Ok((0, _)) => break,
                Ok((bytes, time)) => {
                    self.pieces.extend(time.map(|time| (bytes, time)));
                    (count, stamp) = (count + bytes, time);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && count == 0 => return None,
                Err(error) if count == 0 => return Some(Err(error)),
                // The next read fails as well.
                Err(_) => break,
            }
        }
        if self.pieces.iter().map(|(bytes, _)| bytes).sum::<usize>() < count {
            self.pieces.clear();
        }
        // An event reports what arrives after the number of bytes was asked for.
        let capacity = if available > buffer.len() { count } else { count + 1 };
        socket.readiness.record_read(&Ok(count), capacity);
        Some(Ok(BytesRead { count, stamp }))
    }
}

impl TcpWire {
    /// Reads a socket if its next read is to be observed, and notes what is needed to know the error of its arrivals.
    pub(super) fn read_observed(&mut self, conn: ConnId, buffer: &mut [u8]) -> Option<Result<BytesRead>> {
        self.observed.pieces.clear();
        let socket = self.sockets.get_mut(conn.key)?.as_mut().filter(|socket| socket.generation == conn.generation)?;
        let watch = socket.watch.filter(|_| socket.is_read_fast())?;
        self.observed.read(socket, watch, buffer)
    }

    /// Returns the times of bytes that were read at `now`.
    pub(in crate::engine::net) fn read_times(&mut self, conn: ConnId, bytes: BytesRead, now: RunTime) -> ReadTimes {
        self.errors.clear();
        let (Some(clock), Some(stamp)) = (&mut self.arrivals, bytes.stamp) else {
            // Without a stamp the last byte before the mark has waited since the mark was set.
            let lag = self.socket(conn).and_then(|socket| UnreadMark::pass(&mut socket.mark, bytes.count, now));
            return ReadTimes { arrived: now, lag };
        };
        let arrived = clock.arrival(stamp, now);
        self.poller.note_arrival(arrived);
        self.read_at = now;
        if !self.socket(conn).is_some_and(|socket| socket.is_read_fast()) {
            return ReadTimes { arrived, lag: None };
        }
        self.note_errors(conn, now);
        self.begin_watch(conn, arrived, now);
        ReadTimes { arrived, lag: Some(now.since(arrived)) }
    }

    /// Computes the errors of the arrivals of an observed read.
    fn note_errors(&mut self, conn: ConnId, now: RunTime) {
        let since = self.poller.ready_since();
        let Some(watch) = self.socket(conn).and_then(|socket| socket.watch.take()) else { return };
        let Some(clock) = &mut self.arrivals else { return };
        let mut pieces: Vec<ReadPiece> = Vec::with_capacity(self.observed.pieces.len());
        let mut last = None;
        for &(bytes, stamp) in &self.observed.pieces {
            // Equal times stay equal: each mapping may measure the clocks anew.
            let arrived = match (last, pieces.last()) {
                (Some(before), Some(piece)) if before == stamp => piece.arrived,
                _ => clock.arrival(stamp, now),
            };
            pieces.push(ReadPiece { bytes, arrived });
            last = Some(stamp);
        }
        watch.errors(&pieces, self.observed.waiting, since, &mut self.errors);
    }

    /// Begins to observe the next read of a socket that was just read, where its turn has come.
    fn begin_watch(&mut self, conn: ConnId, arrived: RunTime, now: RunTime) {
        self.reads += 1;
        if self.reads < WATCH_EVERY {
            return;
        }
        self.reads = 0;
        let Some(socket) = self.socket(conn) else { return };
        let Some(segments) = mychat_os::received_segments(&socket.stream) else { return };
        // In this order, an empty socket has returned all segments of the count.
        let is_drained = !socket.readiness.can_read() && unread(&socket.stream) == 0;
        socket.watch = Some(SegmentWatch::begin(segments, is_drained, arrived, now));
    }

    /// Looks at the memory of a receive buffer that is about to be read late. After the read it would be too late: the kernel may
    /// have enlarged the buffer.
    pub(in crate::engine::net) fn before_read(&mut self, key: usize) {
        let now = self.read_at.max(self.poller.woke_at());
        let is_late = now.since(self.poller.ready_since()) > LATE;
        if is_late && now.since(self.memory_seen_at) > LOOK_EVERY {
            self.memory_seen_at = now;
            self.note_memory(key);
        }
    }

    /// Notes which part of a receive buffer is in use, unless its user reads slowly on purpose.
    fn note_memory(&mut self, key: usize) {
        let Some(Some(socket)) = self.sockets.get(key) else { return };
        if !socket.is_read_fast() {
            return;
        }
        let Some(memory) = mychat_os::receive_memory(&socket.stream) else { return };
        let part = f64::from(memory.used) / f64::from(memory.limit.max(1));
        self.figures.fullest_buffer = self.figures.fullest_buffer.max(part.min(1.0));
    }

    /// Sets a mark in the next socket that holds unread bytes and is read at full speed, and looks at the memory of its receive
    /// buffer. A probe that comes `late` looks at more sockets: they have waited as well. Compares the clocks.
    pub(in crate::engine::net) fn probe(&mut self, now: RunTime, late: Nanos) {
        /// Sockets passed over in one probe.
        const PASSED: usize = 64;
        /// Sockets of these that the system is asked about.
        const ASKED: usize = 4;
        let most = if late > LATE { PASSED } else { ASKED };
        let (mut asked, knows_arrivals) = (0, self.knows_arrivals());
        if let Some(clock) = &mut self.arrivals {
            clock.refresh(now);
        }
        for _ in 0..self.sockets.len().min(PASSED) {
            self.probed = (self.probed + 1) % self.sockets.len();
            let Some(socket) = &mut self.sockets[self.probed] else { continue };
            if socket.mark.is_some() || !socket.is_read_fast() {
                continue;
            }
            let unread = unread(&socket.stream);
            self.figures.unread = self.figures.unread.max(unread);
            // Where the kernel keeps arrival times, each read shows how long its bytes have waited.
            socket.mark = if knows_arrivals { None } else { UnreadMark::behind(unread, now) };
            asked += 1;
            if unread > 0 && knows_arrivals {
                self.note_memory(self.probed);
            }
            if asked == most || unread > 0 && late <= LATE {
                return;
            }
        }
    }

    /// Returns the ages of all marks that have not been reached.
    pub(in crate::engine::net) fn pending_lags(&self, now: RunTime) -> Vec<Nanos> {
        self.sockets.iter().flatten().filter_map(|socket| Some(socket.mark?.age(now))).collect()
    }
}
