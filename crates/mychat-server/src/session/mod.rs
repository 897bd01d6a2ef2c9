//! One connection: its socket, its unfinished frame, its state, its name, and its output.
//!
//! A session is an entry in its worker's slab, not a task: the kernel reports events with the entry's index, and the
//! worker keeps a list of the sessions that are ready. An idle session costs this struct and its name.

pub(crate) mod framing;
pub(crate) mod state;

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Instant;

use mio::net::TcpStream;
use mychat_os::Readiness;
use mychat_proto::Deframer;

use crate::limits::{ConnectionPermit, RateLimiter};
use crate::metrics::{Counter, EndReason, LocalCounts};
use crate::net::poller::{Poller, ReadinessChange};
use crate::outbox::{Outbox, TurnLog};
use crate::router::NameRegistration;
use framing::{FirstFrame, FramingState};
use state::SessionState;

/// The result of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadResult {
    /// The number of bytes read, at least one.
    Bytes(usize),
    /// The peer has closed its side.
    EndOfStream,
    /// Nothing to read. The poller reports the session when there is.
    WouldBlock,
    /// The connection is gone.
    Broken,
}

/// The result of one flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlushResult {
    /// Nothing is left to write.
    Complete,
    /// The socket is full. The poller reports the session when it takes more.
    Blocked,
    /// The peer is raw and was just sent a frame; the next has to wait for [`FRAME_GAP`](framing::FRAME_GAP).
    WaitGap,
    /// The connection is gone.
    Broken,
}

/// The state that `--rate` needs per session.
#[derive(Debug)]
pub(crate) struct RateState {
    pub(crate) limiter: RateLimiter,
    /// The address of the peer. A socket that the peer has reset no longer knows it.
    pub(crate) address: IpAddr,
    /// Input that arrived too early: read, but not processed yet. While there is some, nothing more is read.
    pub(crate) delayed_input: Vec<u8>,
}

/// The extensions that are in force for a session (rule N2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SessionExtensions {
    pub(crate) rooms: bool,
}

/// One connection; see the [module](self).
#[derive(Debug)]
pub(crate) struct Session {
    socket: TcpStream,
    readiness: Readiness,
    pub(crate) deframer: Deframer,
    pub(crate) outbox: Outbox,
    /// The name, once the session has one.
    pub(crate) registration: Option<NameRegistration>,
    /// `None` without `--rate`.
    pub(crate) rate: Option<Box<RateState>>,
    /// Tells the session from others with the same slab index.
    pub(crate) generation: u32,
    pub(crate) framing: FramingState,
    pub(crate) state: SessionState,
    /// The reason for the end, once the session is closing.
    pub(crate) end: Option<EndReason>,
    pub(crate) extensions: SessionExtensions,
    /// The peer has closed its side.
    pub(crate) is_peer_closed: bool,
    /// This side is closed.
    pub(crate) is_write_closed: bool,
    /// A deadline is set for the socket to take waiting output.
    pub(crate) has_send_deadline: bool,
    /// Bytes discarded since this side was closed.
    pub(crate) discarded_bytes: u32,
    permit: ConnectionPermit,
}

// A server of 10,000 idle users should fit into a few megabytes: a field that costs all sessions memory needs a reason.
// Sockets are larger in debug builds.
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(debug_assertions)))]
const _: () = assert!(size_of::<Session>() <= 136);

impl Session {
    /// Creates a session for a socket that is registered with its worker's poller.
    pub(crate) fn new(
        socket: TcpStream,
        permit: ConnectionPermit,
        generation: u32,
        framing: FramingState,
        rate: Option<Box<RateState>>,
    ) -> Self {
        let mut session = Self {
            socket,
            readiness: Readiness::NEW,
            deframer: Deframer::new(framing.framing()),
            outbox: Outbox::default(),
            registration: None,
            rate,
            generation,
            framing,
            state: SessionState::Anonymous,
            end: None,
            extensions: SessionExtensions::default(),
            is_peer_closed: false,
            is_write_closed: false,
            has_send_deadline: false,
            discarded_bytes: 0,
            permit,
        };
        if framing == FramingState::Raw {
            session.switch_to_raw();
        }
        session
    }

    /// Returns the address of the peer; `None` if the peer has reset the connection.
    pub(crate) fn peer_address(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()
    }

    /// Removes the socket from the poller of the session's worker, before the session moves to another one.
    ///
    /// # Errors
    /// The kernel does not know the socket.
    pub(crate) fn deregister(&mut self, poller: &Poller) -> io::Result<()> {
        poller.remove(&mut self.socket)
    }

    /// Registers the socket with the poller of a new worker, which reports its readiness again.
    ///
    /// # Errors
    /// The kernel cannot watch the socket; the session is lost.
    pub(crate) fn reregister(&mut self, poller: &Poller, index: u32) -> io::Result<()> {
        self.readiness = Readiness::NEW;
        poller.add(&mut self.socket, index)
    }

    /// Records a change of the socket's readiness. Returns true if the session has to be served.
    pub(crate) fn apply_change(&mut self, change: &ReadinessChange<'_>) -> bool {
        change.apply(&mut self.readiness, self.outbox.is_blocked())
    }

    /// Returns true if the session is logged in and has nothing pending, so that it can move to another worker.
    pub(crate) fn is_movable(&self) -> bool {
        let is_plain = self.state == SessionState::Connected && self.framing == FramingState::LineFeed;
        is_plain && self.outbox.is_idle() && !self.has_delayed_input() && !self.is_peer_closed
    }

    /// Switches to raw framing. Returns the bytes of the frame that seemed unfinished until now.
    pub(crate) fn switch_to_raw(&mut self) -> Vec<u8> {
        self.framing = FramingState::Raw;
        // If this fails, the gap alone separates frames.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = socket2::SockRef::from(&self.socket).set_tcp_notsent_lowat(framing::UNSENT_LOW_WATER);
        std::mem::replace(&mut self.deframer, Deframer::new(FramingState::Raw.framing())).into_unfinished()
    }

    /// Counts the connection for a limit per address that was set after it was accepted. A socket without a peer address
    /// is about to fail and is left out.
    pub(crate) fn count_address(&mut self) {
        if let Ok(peer) = self.socket.peer_addr() {
            self.permit.count(peer.ip());
        }
    }

    /// Returns true if input waits because of `--rate`.
    pub(crate) fn has_delayed_input(&self) -> bool {
        self.rate.as_ref().is_some_and(|rate| !rate.delayed_input.is_empty())
    }

    /// Reads once into `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> ReadResult {
        while self.readiness.can_read() {
            let result = self.socket.read(buffer);
            self.readiness.record_read(&result, buffer.len());
            match result {
                Ok(0) => return ReadResult::EndOfStream,
                Ok(count) => return ReadResult::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return ReadResult::Broken,
            }
        }
        ReadResult::WouldBlock
    }

    /// Returns true if another read may give bytes. Otherwise the poller reports the session when there are some.
    pub(crate) const fn can_read(&self) -> bool {
        self.readiness.can_read()
    }

    /// Returns true if the socket may take bytes. Otherwise the poller reports the session when it does.
    pub(crate) const fn can_write(&self) -> bool {
        self.readiness.can_write()
    }

    /// Writes waiting output once; to a raw peer, one frame of it.
    pub(crate) fn flush(
        &mut self,
        log: &TurnLog,
        roster: &[u8],
        now: Instant,
        counts: &mut LocalCounts,
    ) -> FlushResult {
        if self.framing == FramingState::Raw {
            self.outbox.insert_roster_before_queue(roster, counts);
        }
        let parts = self.outbox.parts(log, roster);
        if parts.is_empty() {
            // The session was blocked for a roster that is no longer due.
            self.outbox.unblock();
            return FlushResult::Complete;
        }
        let socket = &mut ReadySocket { socket: &mut self.socket, readiness: &mut self.readiness };
        let sent = match (self.framing, parts.single()) {
            (FramingState::WaitGap, _) => Ok(0),
            (FramingState::Raw, _) => match FirstFrame::of(&parts) {
                None => Ok(0),
                Some(FirstFrame { text, len }) => socket.write(text.len(), |socket| socket.write(text)).map(|sent| {
                    if sent < text.len() {
                        return sent;
                    }
                    self.framing = FramingState::WaitGap;
                    // The outbox counts the frame's ending as sent, but no socket took it.
                    counts.sub(Counter::BytesOut, (len - sent) as u64);
                    len
                }),
            },
            (_, Some(bytes)) => socket.write(bytes.len(), |socket| socket.write(bytes)),
            (_, None) => socket.write(parts.len(), |socket| socket.write_vectored(&parts.slices())),
        };
        let Ok(sent) = sent else { return FlushResult::Broken };
        match self.outbox.record_sent(sent, log, roster, now, counts) {
            true => FlushResult::Complete,
            false if self.framing == FramingState::WaitGap => FlushResult::WaitGap,
            false => FlushResult::Blocked,
        }
    }

    /// Frees the queue of a session that is over its limit and will be closed at the end of the turn. Otherwise a turn
    /// that blocks many sessions would keep all their queues until then.
    pub(crate) fn discard_queue(&mut self) {
        self.readiness.stop_writing();
        self.outbox.discard_queue();
    }

    /// Closes this side: the peer reads what is on its way, and then the end of the stream.
    pub(crate) fn close_write(&mut self) {
        self.is_write_closed = true;
        // The shutdown of a socket never waits. An error means that the peer is gone, which the next read reports.
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// A socket with its readiness.
struct ReadySocket<'a> {
    socket: &'a mut TcpStream,
    readiness: &'a mut Readiness,
}

impl ReadySocket<'_> {
    /// Writes `offered` bytes with one call of `write`. Returns the number of bytes that the socket took, 0 if it is
    /// full.
    fn write(
        &mut self,
        offered: usize,
        mut write: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while self.readiness.can_write() {
            let result = write(self.socket);
            self.readiness.record_write(&result, offered);
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
        Ok(0)
    }
}
