//! Notifications to the service manager (systemd): ready, stopping, alive.
//!
//! A notification is a datagram of text to the socket named in `NOTIFY_SOCKET`. Without that variable none is sent.
//!
//! The `sd-notify` crate (0.5.0) is not used: it takes `@name` for the path of a file, although it stands for a socket
//! in the abstract namespace, and its socket blocks while the manager's queue is full, which would stall the signals.

use std::time::Duration;

/// A connection to the service manager, if there is one.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    #[cfg(target_os = "linux")]
    socket: Option<std::os::unix::net::UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Connects to the service manager that the environment names. If that fails, there is none.
    pub(crate) fn from_env() -> Self {
        let watchdog = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        // A child process inherits both variables. The watchdog is meant for the process with this id.
        let is_meant = std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        Self {
            #[cfg(target_os = "linux")]
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|path| connect(&path).ok()),
            // No program could keep a shorter period.
            watchdog: watchdog.filter(|&micros| is_meant && micros >= 1000).map(Duration::from_micros),
        }
    }

    /// Returns the longest time between two [`ServiceManager::alive`]; half of it is recommended.
    pub(crate) const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Reports that the ports are open.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// Reports that the shutdown has begun.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Reports that all workers make progress.
    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    #[cfg(target_os = "linux")]
    fn send(&self, state: &str) {
        if let Some(socket) = &self.socket {
            // A manager that is gone or busy misses a notification.
            let _ = socket.send(state.as_bytes());
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send(&self, _state: &str) {}
}

#[cfg(target_os = "linux")]
fn connect(path: &std::ffi::OsStr) -> std::io::Result<std::os::unix::net::UnixDatagram> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    // A leading @ stands for the zero byte of an abstract socket name.
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}
