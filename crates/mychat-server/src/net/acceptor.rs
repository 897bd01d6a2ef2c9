//! Listeners → accepted sockets, within the limits of the machine and of the configuration.
//!
//! Worker 0 accepts during its own turns, so a connection that stays there is registered once and changes no thread. A
//! connection for another worker costs both.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use tracing::warn;

use crate::limits::{AdmissionDecision, ConnectionLimiter};
use crate::log::LogThrottle;
use crate::log::throttle::Repeated;
use crate::metrics::{Counter, Metrics};
use crate::net::poller::Poller;

/// The first and the longest pause after the machine had no descriptor or memory for a connection. Each failure in a row
/// doubles the pause.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The number of connections refused with the spare descriptor before each pause.
const REFUSED_PER_PAUSE: usize = 64;

/// The listeners of the server.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Vec<Listener>,
    limiter: Arc<ConnectionLimiter>,
    metrics: Arc<Metrics>,
    throttle: Arc<LogThrottle>,
    /// The frame for connections that the machine has no descriptor for.
    no_room_frame: Vec<u8>,
    /// A descriptor that is closed for a moment when none are left, so that a connection can be accepted and refused.
    spare: Option<File>,
    next_pause: Duration,
    paused_until: Option<Instant>,
}

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    /// A connection may wait here.
    is_ready: bool,
}

/// An accepted connection that no poller watches yet.
#[derive(Debug)]
pub(crate) struct AcceptedConnection {
    pub(crate) socket: TcpStream,
    pub(crate) decision: AdmissionDecision,
}

impl Acceptor {
    /// Adds `listeners` to `poller`.
    ///
    /// # Errors
    /// The kernel cannot watch a listener.
    pub(crate) fn new(
        listeners: Vec<StdListener>,
        poller: &Poller,
        limiter: Arc<ConnectionLimiter>,
        metrics: Arc<Metrics>,
        throttle: Arc<LogThrottle>,
        no_room_frame: Vec<u8>,
    ) -> io::Result<Self> {
        let listeners = listeners.into_iter().enumerate().map(|(number, listener)| {
            let mut socket = TcpListener::from_std(listener);
            poller.add_listener(&mut socket, number)?;
            Ok(Listener { socket, is_ready: true })
        });
        let listeners = listeners.collect::<io::Result<_>>()?;
        let spare = open_spare();
        Ok(Self {
            listeners,
            limiter,
            metrics,
            throttle,
            no_room_frame,
            spare,
            next_pause: FIRST_PAUSE,
            paused_until: None,
        })
    }

    /// Returns the end of the present pause.
    pub(crate) const fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Returns the number of listeners.
    pub(crate) const fn listeners(&self) -> usize {
        self.listeners.len()
    }

    /// Records that a connection waits at the listener with this number.
    pub(crate) fn mark_ready(&mut self, number: usize) {
        self.listeners[number].is_ready = true;
    }

    /// Accepts the next connection. Returns `None` if none waits or during a pause.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<AcceptedConnection> {
        if self.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        self.paused_until = None;
        for number in 0..self.listeners.len() {
            while self.listeners[number].is_ready {
                match self.listeners[number].socket.accept() {
                    Ok((socket, peer)) => {
                        if let Some(accepted) = self.admit(socket, peer) {
                            return Some(accepted);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.listeners[number].is_ready = false,
                    Err(error) if concerns_one_connection(&error) => {}
                    Err(error) => {
                        self.pause(number, &error, now);
                        return None;
                    }
                }
            }
        }
        None
    }

    fn admit(&mut self, socket: TcpStream, peer: SocketAddr) -> Option<AcceptedConnection> {
        self.next_pause = FIRST_PAUSE;
        if self.spare.is_none() {
            self.spare = open_spare();
        }
        self.metrics.count(Counter::Accepted);
        let decision = self.limiter.admit(peer.ip());
        match decision {
            AdmissionDecision::Admit(_) => {}
            AdmissionDecision::ServerFull(_) => self.log_refusal("no room", peer.ip()),
            AdmissionDecision::AddressFull(_) => self.log_refusal("too many from its address", peer.ip()),
            AdmissionDecision::Drop => {
                self.metrics.count(Counter::Overrun);
                self.log_refusal("no room", peer.ip());
                return None;
            }
        }
        // An error means that the peer is already gone.
        socket.set_nodelay(true).ok()?;
        Some(AcceptedConnection { socket, decision })
    }

    fn log_refusal(&self, reason: &str, peer: IpAddr) {
        self.throttle.log(Repeated::Refused, |more_like_it| {
            warn!(reason, %peer, more_like_it, "connection refused");
        });
    }

    /// Pauses because the machine has no descriptor or memory left. Before that, refuses some of the waiting connections
    /// one by one with the spare descriptor.
    fn pause(&mut self, number: usize, error: &io::Error, now: Instant) {
        self.metrics.count(Counter::AcceptFailed);
        let pause = humantime::format_duration(self.next_pause);
        self.throttle.log(Repeated::Accept, |more_like_it| warn!(%error, %pause, more_like_it, "cannot accept"));
        if self.spare.is_some() {
            for _ in 0..REFUSED_PER_PAUSE {
                self.spare = None;
                let Ok((socket, _)) = self.listeners[number].socket.accept() else { break };
                refuse(&socket, &self.no_room_frame);
            }
            self.spare = open_spare();
        }
        self.paused_until = Some(now + self.next_pause);
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
    }
}

/// Opens a descriptor that has no other cost.
fn open_spare() -> Option<File> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

/// Sends `frame` and closes, as far as that works without waiting.
fn refuse(mut socket: &TcpStream, frame: &[u8]) {
    let _ = socket.write(frame);
    let _ = socket.shutdown(std::net::Shutdown::Write);
    // A close with unread input resets the connection, and the peer could lose the frame.
    let _ = socket.read(&mut [0; 4096]);
}

/// Returns true if the error concerns only the connection that was to be accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
