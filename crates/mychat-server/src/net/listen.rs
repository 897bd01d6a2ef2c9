//! Addresses as they are written → listeners.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::config::SocketOptions;

/// Connections the kernel may keep for us; a crowd that arrives at once must not be turned away.
const BACKLOG: u32 = 4096;

/// How the kernel asks whether a silent peer is still there: again after this time, and so many times in vain.
const KEEPALIVE: (Duration, u32) = (Duration::from_secs(10), 3);

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

/// Opens a listener on every address that a host stands for. An address of a kind that this machine does not have is
/// left out as long as there is another one. With port 0 the others follow the first one's port where they can.
pub async fn bind(address: &str, options: SocketOptions) -> Result<Vec<TcpListener>, BindError> {
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

/// Whether the machine has no such address, or no addresses of that kind at all.
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
    // Connections of a predecessor that are still winding down must not hold the port. On Windows the option means
    // something else: there it would let two servers share one port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // A host name has a listener for each kind of address, so this one must leave the other kind alone.
    #[cfg(not(windows))]
    if address.is_ipv6() && !address.ip().is_unspecified() {
        SockRef::from(&socket).set_only_v6(true)?;
    }
    // Connections inherit these from their listener, which saves system calls for each of them.
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(u32::try_from(bytes.get()).unwrap_or(u32::MAX))?;
    }
    if !options.keepalive.is_zero() {
        let keepalive = TcpKeepalive::new().with_time(options.keepalive.max(Duration::from_secs(1)));
        #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows))]
        let keepalive = keepalive.with_interval(KEEPALIVE.0).with_retries(KEEPALIVE.1);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
