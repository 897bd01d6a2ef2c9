//! Errors of commands: the cause, the exit code, and advice for the user.

use std::fmt;

use mychat_load::Exit;
use mychat_report::files::WriteError;
use mychat_report::json::ReadError;
use mychat_report::merge::MergeError;
use mychat_scenario::Diagnostics;
use mychat_target::spawn::SpawnError;
use mychat_target::{ReferenceError, TargetError};

/// Kind of a command's failure. It decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The command line or a file is wrong.
    Usage,
    /// The command could not do its work: no server, no rights, or a file that cannot be written.
    CouldNotRun,
    /// The work is done and has this exit code, but a part of its output could not be written.
    OutputLost(Exit),
}

/// Failure of a command.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: ErrorKind,
    error: anyhow::Error,
    /// Further errors of the same kind, each printed on its own line.
    others: Vec<anyhow::Error>,
    hints: Vec<String>,
}

impl CommandError {
    /// Creates an error about the command line or a file.
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, anyhow::Error::msg(error.into()))
    }

    /// Creates an error about something outside the command line that keeps the command from running.
    pub(crate) fn could_not_run(error: impl Into<String>) -> Self {
        Self::new(ErrorKind::CouldNotRun, anyhow::Error::msg(error.into()))
    }

    /// Combines all failures to write output into one error, or returns `Ok` if there are none.
    pub(crate) fn check_outputs<E: Into<anyhow::Error>>(kind: ErrorKind, failures: Vec<E>) -> Result<(), Self> {
        let mut failures = failures.into_iter().map(Into::into);
        match failures.next() {
            Some(first) => Err(Self { others: failures.collect(), ..Self::new(kind, first) }),
            None => Ok(()),
        }
    }

    fn new(kind: ErrorKind, error: anyhow::Error) -> Self {
        Self { kind, error, others: Vec::new(), hints: Vec::new() }
    }

    /// Adds a further error, which is printed after this one.
    pub(crate) fn and(mut self, error: impl Into<anyhow::Error>) -> Self {
        self.others.push(error.into());
        self
    }

    /// Adds advice, which is printed after the error.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the exit code of the tool.
    pub(crate) fn exit(&self) -> Exit {
        match self.kind {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::CouldNotRun => Exit::CouldNotRun,
            ErrorKind::OutputLost(exit) => exit.or(Exit::CouldNotRun),
        }
    }

    /// Formats the error for standard error. Diagnostics of a scenario show the lines they are about.
    pub(crate) fn render(&self, colours: bool) -> String {
        if let Some(diagnostics) = self.error.downcast_ref::<Diagnostics>() {
            diagnostics.render(colours)
        } else {
            let others = self.others.iter().map(|error| format!("error: {error:#}\n"));
            let all: String = std::iter::once(format!("error: {self}\n")).chain(others).collect();
            // Errors quote files, options and the output of servers.
            mychat_proto::text::visible(&all).into_owned()
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)?;
        self.hints.iter().try_for_each(|hint| write!(f, ": {hint}"))
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::new(ErrorKind::CouldNotRun, error)
    }
}

impl From<TargetError> for CommandError {
    fn from(error: TargetError) -> Self {
        let usage = matches!(error, TargetError::Malformed(_));
        Self::new(if usage { ErrorKind::Usage } else { ErrorKind::CouldNotRun }, error.into())
    }
}

impl From<SpawnError> for CommandError {
    fn from(error: SpawnError) -> Self {
        let usage = matches!(error, SpawnError::NoPort);
        Self::new(if usage { ErrorKind::Usage } else { ErrorKind::CouldNotRun }, error.into())
    }
}

/// Implements `From` for errors that are always of one kind.
macro_rules! from {
    ($kind:ident: $($error:ty),*) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::new(ErrorKind::$kind, error.into())
            }
        })*
    };
}

from!(Usage: Diagnostics, ReadError, MergeError, mychat_report::model::histogram::HistogramError);
from!(CouldNotRun: WriteError, ReferenceError, std::io::Error, serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lost_output_is_named() {
        let failures = vec![anyhow::anyhow!("cannot write a"), anyhow::anyhow!("cannot write b")];
        let error = CommandError::check_outputs(ErrorKind::OutputLost(Exit::Failed), failures).unwrap_err();
        assert_eq!(error.render(false), "error: cannot write a\nerror: cannot write b\n");
        assert_eq!(error.exit(), Exit::Failed.or(Exit::CouldNotRun));
        assert!(CommandError::check_outputs::<anyhow::Error>(ErrorKind::CouldNotRun, Vec::new()).is_ok());
    }
}
