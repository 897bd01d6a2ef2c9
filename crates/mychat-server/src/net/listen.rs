//! The addresses of `--listen` → listening sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::config::SocketOptions;

/// The number of connections that the kernel may hold until they are accepted; many may arrive at once.
const BACKLOG: u32 = 4096;

/// The time between keepalive probes, and the number of unanswered probes after which the kernel gives up.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// An address that the server cannot listen on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is not `HOST:PORT`, or the host is unknown.
    #[error("cannot resolve the address to listen on, {address}")]
    Resolve {
        /// The address as it was given.
        address: String,
        /// The error of the resolver.
        source: io::Error,
    },
    /// The port cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// The error of the system.
        source: io::Error,
    },
}

impl BindError {
    /// Returns advice for the person who started the server.
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

/// Opens a listener on every address that the host of `address` resolves to.
///
/// An address of a family that this machine lacks is skipped if another one works. With port 0, the later listeners use
/// the first one's port if it is free.
///
/// # Errors
/// The address does not resolve, or a port cannot be opened.
pub(crate) async fn bind(address: &str, options: SocketOptions) -> Result<Vec<TcpListener>, BindError> {
    let resolve = |source| BindError::Resolve { address: address.to_owned(), source };
    let listen = |source| BindError::Listen { address: address.to_owned(), source };
    let (mut listeners, mut absent): (Vec<TcpListener>, _) = (Vec::new(), io::ErrorKind::NotFound.into());
    let mut seen = Vec::new();
    for mut candidate in lookup_host(address).await.map_err(resolve)? {
        if seen.contains(&candidate) {
            continue;
        }
        seen.push(candidate);
        let is_any_port = candidate.port() == 0;
        if let (true, Some(first)) = (is_any_port, listeners.first()) {
            candidate.set_port(first.local_addr().map_err(listen)?.port());
        }
        match open(candidate, options) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_absent(&error) => absent = error,
            Err(_) if is_any_port && !listeners.is_empty() => {}
            Err(error) => return Err(listen(error)),
        }
    }
    if listeners.is_empty() { Err(listen(absent)) } else { Ok(listeners) }
}

/// Returns true if the machine lacks this address or its whole family.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

/// `EAFNOSUPPORT`, which the standard library has no kind for.
const NO_SUCH_FAMILY: i32 = if cfg!(windows) {
    10047
} else if cfg!(target_os = "linux") {
    97
} else {
    47
};

fn open(address: SocketAddr, options: SocketOptions) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without this, closing connections of an earlier process would block the port. On Windows the option would let two
    // servers share one port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // A host name gets one listener per family, so this one must not take IPv4 connections.
    #[cfg(not(windows))]
    if address.is_ipv6() && !address.ip().is_unspecified() {
        SockRef::from(&socket).set_only_v6(true)?;
    }
    // Connections inherit these options from their listener, which saves system calls for each of them.
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(u32::try_from(bytes.get()).unwrap_or(u32::MAX))?;
    }
    if !options.keepalive.is_zero() {
        let keepalive = TcpKeepalive::new().with_time(options.keepalive.max(Duration::from_secs(1)));
        #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows))]
        let keepalive = keepalive.with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
