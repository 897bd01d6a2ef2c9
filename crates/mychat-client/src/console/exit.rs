//! How the program ends: one code for each way, as `--help` lists them.

use std::process::ExitCode;

/// A way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was sent, and left in order.
    Fine,
    /// A message was refused, here or by the server.
    NotSent,
    /// Wrong usage, or a name that is not legal.
    Usage,
    /// The server cannot be reached, or the connection was lost.
    Lost,
    /// The server refused the name.
    Refused,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::NotSent => 1,
            Self::Usage => 2,
            Self::Lost => 3,
            Self::Refused => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
