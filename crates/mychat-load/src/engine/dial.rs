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
        // Thousands that come again would stand still over it. Without it they are slower, no more.
        let _ = mychat_os::defer_port_choice(&socket);
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
        let stream = connect(server.local_addr().unwrap(), Some(source), Room::Usual).unwrap();
        let (_, peer) = server.accept().unwrap();
        assert_eq!((peer.ip(), peer), (source, stream.local_addr().unwrap()));
    }
}
