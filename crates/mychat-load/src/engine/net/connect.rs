//! Starts a connection without waiting for it.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

use crate::engine::wire::ReceiveBuffer;

/// Starts to connect to `address`.
pub(super) fn start_connect(address: SocketAddr, source: Option<IpAddr>, buffer: ReceiveBuffer) -> Result<TcpStream> {
    /// The smallest receive buffer, in bytes; systems round it up.
    const SMALL: usize = 2048;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if buffer == ReceiveBuffer::Small {
        socket.set_recv_buffer_size(SMALL)?;
    }
    if let Some(source) = source {
        // Choosing a port at `bind` is slow for thousands of connections. If the deferral fails they are only slower.
        let _ = mychat_os::defer_port_choice(&socket);
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !is_in_progress(&error) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// Returns true if the connection is being made and will report when it is complete.
fn is_in_progress(error: &Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_is_chosen_for_the_connection_and_not_for_the_address() {
        let unbound = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            mychat_os::defer_port_choice(&socket).unwrap();
            socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
            socket.local_addr().unwrap().as_socket().unwrap().port()
        };
        assert_eq!(unbound(), 0);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let source = IpAddr::from([127, 0, 0, 7]);
        let stream = start_connect(server.local_addr().unwrap(), Some(source), ReceiveBuffer::Default).unwrap();
        let (_, peer) = server.accept().unwrap();
        assert_eq!((peer.ip(), peer), (source, stream.local_addr().unwrap()));
    }
}
