//! The sockets of one worker, behind [`Wire`]: a table of them, and what each is ready for. [`super::turn`] acts on it.

mod observe;

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Token};
use mychat_os::Readiness;
use socket2::SockRef;

use super::connect::start_connect;
use super::event_poller::{EventPoller, WakeReason};
use super::joined_segments::SegmentWatch;
use super::receive_lag::UnreadMark;
use crate::engine::arrival_clock::ArrivalClock;
use crate::engine::clock::RealClock;
use crate::engine::wire::{CloseMode, ConnId, ReadMode, ReceiveBuffer, Wire};
use crate::plan::{Nanos, RunTime};
use crate::record::receive_figures::{ArrivalSource, ReceiveFigures};

/// Bytes read at once. Handling them takes about 100 µs, and due timers run between two reads.
const READ: usize = 16 * 1024;

/// The sockets of one worker.
pub(super) struct TcpWire {
    address: SocketAddr,
    /// Local addresses to connect from, in rotation; empty leaves the choice to the system.
    sources: Arc<[IpAddr]>,
    pub(super) poller: EventPoller,
    sockets: Vec<Option<Socket>>,
    /// Key of the socket that was probed last.
    probed: usize,
    /// Maps the kernel's arrival times; `None` where reads count.
    arrivals: Option<ArrivalClock<RealClock>>,
    figures: ReceiveFigures,
    /// Late reads since the memory of a receive buffer was looked at.
    late_reads: u32,
    /// Reads since an observation of segments began.
    reads: u32,
    /// Connections that could not even be started, with the reason.
    pub(super) failed_opens: Vec<(ConnId, Error)>,
    /// Keys of sockets that are ready for something no event will report.
    ready: Vec<usize>,
    pub(super) buffer: Vec<u8>,
}

/// Bytes that one read returned.
#[derive(Debug, Clone, Copy)]
pub(super) struct BytesRead {
    pub(super) count: usize,
    /// The time at which the kernel took in the last of them, since the Unix epoch.
    stamp: Option<Duration>,
}

/// Times of the bytes of one read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadTimes {
    /// Arrival of the last byte.
    pub(super) arrived: RunTime,
    /// Time for which something is known to have waited in the socket. Bytes that a user leaves unread on purpose do not count
    /// as waiting.
    pub(super) lag: Option<Nanos>,
    /// Upper limit of the time by which other bytes arrived earlier, if this read was observed.
    pub(super) error: Option<Nanos>,
}

/// One socket.
pub(super) struct Socket {
    generation: u32,
    stream: TcpStream,
    is_connected: bool,
    readiness: Readiness,
    /// True if `ready` holds its key.
    is_marked_ready: bool,
    wants_to_write: bool,
    read_mode: ReadMode,
    mark: Option<UnreadMark>,
    watch: Option<SegmentWatch>,
}

impl TcpWire {
    pub(super) fn new(
        address: SocketAddr,
        sources: Arc<[IpAddr]>,
        poller: EventPoller,
        arrivals: Option<ArrivalClock<RealClock>>,
    ) -> Self {
        Self {
            address,
            sources,
            poller,
            sockets: Vec::new(),
            probed: 0,
            arrivals,
            figures: ReceiveFigures::default(),
            late_reads: 0,
            reads: 0,
            failed_opens: Vec::new(),
            ready: Vec::new(),
            buffer: vec![0; READ],
        }
    }

    /// Returns true if the kernel says when data arrived.
    pub(super) fn knows_arrivals(&self) -> bool {
        self.arrivals.is_some()
    }

    /// Returns the figures of all sockets so far.
    pub(super) fn figures(&self) -> ReceiveFigures {
        let source = if self.knows_arrivals() { ArrivalSource::Kernel } else { ArrivalSource::Read };
        let clock_steps = self.arrivals.as_ref().map_or(0, ArrivalClock::steps);
        ReceiveFigures { source, clock_steps, ..self.figures }
    }

    /// Waits until a socket, a timer or another thread needs the worker.
    pub(super) fn wait(&mut self, events: &mut Events) -> Result<()> {
        let has_leftovers = !self.ready.is_empty() || !self.failed_opens.is_empty();
        self.poller.wait(events, has_leftovers)
    }

    /// Records an event in the readiness of its socket, and returns what it is about.
    pub(super) fn record_event(&mut self, event: &Event) -> WakeReason {
        let kind = self.poller.classify(event);
        if let WakeReason::Socket(key) = kind
            && let Some(Some(socket)) = self.sockets.get_mut(key)
        {
            socket.readiness.record_event(event);
        }
        kind
    }

    /// Removes and returns the keys that were marked as ready.
    pub(super) fn take_ready(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ready)
    }

    /// Marks a socket as ready: it has another turn without an event.
    pub(super) fn mark_ready(&mut self, key: usize) {
        if let Some(Some(socket)) = self.sockets.get_mut(key)
            && !socket.is_marked_ready
        {
            socket.is_marked_ready = true;
            self.ready.push(key);
        }
    }

    /// Notes that a marked socket has its turn now.
    pub(super) fn clear_ready(&mut self, key: usize) {
        if let Some(Some(socket)) = self.sockets.get_mut(key) {
            socket.is_marked_ready = false;
        }
    }

    /// Returns the socket of this key at present.
    pub(super) fn socket_at(&self, key: usize) -> Option<(ConnId, &Socket)> {
        let socket = self.sockets.get(key)?.as_ref()?;
        Some((ConnId { key, generation: socket.generation }, socket))
    }

    /// Asks the system whether a connection is complete by now.
    ///
    /// # Errors
    ///
    /// The reason why it could not be made.
    pub(super) fn poll_connected(&mut self, conn: ConnId) -> Result<bool> {
        let Some(socket) = self.socket(conn) else { return Ok(false) };
        if let Some(error) = socket.stream.take_error()? {
            return Err(error);
        }
        match socket.stream.peer_addr() {
            Ok(_) => socket.is_connected = true,
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            Err(error) => return Err(error),
        }
        Ok(socket.is_connected)
    }

    /// Reads what has arrived into `buffer`. Returns `None` if nothing has, or the socket is not to be read.
    pub(super) fn read_into(&mut self, conn: ConnId, buffer: &mut [u8]) -> Option<Result<BytesRead>> {
        let knows_arrivals = self.knows_arrivals();
        let socket = self.socket(conn)?;
        let ReadMode::Chunks(most) = socket.read_mode else { return None };
        let space = most.min(buffer.len());
        loop {
            let result = if knows_arrivals {
                mychat_os::receive(&socket.stream, &mut buffer[..space])
            } else {
                socket.stream.read(&mut buffer[..space]).map(|count| (count, None))
            };
            let (result, stamp) = match result {
                Ok((count, stamp)) => (Ok(count), stamp),
                Err(error) => (Err(error), None),
            };
            socket.readiness.record_read(&result, space);
            match result {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                result => return Some(result.map(|count| BytesRead { count, stamp })),
            }
        }
    }

    /// Returns true if a socket that was full takes bytes again; once for each time it was full.
    pub(super) fn take_writable(&mut self, conn: ConnId) -> bool {
        self.socket(conn).is_some_and(|socket| {
            let is_writable = socket.wants_to_write && socket.readiness.can_write();
            socket.wants_to_write &= !is_writable;
            is_writable
        })
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<TcpStream> {
        self.socket(conn)?;
        Some(self.sockets[conn.key].take()?.stream)
    }

    fn socket(&mut self, conn: ConnId) -> Option<&mut Socket> {
        self.sockets.get_mut(conn.key)?.as_mut().filter(|socket| socket.generation == conn.generation)
    }

    fn try_open(&mut self, conn: ConnId, buffer: ReceiveBuffer) -> Result<()> {
        let source = self.sources.get(conn.generation as usize % self.sources.len().max(1)).copied();
        let mut stream = start_connect(self.address, source, buffer)?;
        if self.arrivals.is_some() && mychat_os::keep_arrival_times(&stream).is_err() {
            // What one socket cannot do, none can: the run has one clock of arrivals.
            self.arrivals = None;
        }
        self.poller.registry().register(&mut stream, Token(conn.key), Interest::READABLE | Interest::WRITABLE)?;
        if self.sockets.len() <= conn.key {
            self.sockets.resize_with(conn.key + 1, || None);
        }
        self.sockets[conn.key] = Some(Socket {
            generation: conn.generation,
            stream,
            is_connected: false,
            readiness: Readiness::NEW,
            is_marked_ready: false,
            wants_to_write: false,
            read_mode: ReadMode::Chunks(READ),
            mark: None,
            watch: None,
        });
        Ok(())
    }
}

impl Socket {
    pub(super) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Returns true if a read is wanted and worth its system call.
    pub(super) fn is_readable(&self) -> bool {
        self.readiness.can_read() && matches!(self.read_mode, ReadMode::Chunks(_))
    }

    /// Returns true if unread bytes wait for the generator, and not because their user reads slowly.
    fn is_read_fast(&self) -> bool {
        matches!(self.read_mode, ReadMode::Chunks(most) if most >= READ)
    }
}

impl Wire for TcpWire {
    fn open(&mut self, conn: ConnId, buffer: ReceiveBuffer) {
        if let Err(error) = self.try_open(conn, buffer) {
            self.failed_opens.push((conn, error));
        }
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        let Some(socket) = self.socket(conn) else { return bytes.len() };
        let mut written = 0;
        while written < bytes.len() {
            let result = socket.stream.write(&bytes[written..]);
            socket.readiness.record_write(&result, bytes.len() - written);
            match result {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.wants_to_write = true;
                    return written;
                }
                // The next read fails as well, and reports it.
                Err(_) => return bytes.len(),
            }
        }
        written
    }

    fn close(&mut self, conn: ConnId, mode: CloseMode) {
        match mode {
            CloseMode::HalfClose => {
                if let Some(socket) = self.socket(conn) {
                    // Fails on a broken connection, which the next read reports.
                    let _ = socket.stream.shutdown(std::net::Shutdown::Write);
                }
            }
            CloseMode::Close => drop(self.remove(conn)),
            CloseMode::Reset => {
                if let Some(stream) = self.remove(conn) {
                    // A linger of zero turns the close into a reset. If it fails, the close is an orderly one.
                    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                }
            }
        }
    }

    fn set_read_mode(&mut self, conn: ConnId, mode: ReadMode) {
        let Some(socket) = self.socket(conn) else { return };
        socket.read_mode = mode;
        if !socket.is_read_fast() {
            (socket.mark, socket.watch) = (None, None);
        }
        if socket.is_readable() {
            self.mark_ready(conn.key);
        }
    }

    fn wake_at(&mut self, at: RunTime) {
        self.poller.wake_at(at);
    }
}
