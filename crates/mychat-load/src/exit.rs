//! How the tool ends, as a number that scripts can rely on.

use std::process::ExitCode;

/// How the tool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything held.
    Held = 0,
    /// The server fell short of an expectation.
    FellShort = 1,
    /// The command line or a scenario file is wrong.
    Usage = 2,
    /// It could not run: nobody at the target, or the server could not be started.
    CouldNotRun = 3,
    /// Nothing can be concluded: the generator was the limit, or an expectation has too few samples.
    Inconclusive = 4,
    /// Interrupted; what there was is reported.
    Interrupted = 130,
}

impl Exit {
    /// The ending that a number stands for, such as one in a stored result.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Held,
            1 => Self::FellShort,
            2 => Self::Usage,
            4 => Self::Inconclusive,
            130 => Self::Interrupted,
            _ => Self::CouldNotRun,
        }
    }

    /// Of two endings the one that says more: interrupted, could not run, fell short, inconclusive.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let order = [Self::Interrupted, Self::CouldNotRun, Self::Usage, Self::FellShort, Self::Inconclusive];
        order.into_iter().find(|exit| self == *exit || other == *exit).unwrap_or(Self::Held)
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
