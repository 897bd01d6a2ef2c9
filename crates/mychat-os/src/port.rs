//! The moment at which the system chooses the local port of an outgoing connection.

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd as _};

/// Makes the system choose the local port of `socket` at `connect` instead of at `bind`.
///
/// At `bind` the system looks for a port that no connection uses at all. The more ports are in use or in `TIME_WAIT`, the
/// longer that takes, up to milliseconds per call. At `connect` it knows both ends and may share a port.
///
/// # Errors
/// The system does not know the option; it then chooses the port at `bind`.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a C function")]
pub fn defer_port_choice(socket: &impl AsFd) -> std::io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor stays open while it is borrowed, and the kernel reads the option from `on`, whose size is passed.
    let set = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Always fails: other systems choose the port at `bind`.
#[cfg(not(target_os = "linux"))]
pub fn defer_port_choice<S>(_socket: &S) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
