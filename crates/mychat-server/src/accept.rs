//! Listeners → sockets → workers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::limits::{Entry, Gate};
use crate::metrics::Metrics;
use crate::worker::Mail;

/// Connections the kernel may keep for us; a crowd that arrives at once must not be turned away.
const BACKLOG: u32 = 4096;

/// First and longest pause after the machine had no descriptor or memory for a connection.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Why a server could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is not `HOST:PORT`, or there is no such host.
    #[error("cannot resolve the address to listen on, {address}")]
    Resolve {
        /// As it was given.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The port cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// As it was given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// What the person who started the server can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "give --listen HOST:PORT, such as 127.0.0.1:5000, [::1]:5000 or localhost:5000",
            Self::Listen { address, source } => match source.kind() {
                io::ErrorKind::AddrInUse if address.ends_with(":5000") => {
                    "another program holds the port (on macOS this may be the AirPlay receiver): stop it, or choose \
                     another port with --listen HOST:PORT, where port 0 takes any free one"
                }
                io::ErrorKind::AddrInUse => {
                    "another program holds the port: stop it, or choose another one with --listen HOST:PORT, where \
                     port 0 takes any free one"
                }
                io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
                io::ErrorKind::PermissionDenied => "ports below 1024 need privileges: choose a higher one",
                _ => "choose another address with --listen HOST:PORT",
            },
        }
    }
}

/// Opens one listener. Of the addresses a host name stands for the first that works is taken.
pub async fn bind(address: &str) -> Result<TcpListener, BindError> {
    let resolve = |source| BindError::Resolve { address: address.to_owned(), source };
    let mut fault = resolve(io::Error::from(io::ErrorKind::NotFound));
    for candidate in lookup_host(address).await.map_err(resolve)? {
        match open(candidate) {
            Ok(listener) => return Ok(listener),
            Err(source) => fault = BindError::Listen { address: address.to_owned(), source },
        }
    }
    Err(fault)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a predecessor that are still winding down must not hold the port. On Windows the option means
    // something else: there it would let two servers share one port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where accepted sockets go: to the workers in turn.
#[derive(Debug)]
pub struct Reception {
    /// One for each worker.
    pub workers: Vec<mpsc::Sender<Mail>>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Which worker is next.
    pub next: AtomicUsize,
}

impl Reception {
    /// Accepts until it is cancelled. A full worker makes it wait, and the kernel's backlog fills up instead.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut pause = BACK_OFF.0;
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => {
                    pause = BACK_OFF.0;
                    self.metrics.count_accepted();
                    if let Some(mail) = self.welcome(socket, peer) {
                        let worker = self.next.fetch_add(1, Relaxed) % self.workers.len();
                        // A worker that is gone has ended the server; nothing is left to do with its socket.
                        let _ = self.workers[worker].send(mail).await;
                    }
                }
                Err(error) if is_passing(&error) => {}
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF.1);
                }
            }
        }
    }

    fn welcome(&self, socket: TcpStream, peer: SocketAddr) -> Option<Mail> {
        let entry = self.gate.enter(peer.ip());
        // A socket that cannot be set up is one whose peer is gone already.
        socket.set_nodelay(true).ok()?;
        let socket = socket.into_std().ok()?;
        match entry {
            Entry::Welcome(permit) => Some(Mail::Welcome(socket, permit)),
            Entry::NoRoom(permit) => Some(Mail::Refuse(socket, permit, Fault::NoRoom)),
            Entry::AddressFull(permit) => Some(Mail::Refuse(socket, permit, Fault::AddressFull)),
            Entry::Overrun => None,
        }
    }
}

/// Whether the error is about the one connection that came, and the next may be fine.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock)
}
