//! One connection: its socket, its unfinished frame, its state, its name, what waits for it.
//!
//! A session is an entry in its worker's slab and has no task: its waker carries the entry's index, and what becomes
//! ready is put into the worker's [`Wakes`]. An idle user costs this struct, a small waker and the runtime's
//! registration of the socket.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use mychat_proto::Deframer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::Permit;
use crate::metrics::{Count, End, Tally};
use crate::outbox::{Log, Outbox};
use crate::pace::Meter;
use crate::raw::{First, Manner};
use crate::router::Seat;
use crate::state::State;

/// Which sessions of a worker have something to do.
#[derive(Debug, Default)]
pub struct Wakes {
    ready: Mutex<Vec<u32>>,
    worker: OnceLock<Waker>,
}

impl Wakes {
    /// Tells whom to wake; the worker does so in its first turn.
    pub fn attach(&self, worker: &Waker) {
        self.worker.get_or_init(|| worker.clone());
    }

    /// Makes the worker take a turn.
    pub fn wake_worker(&self) {
        if let Some(worker) = self.worker.get() {
            worker.wake_by_ref();
        }
    }

    /// Puts a session's index on the list.
    pub fn push(&self, index: u32) {
        let first = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.push(index);
            ready.len() == 1
        };
        if first {
            self.wake_worker();
        }
    }

    /// Gives back the memory of a crowd that has left.
    pub fn tidy(&self) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).shrink_to_fit();
    }

    /// Swaps the list for an empty one.
    pub fn take(&self, into: &mut Vec<u32>) {
        into.clear();
        std::mem::swap(&mut *self.ready.lock().unwrap_or_else(PoisonError::into_inner), into);
    }
}

/// The waker of one place in the slab. A successor in the same place may be woken once for its predecessor, which
/// costs it a look at its socket.
struct Place {
    index: u32,
    wakes: Arc<Wakes>,
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wakes.push(self.index);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.push(self.index);
    }
}

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
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
pub enum Flushed {
    /// Nothing is left.
    All,
    /// The socket takes no more now; the session is woken when it does.
    Blocked,
    /// Its peer is raw and has just been sent a frame; the next one has to wait for [`GAP`](crate::raw::GAP).
    Resting,
    /// The connection is gone.
    Broken,
}

/// What `--rate` has to know of a session.
#[derive(Debug)]
pub struct Paced {
    /// What it has said lately.
    pub meter: Meter,
    /// What it said too early: read, but not heard yet. While there is something nothing more is read.
    pub held: Vec<u8>,
}

/// One connection; see the [module](self).
#[derive(Debug)]
pub struct Session {
    socket: TcpStream,
    waker: Waker,
    /// Its unfinished frame.
    pub deframer: Deframer,
    /// What waits for its socket.
    pub outbox: Outbox,
    /// Its name, once it has one.
    pub seat: Option<Seat>,
    /// How fast it talks, where `--rate` holds.
    pub paced: Option<Box<Paced>>,
    /// Tells it from others that had or will have its place.
    pub generation: u32,
    /// How it ends its frames.
    pub manner: Manner,
    /// Where it stands in the dialogue.
    pub state: State,
    /// Why it is over, once it is.
    pub end: Option<End>,
    /// Whether the peer has closed its side.
    pub heard_fin: bool,
    /// Whether this side is closed.
    pub is_shut: bool,
    /// Whether a deadline is set for it to take what waits for it.
    pub is_watched: bool,
    /// Bytes thrown away since this side was closed.
    pub discarded: u32,
    permit: Permit,
}

impl Session {
    /// Takes over a socket for the given place.
    pub fn new(
        socket: TcpStream,
        permit: Permit,
        wakes: &Arc<Wakes>,
        index: u32,
        generation: u32,
        manner: Manner,
        paced: Option<Box<Paced>>,
    ) -> Self {
        let mut session = Self {
            socket,
            waker: Waker::from(Arc::new(Place { index, wakes: Arc::clone(wakes) })),
            deframer: Deframer::new(manner.framing()),
            outbox: Outbox::default(),
            seat: None,
            paced,
            generation,
            manner,
            state: State::Anonymous,
            end: None,
            heard_fin: false,
            is_shut: false,
            is_watched: false,
            discarded: 0,
            permit,
        };
        if manner == Manner::Raw {
            session.turn_raw();
        }
        session
    }

    /// Moves it to a place on another worker, which calls this.
    ///
    /// # Errors
    /// The worker's runtime cannot watch its socket; the session is gone then.
    pub fn settle(self, wakes: &Arc<Wakes>, index: u32) -> io::Result<Self> {
        let socket = TcpStream::from_std(self.socket.into_std()?)?;
        Ok(Self { socket, waker: Waker::from(Arc::new(Place { index, wakes: Arc::clone(wakes) })), ..self })
    }

    /// Whether it is in the middle of nothing, so that it can be moved to another worker.
    pub fn is_movable(&self) -> bool {
        let is_plain = self.state == State::Connected && self.manner == Manner::Terminated;
        is_plain && self.outbox.is_quiet() && !self.is_held() && !self.heard_fin
    }

    /// Its peer ends frames in nothing. Returns the bytes of the frame that was taken for unfinished.
    pub fn turn_raw(&mut self) -> Vec<u8> {
        self.manner = Manner::Raw;
        // Without it the gap alone keeps frames apart.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = socket2::SockRef::from(&self.socket).set_tcp_notsent_lowat(crate::raw::UNSENT);
        std::mem::replace(&mut self.deframer, Deframer::new(Manner::Raw.framing())).into_unfinished()
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
    pub fn read(&mut self, scratch: &mut [u8]) -> Input {
        let mut buffer = ReadBuf::new(scratch);
        let mut context = Context::from_waker(&self.waker);
        match Pin::new(&mut self.socket).poll_read(&mut context, &mut buffer) {
            Poll::Pending => Input::Nothing,
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Input::Fin,
            Poll::Ready(Ok(())) => Input::Bytes(buffer.filled().len()),
            Poll::Ready(Err(_)) => Input::Broken,
        }
    }

    /// Asks to be woken for input. Returns whether there is some already.
    pub fn await_input(&self) -> bool {
        self.socket.poll_read_ready(&mut Context::from_waker(&self.waker)).is_ready()
    }

    /// Asks to be woken when the socket takes more. Returns whether it does already.
    pub fn await_room(&self) -> bool {
        self.socket.poll_write_ready(&mut Context::from_waker(&self.waker)).is_ready()
    }

    /// Writes once what waits for it; to a raw peer, one frame of that.
    pub fn flush(&mut self, log: &Log, list: &[u8], now: Instant, tally: &mut Tally) -> Flushed {
        if self.manner == Manner::Raw {
            self.outbox.list_first(list, tally);
        }
        let parts = self.outbox.parts(log, list);
        if parts.is_empty() {
            // It was blocked for a list that is owed to it no more.
            self.outbox.unblock();
            return Flushed::All;
        }
        let sent = match (self.manner, parts.single()) {
            (Manner::Resting, _) => Ok(0),
            (Manner::Raw, _) => match First::of(&parts) {
                None => Ok(0),
                Some(First { text, len }) => attempt(|| self.socket.try_write(text)).map(|sent| {
                    let is_whole = sent == text.len();
                    self.manner = if is_whole { Manner::Resting } else { Manner::Raw };
                    if is_whole {
                        // The ending is done with, and no socket took it.
                        tally.sub(Count::BytesOut, (len - sent) as u64);
                    }
                    if is_whole { len } else { sent }
                }),
            },
            (_, Some(bytes)) => attempt(|| self.socket.try_write(bytes)),
            (_, None) => attempt(|| self.socket.try_write_vectored(&parts.slices())),
        };
        let Ok(sent) = sent else { return Flushed::Broken };
        match self.outbox.sent(sent, log, list, now, tally) {
            true => Flushed::All,
            false if self.manner == Manner::Resting => Flushed::Resting,
            false => Flushed::Blocked,
        }
    }

    /// Closes this side: the peer reads what is on its way, and then the end.
    pub fn shut(&mut self) {
        self.is_shut = true;
        // A shutdown of a socket never waits. An error means that the peer is gone, which the next read tells.
        let _ = Pin::new(&mut self.socket).poll_shutdown(&mut Context::from_waker(&self.waker));
    }
}

/// One write. Returns how many bytes the socket took, 0 where it is full.
fn attempt(mut write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match write() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
