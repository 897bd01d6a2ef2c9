//! One connection: its socket, its unfinished frame, its state, its name, what waits for it.
//!
//! A session is an entry in its worker's slab and has no task: the kernel knows its socket by the entry's index, and
//! what becomes ready is put on the worker's list. An idle user costs this struct and its name.

pub mod framing;
pub mod state;

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::time::Instant;

use mio::net::TcpStream;
use mychat_proto::Deframer;

use crate::limits::ConnectionPermit;
use crate::limits::rate::RateLimiter;
use crate::metrics::{Counter, EndReason, LocalCounts};
use crate::net::poller::{Poller, Readiness, ReadinessChange};
use crate::outbox::{Outbox, TurnLog};
use crate::router::NameRegistration;
use crate::session::framing::{FirstFrame, FramingState};
use crate::session::state::SessionState;

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadResult {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The peer will say nothing more.
    Fin,
    /// Nothing now; the session is woken when there is.
    Nothing,
    /// The connection is gone.
    Broken,
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushResult {
    /// Nothing is left.
    All,
    /// The socket takes no more now; the session is woken when it does.
    Blocked,
    /// Its peer is raw and has just been sent a frame; the next one has to wait for [`GAP`](crate::session::framing::GAP).
    Resting,
    /// The connection is gone.
    Broken,
}

/// What `--rate` has to know of a session.
#[derive(Debug)]
pub struct RateState {
    /// What it has said lately.
    pub meter: RateLimiter,
    /// What it said too early: read, but not heard yet. While there is something nothing more is read.
    pub held: Vec<u8>,
}

/// One connection; see the [module](self).
#[derive(Debug)]
pub struct Session {
    socket: TcpStream,
    readiness: Readiness,
    /// Its unfinished frame.
    pub deframer: Deframer,
    /// What waits for its socket.
    pub outbox: Outbox,
    /// Its name, once it has one.
    pub seat: Option<NameRegistration>,
    /// How fast it talks, where `--rate` holds.
    pub paced: Option<Box<RateState>>,
    /// Tells it from others that had or will have its place.
    pub generation: u32,
    /// How it ends its frames.
    pub manner: FramingState,
    /// Where it stands in the dialogue.
    pub state: SessionState,
    /// Why it is over, once it is.
    pub end: Option<EndReason>,
    /// Whether the peer has closed its side.
    pub heard_fin: bool,
    /// Whether this side is closed.
    pub is_shut: bool,
    /// Whether a deadline is set for it to take what waits for it.
    pub is_watched: bool,
    /// Bytes thrown away since this side was closed.
    pub discarded: u32,
    permit: ConnectionPermit,
}

impl Session {
    /// Takes over a socket that is watched.
    pub fn new(
        socket: TcpStream,
        permit: ConnectionPermit,
        generation: u32,
        manner: FramingState,
        paced: Option<Box<RateState>>,
    ) -> Self {
        let mut session = Self {
            socket,
            readiness: Readiness::NEW,
            deframer: Deframer::new(manner.framing()),
            outbox: Outbox::default(),
            seat: None,
            paced,
            generation,
            manner,
            state: SessionState::Anonymous,
            end: None,
            heard_fin: false,
            is_shut: false,
            is_watched: false,
            discarded: 0,
            permit,
        };
        if manner == FramingState::Raw {
            session.turn_raw();
        }
        session
    }

    /// It goes on on another worker: this one watches it no longer.
    ///
    /// # Errors
    /// The kernel does not know of it.
    pub fn pack_up(&mut self, watch: &Poller) -> io::Result<()> {
        watch.give_up(&mut self.socket)
    }

    /// It goes on in a place on this worker. What its socket is ready for is told anew.
    ///
    /// # Errors
    /// The kernel cannot watch its socket; the session is lost then.
    pub fn settle(&mut self, watch: &Poller, index: u32) -> io::Result<()> {
        self.readiness = Readiness::NEW;
        watch.add(&mut self.socket, index)
    }

    /// Its socket became ready for something. Returns whether there is something to do now.
    pub fn notice(&mut self, change: &ReadinessChange<'_>) -> bool {
        change.note(&mut self.readiness, self.outbox.is_blocked())
    }

    /// Whether it is in the middle of nothing, so that it can be moved to another worker.
    pub fn is_movable(&self) -> bool {
        let is_plain = self.state == SessionState::Connected && self.manner == FramingState::LineFeed;
        is_plain && self.outbox.is_quiet() && !self.is_held() && !self.heard_fin
    }

    /// Its peer ends frames in nothing. Returns the bytes of the frame that was taken for unfinished.
    pub fn turn_raw(&mut self) -> Vec<u8> {
        self.manner = FramingState::Raw;
        // Without it the gap alone keeps frames apart.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = socket2::SockRef::from(&self.socket).set_tcp_notsent_lowat(crate::session::framing::UNSENT);
        std::mem::replace(&mut self.deframer, Deframer::new(FramingState::Raw.framing())).into_unfinished()
    }

    /// Counts it for the cap per address, if it came in before there was one. A socket without a peer is about to go.
    pub fn count_address(&mut self) {
        if let Ok(peer) = self.socket.peer_addr() {
            self.permit.count(peer.ip());
        }
    }

    /// Whether it said more than it may, and has to wait.
    pub fn is_held(&self) -> bool {
        self.paced.as_ref().is_some_and(|paced| !paced.held.is_empty())
    }

    /// Its name, or nothing while it has none.
    pub fn name(&self) -> &str {
        self.seat.as_ref().map_or("", |seat| &seat.name)
    }

    /// Reads once.
    pub fn read(&mut self, scratch: &mut [u8]) -> ReadResult {
        while self.readiness.can_read() {
            let gave = self.socket.read(scratch);
            self.readiness.record_read(&gave, scratch.len());
            match gave {
                Ok(0) => return ReadResult::Fin,
                Ok(count) => return ReadResult::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return ReadResult::Broken,
            }
        }
        ReadResult::Nothing
    }

    /// Whether there may be more to read. If not, it is told when there is.
    pub const fn has_input(&self) -> bool {
        self.readiness.can_read()
    }

    /// Whether the socket may take more. If not, it is told when it does.
    pub const fn has_room(&self) -> bool {
        self.readiness.can_write()
    }

    /// Writes once what waits for it; to a raw peer, one frame of that.
    pub fn flush(&mut self, log: &TurnLog, list: &[u8], now: Instant, tally: &mut LocalCounts) -> FlushResult {
        if self.manner == FramingState::Raw {
            self.outbox.list_first(list, tally);
        }
        let parts = self.outbox.parts(log, list);
        if parts.is_empty() {
            // It was blocked for a list that is owed to it no more.
            self.outbox.unblock();
            return FlushResult::All;
        }
        let wire = &mut ReadySocket { socket: &mut self.socket, readiness: &mut self.readiness };
        let sent = match (self.manner, parts.single()) {
            (FramingState::WaitGap, _) => Ok(0),
            (FramingState::Raw, _) => match FirstFrame::of(&parts) {
                None => Ok(0),
                Some(FirstFrame { text, len }) => wire.write(text.len(), |socket| socket.write(text)).map(|sent| {
                    let is_whole = sent == text.len();
                    self.manner = if is_whole { FramingState::WaitGap } else { FramingState::Raw };
                    if is_whole {
                        // The ending is done with, and no socket took it.
                        tally.sub(Counter::BytesOut, (len - sent) as u64);
                    }
                    if is_whole { len } else { sent }
                }),
            },
            (_, Some(bytes)) => wire.write(bytes.len(), |socket| socket.write(bytes)),
            (_, None) => wire.write(parts.len(), |socket| socket.write_vectored(&parts.slices())),
        };
        let Ok(sent) = sent else { return FlushResult::Broken };
        match self.outbox.sent(sent, log, list, now, tally) {
            true => FlushResult::All,
            false if self.manner == FramingState::WaitGap => FlushResult::Resting,
            false => FlushResult::Blocked,
        }
    }

    /// It has more waiting than it may, and is closed at the end of the turn. Gives up what waits right now, or a turn
    /// that blocks a crowd would hold something for all of them.
    pub fn shed(&mut self) {
        self.readiness.stop_writing();
        self.outbox.shed();
    }

    /// Closes this side: the peer reads what is on its way, and then the end.
    pub fn shut(&mut self) {
        self.is_shut = true;
        // A shutdown of a socket never waits. An error means that the peer is gone, which the next read tells.
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// A socket and what it is ready for.
struct ReadySocket<'a> {
    socket: &'a mut TcpStream,
    readiness: &'a mut Readiness,
}

impl ReadySocket<'_> {
    /// One write of so many bytes. Returns how many the socket took, 0 where it is full.
    fn write(
        &mut self,
        offered: usize,
        mut write: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while self.readiness.can_write() {
            let gave = write(self.socket);
            self.readiness.record_write(&gave, offered);
            match gave {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
        Ok(0)
    }
}
