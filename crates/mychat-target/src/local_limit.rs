//! Tells the limits of this machine from faults of the server, for connections that cannot be made.

use std::io::{Error, ErrorKind};

/// Returns the limit of this machine that an error of a connection attempt stands for, with advice; `None` if the error is
/// the server's or the network's, such as a refused connection.
pub fn local_limit(error: &Error) -> Option<&'static str> {
    if let Some(limit) = error.raw_os_error().and_then(limit_of_code) {
        return Some(limit);
    }
    match error.kind() {
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => Some(PORTS),
        ErrorKind::PermissionDenied => Some(FORBIDDEN),
        ErrorKind::OutOfMemory => Some(MEMORY),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Some(NETWORK),
        _ => None,
    }
}

const PORTS: &str = "no port of this machine is left for a connection to the server: widen net.ipv4.ip_local_port_range, \
                     or add addresses (`run --source-ip`)";
const DESCRIPTORS: &str = "this process has no file descriptor left: raise its limit (`ulimit -n`)";
const MACHINE_DESCRIPTORS: &str = "this machine has no file descriptor left: raise fs.file-max";
const MEMORY: &str = "this machine has no memory left for a socket: raise net.ipv4.tcp_mem, or run fewer users";
const FORBIDDEN: &str = "this machine forbids the connection: look at its firewall and its security policy";
const NETWORK: &str = "this machine has no route to the server";

#[cfg(unix)]
fn limit_of_code(code: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    match Errno::from_raw_os_error(code) {
        Errno::MFILE => Some(DESCRIPTORS),
        Errno::NFILE => Some(MACHINE_DESCRIPTORS),
        Errno::NOBUFS | Errno::NOMEM => Some(MEMORY),
        _ => None,
    }
}

#[cfg(not(unix))]
fn limit_of_code(code: i32) -> Option<&'static str> {
    // `WSAEMFILE` and `WSAENOBUFS`.
    match code {
        10024 => Some(DESCRIPTORS),
        10055 => Some(MEMORY),
        _ => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn limits_of_this_machine_are_told_from_faults_of_the_server() {
        let limit = |errno: Errno| local_limit(&Error::from_raw_os_error(errno.raw_os_error()));
        for (errno, expected) in [
            (Errno::ADDRNOTAVAIL, PORTS),
            (Errno::ADDRINUSE, PORTS),
            (Errno::MFILE, DESCRIPTORS),
            (Errno::NFILE, MACHINE_DESCRIPTORS),
            (Errno::NOBUFS, MEMORY),
            (Errno::NOMEM, MEMORY),
            (Errno::PERM, FORBIDDEN),
            (Errno::ACCESS, FORBIDDEN),
            (Errno::NETUNREACH, NETWORK),
        ] {
            assert_eq!(limit(errno), Some(expected), "{errno:?}");
        }
        for errno in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::CONNABORTED] {
            assert_eq!(limit(errno), None, "{errno:?}");
        }
    }
}
