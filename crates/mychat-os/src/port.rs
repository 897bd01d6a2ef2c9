//! When the port of an outgoing connection from a chosen address is chosen.

#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd as _};

/// Lets the system choose the port at `connect`, where it knows both ends, and not at `bind`: there it looks for one that
/// nobody has at all, slower and slower the more are in use or resting, until single calls take milliseconds.
///
/// # Errors
/// Where the system doesn't know the option; a port is chosen at `bind` then.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a function of C")]
pub fn choose_port_late(socket: &impl AsFd) -> std::io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open as long as it is borrowed, and the option is read from `on`, whose size is given.
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

/// Other systems choose at `bind`.
#[cfg(not(target_os = "linux"))]
pub fn choose_port_late<S>(_socket: &S) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
