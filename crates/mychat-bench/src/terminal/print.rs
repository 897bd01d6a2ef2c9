//! Output of the tool: results on standard output, everything else on standard error. Colours are removed
//! where they are not supported. A closed pipe is not an error.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;

use crate::error::CommandError;
use mychat_load::Exit;

/// True once any part of a result could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// True if standard output is an output file of the command, so that other text must not go there.
static STDOUT_IS_OUTPUT: AtomicBool = AtomicBool::new(false);

/// Sends results to standard error from now on, because standard output is an output file of the command.
pub(crate) fn results_to_stderr() {
    STDOUT_IS_OUTPUT.store(true, Ordering::Relaxed);
}

/// Prints a result. A failure is reported once on standard error, and [`exit_code`] takes it into account.
pub(crate) fn result(text: &str) {
    if STDOUT_IS_OUTPUT.load(Ordering::Relaxed) {
        return message(text);
    }
    let mut stdout = anstream::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    // The reader of a closed pipe has read enough.
    let lost = printed.err().filter(|error| error.kind() != ErrorKind::BrokenPipe);
    if let Some(error) = lost.filter(|_| !LOST.swap(true, Ordering::Relaxed)) {
        message(&format!("error: cannot write to standard output: {error}\n"));
    }
}

/// Prints a result whose lines continue below where they are too long for the terminal.
pub(crate) fn prose(text: &str) {
    result(&mychat_report::terminal::laid_out(text, columns()));
}

/// Returns the columns of the terminal to which results go; `None` for a pipe or a file, whose lines may have any length.
pub(crate) fn columns() -> Option<usize> {
    let is_stderr = STDOUT_IS_OUTPUT.load(Ordering::Relaxed);
    let term = if is_stderr { Term::stderr() } else { Term::stdout() };
    let (_, columns) = term.is_term().then(|| term.size_checked()).flatten()?;
    // Some pseudo terminals report a size of zero.
    (columns > 0).then_some(usize::from(columns))
}

/// Returns the exit code of the tool: `exit`, or "could not run" if a result was lost.
pub(crate) fn exit_code(exit: Exit) -> Exit {
    if LOST.load(Ordering::Relaxed) { exit.or(Exit::CouldNotRun) } else { exit }
}

/// Prints a message on standard error.
pub(crate) fn message(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error on standard error.
pub(crate) fn error(error: &CommandError) {
    message(&error.render(colours_on_stderr()));
}

fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
