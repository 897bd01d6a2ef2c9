//! The error of starting a server.

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
    /// No server answers on the port.
    #[error("`{command}` answers no CONNECT on port {port} within {} s{output}", super::START_TIMEOUT.as_secs())]
    Silent {
        /// The command as it was run.
        command: String,
        /// The port that it was given.
        port: u16,
        /// Its last lines.
        output: String,
    },
}
