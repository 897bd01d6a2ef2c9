//! Listeners → sockets, within what the machine and the limits allow.
//!
//! The first worker accepts, in its own turns: its sockets are registered once and change no thread. What goes to
//! another worker does both.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mychat_proto::{Framing, Reply};
use tracing::warn;

use crate::error_reply::ErrorReply;
use crate::limits::{AdmissionDecision, ConnectionLimiter};
use crate::log::WarningThrottle;
use crate::log::throttle::Repeated;
use crate::metrics::{Counter, Metrics};
use crate::net::poller::Poller;

/// First and longest pause after the machine had no descriptor or memory for a connection.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Connections turned away with the spare descriptor before each pause.
const TURNED_AWAY: usize = 64;

/// What listens, and who is let in.
#[derive(Debug)]
pub struct Acceptor {
    /// Each of them, and whether somebody may wait there.
    listeners: Vec<(TcpListener, bool)>,
    gate: Arc<ConnectionLimiter>,
    metrics: Arc<Metrics>,
    throttle: Arc<WarningThrottle>,
    /// How those that are turned away are told.
    framing: Framing,
    /// Given up for a moment where descriptors have run out: to take a connection, say so, and close it.
    spare: Option<File>,
    pause: Duration,
    resume_at: Option<Instant>,
}

/// A connection and what the gate said to it.
#[derive(Debug)]
pub struct IncomingConnection {
    /// The connection, not watched yet.
    pub socket: TcpStream,
    /// What the gate said.
    pub entry: AdmissionDecision,
}

impl Acceptor {
    /// Has the listeners watched.
    pub fn new(
        listeners: Vec<StdListener>,
        watch: &Poller,
        gate: Arc<ConnectionLimiter>,
        metrics: Arc<Metrics>,
        throttle: Arc<WarningThrottle>,
        framing: Framing,
    ) -> io::Result<Self> {
        let listeners = listeners.into_iter().enumerate().map(|(which, listener)| {
            let mut listener = TcpListener::from_std(listener);
            watch.add_listener(&mut listener, which)?;
            Ok((listener, true))
        });
        let listeners = listeners.collect::<io::Result<_>>()?;
        Ok(Self { listeners, gate, metrics, throttle, framing, spare: spare(), pause: BACK_OFF.0, resume_at: None })
    }

    /// When accepting goes on, while it pauses.
    pub const fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }

    /// How many there are.
    pub const fn listeners(&self) -> usize {
        self.listeners.len()
    }

    /// Somebody waits at that one.
    pub fn notice(&mut self, which: usize) {
        self.listeners[which].1 = true;
    }

    /// The next connection, unless there is none now or accepting pauses.
    pub fn next(&mut self, now: Instant) -> Option<IncomingConnection> {
        if self.resume_at.is_some_and(|at| at > now) {
            return None;
        }
        self.resume_at = None;
        for which in 0..self.listeners.len() {
            while self.listeners[which].1 {
                match self.listeners[which].0.accept() {
                    Ok((socket, peer)) => {
                        if let Some(arrival) = self.judge(socket, peer) {
                            return Some(arrival);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.listeners[which].1 = false,
                    Err(error) if is_passing(&error) => {}
                    Err(error) => {
                        self.back_off(which, &error, now);
                        return None;
                    }
                }
            }
        }
        None
    }

    fn judge(&mut self, socket: TcpStream, peer: SocketAddr) -> Option<IncomingConnection> {
        self.pause = BACK_OFF.0;
        if self.spare.is_none() {
            self.spare = spare();
        }
        self.metrics.count(Counter::Accepted);
        let entry = self.gate.enter(peer.ip());
        match entry {
            AdmissionDecision::Admit(_) => {}
            AdmissionDecision::ServerFull(_) => self.refused("no room", peer.ip()),
            AdmissionDecision::AddressFull(_) => self.refused("too many from its address", peer.ip()),
            AdmissionDecision::Drop => {
                self.metrics.count(Counter::Overrun);
                self.refused("no room", peer.ip());
                return None;
            }
        }
        // A socket that cannot be set up is one whose peer is gone already.
        socket.set_nodelay(true).ok()?;
        Some(IncomingConnection { socket, entry })
    }

    fn refused(&self, reason: &str, peer: IpAddr) {
        self.throttle.warn(Repeated::Refused, |more_like_it| {
            warn!(reason, %peer, more_like_it, "connection refused");
        });
    }

    /// The machine has no descriptor or memory left: tells those who wait, one by one, with the spare descriptor, and
    /// lets some time pass.
    fn back_off(&mut self, which: usize, error: &io::Error, now: Instant) {
        self.metrics.count(Counter::AcceptFailed);
        let pause = humantime::format_duration(self.pause);
        self.throttle.warn(Repeated::Accept, |more_like_it| warn!(%error, %pause, more_like_it, "cannot accept"));
        if self.spare.is_some() {
            for _ in 0..TURNED_AWAY {
                self.spare = None;
                let Ok((socket, _)) = self.listeners[which].0.accept() else { break };
                turn_away(&socket, self.framing);
            }
            self.spare = spare();
        }
        self.resume_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(BACK_OFF.1);
    }
}

/// Any descriptor that costs nothing else.
fn spare() -> Option<File> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

/// Says why and closes, as far as that goes without waiting.
fn turn_away(mut socket: &TcpStream, framing: Framing) {
    let fault = ErrorReply::NoRoom;
    let mut frame = Vec::new();
    let _ = Reply::Error { code: fault.code().digits(), text: &fault.to_string() }.write(&mut frame);
    framing.end(&mut frame, 0);
    let _ = socket.write(&frame);
    let _ = socket.shutdown(std::net::Shutdown::Write);
    // A close with unread input resets the connection, and the peer could lose the answer.
    let _ = socket.read(&mut [0; 4096]);
}

/// Whether the error is about the one connection that came, and the next may be fine.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
