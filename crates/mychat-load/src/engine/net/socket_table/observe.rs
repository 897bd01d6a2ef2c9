//! Observes the reads of a worker's sockets: when their bytes arrived, for how long they waited, and how full the receive
//! buffers were.

use super::{BytesRead, READ, ReadTimes, TcpWire};
use crate::engine::net::joined_segments::SegmentWatch;
use crate::engine::net::receive_lag::{UnreadMark, unread};
use crate::engine::wire::ConnId;
use crate::plan::{Nanos, RunTime};

/// A read is late if its bytes have waited for longer.
const LATE: Nanos = 1_000_000;
/// One of this many late reads looks at the memory of its receive buffer. A read that fills its buffer always does, because
/// more may be waiting.
const LOOK_EVERY: u32 = 16;
/// One of this many reads begins an observation of its socket's next read.
const WATCH_EVERY: u32 = 8;

impl TcpWire {
    /// Returns the times of bytes that were read at `now`.
    pub(in crate::engine::net) fn read_times(&mut self, conn: ConnId, bytes: BytesRead, now: RunTime) -> ReadTimes {
        let (Some(clock), Some(stamp)) = (&mut self.arrivals, bytes.stamp) else {
            // Without a stamp the last byte before the mark has waited since the mark was set.
            let lag = self.socket(conn).and_then(|socket| UnreadMark::pass(&mut socket.mark, bytes.count, now));
            return ReadTimes { arrived: now, lag, error: None };
        };
        let arrived = clock.arrival(stamp, now);
        self.poller.note_arrival(arrived);
        if !self.socket(conn).is_some_and(|socket| socket.is_read_fast()) {
            return ReadTimes { arrived, lag: None, error: None };
        }
        let lag = now.since(arrived);
        if lag > LATE {
            self.note_late_read(conn, bytes.count);
        }
        ReadTimes { arrived, lag: Some(lag), error: self.arrival_error(conn, arrived, now) }
    }

    /// Ends the observation of a read, and begins that of the next one where its turn has come.
    fn arrival_error(&mut self, conn: ConnId, arrived: RunTime, now: RunTime) -> Option<Nanos> {
        self.reads += 1;
        let (begins, since) = (self.reads >= WATCH_EVERY, self.poller.ready_since());
        let socket = self.socket(conn)?;
        let watch = socket.watch.take();
        if watch.is_none() && !begins {
            return None;
        }
        let segments = mychat_os::received_segments(&socket.stream)?;
        if begins {
            let is_drained = !socket.readiness.can_read();
            socket.watch = Some(SegmentWatch::begin(segments, is_drained, arrived, now));
            self.reads = 0;
        }
        watch.map(|watch| watch.error(segments, arrived, since))
    }

    /// Looks at the memory of the receive buffer from which `count` bytes were just read late.
    fn note_late_read(&mut self, conn: ConnId, count: usize) {
        self.late_reads += 1;
        if self.late_reads % LOOK_EVERY != 1 && count < READ {
            return;
        }
        self.note_memory(conn.key, count);
    }

    /// Notes which part of a receive buffer is in use, with `count` bytes that have just been read from it.
    fn note_memory(&mut self, key: usize, count: usize) {
        let Some(Some(socket)) = self.sockets.get(key) else { return };
        let Some(memory) = mychat_os::receive_memory(&socket.stream) else { return };
        let used = f64::from(memory.used) + count as f64;
        let part = used / f64::from(memory.limit.max(1));
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
                // Before the read: the kernel may enlarge the buffer during it.
                self.note_memory(self.probed, 0);
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
