//! The error of starting a server.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// An error of starting a server by a command.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The command has no place for the port.
    #[error("the command of --spawn has no {{port}} in it: it stands for the port on which the server must listen")]
    NoPort,
    /// The shell could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The command as it was run.
        command: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It ended before it accepted a connection.
    #[error("`{command}` ended before it accepted a connection ({status}){output}")]
    Ended {
        /// The command as it was run.
        command: String,
        /// The exit status.
        status: String,
        /// Its last lines.
        output: String,
    },
    /// The command ended and left a process behind, which can be neither watched nor restarted.
    #[error(
        "`{command}` goes into the background: the command ended, and process {pid} goes on without it, so it could be neither \
         watched nor restarted (it was killed). Start the server in the foreground: without `&`, and without an option such as \
         --daemon{output}"
    )]
    Detached {
        /// The command as it was run.
        command: String,
        /// A process that was left.
        pid: u32,
        /// Its last lines.
        output: String,
    },
    /// The server listens, but not on its port.
    #[error(
        "`{command}` listens on {addresses}, and not on port {port} of this machine's loopback address, which stands in the \
         command in place of {{port}}: does the server read the port from its command line?{output}"
    )]
    WrongPort {
        /// The command as it was run.
        command: String,
        /// The port that it was given.
        port: u16,
        /// The address on which it listens.
        addresses: ListenAddresses,
        /// Its last lines.
        output: String,
    },
    /// No server answers on the port.
    #[error(
        "`{command}` answers no CONNECT on port {port} within {} s; give a slow server more time by --start-timeout{output}",
        start_timeout.as_secs_f64()
    )]
    Silent {
        /// The command as it was run.
        command: String,
        /// The port that it was given.
        port: u16,
        /// The time that it was given.
        start_timeout: Duration,
        /// Its last lines.
        output: String,
    },
}

/// The addresses at which a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddresses(pub Vec<SocketAddr>);

impl fmt::Display for ListenAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.0.iter().map(SocketAddr::to_string).collect();
        f.write_str(&list.join(" and "))
    }
}
