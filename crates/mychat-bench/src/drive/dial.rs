//! How a connection begins.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

use super::wire::Room;

/// Begins to connect.
pub(super) fn connect(address: SocketAddr, source: Option<IpAddr>, room: Room) -> Result<TcpStream> {
    /// The least that systems give; they round it up.
    const SMALL: usize = 2048;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if room == Room::Small {
        socket.set_recv_buffer_size(SMALL)?;
    }
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// Whether a connection is being made, and will tell when it stands.
fn is_under_way(error: &Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == ErrorKind::WouldBlock
}
