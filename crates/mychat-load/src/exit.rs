//! The exit codes of `mychat-bench`. Scripts rely on them.

use std::process::ExitCode;

/// An exit code of `mychat-bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All expectations hold.
    Success = 0,
    /// The server failed an expectation.
    Failed = 1,
    /// The command line or a scenario file is wrong.
    Usage = 2,
    /// The run could not start: no server at the target, or the server did not start.
    CouldNotRun = 3,
    /// No conclusion is possible: the generator was the limit, or an expectation has too few samples.
    Inconclusive = 4,
    /// A comparison has too little data to tell a difference from none.
    TooLittleData = 5,
    /// Interrupted by the user; the report covers the time before.
    Interrupted = 130,
}

impl Exit {
    /// Returns the exit code with this number, such as one in a stored result.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Success,
            1 => Self::Failed,
            2 => Self::Usage,
            4 => Self::Inconclusive,
            5 => Self::TooLittleData,
            130 => Self::Interrupted,
            _ => Self::CouldNotRun,
        }
    }

    /// Returns the more severe of both: interrupted, could not run, usage, failed, inconclusive, too little
    /// data, success.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let order =
            [Self::Interrupted, Self::CouldNotRun, Self::Usage, Self::Failed, Self::Inconclusive, Self::TooLittleData];
        order.into_iter().find(|exit| self == *exit || other == *exit).unwrap_or(Self::Success)
    }

    /// Returns the number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
