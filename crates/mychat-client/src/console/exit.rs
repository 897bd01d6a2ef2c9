//! The exit codes of the program, as `--help` lists them.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientExit {
    /// All messages were sent.
    Success,
    /// A message was refused, by the client or by the server.
    NotSent,
    /// Wrong usage or an illegal name.
    Usage,
    /// The server cannot be reached, or the connection was lost.
    Lost,
    /// The server refused the name.
    Refused,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl ClientExit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NotSent => 1,
            Self::Usage => 2,
            Self::Lost => 3,
            Self::Refused => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<ClientExit> for ExitCode {
    fn from(exit: ClientExit) -> Self {
        Self::from(exit.code())
    }
}
