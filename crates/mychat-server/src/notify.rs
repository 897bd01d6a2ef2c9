//! What the service manager (systemd) is told: ready, stopping, still alive.
//!
//! The protocol is one datagram of text to the socket named in `NOTIFY_SOCKET`; without that variable nothing is said.

use std::time::Duration;

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Manager {
    #[cfg(target_os = "linux")]
    socket: Option<std::os::unix::net::UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// Finds it in the environment. One that cannot be reached is as good as none.
    pub(crate) fn from_env() -> Self {
        let watchdog = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        // The variable is inherited; it is meant for this process only where the other one names it.
        let meant = std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        Self {
            #[cfg(target_os = "linux")]
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|path| connect(&path).ok()),
            // Nobody means a period that no program could keep, and zero would be none.
            watchdog: watchdog.filter(|&micros| meant && micros >= 1000).map(Duration::from_micros),
        }
    }

    /// How often it wants to hear of us at the least; half of that is a good pace.
    pub(crate) const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The ports are open.
    pub(crate) fn ready(&self) {
        self.say("READY=1");
    }

    /// The stop has begun.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Still alive.
    pub(crate) fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    #[cfg(target_os = "linux")]
    fn say(&self, state: &str) {
        if let Some(socket) = &self.socket {
            // A manager that is gone or busy has no use for it.
            let _ = socket.send(state.as_bytes());
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn say(&self, _state: &str) {}
}

#[cfg(target_os = "linux")]
fn connect(path: &std::ffi::OsStr) -> std::io::Result<std::os::unix::net::UnixDatagram> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    // A leading @ stands for the zero byte of the abstract namespace.
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}
