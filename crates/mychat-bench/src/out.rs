//! What people see: results on standard output, complaints on standard error. Colours only where they are wanted, and
//! a reader who went away is no error.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use mychat_load::Exit;

/// Whether a result, or a part of one, could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a result. Where that fails it is said, and [`ending`] knows.
pub(crate) fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    // Whoever closed the pipe has read enough.
    let lost = printed.err().filter(|error| error.kind() != ErrorKind::BrokenPipe);
    if let Some(error) = lost.filter(|_| !LOST.swap(true, Ordering::Relaxed)) {
        complain(&format!("error: cannot write to standard output: {error}\n"));
    }
}

/// How the tool ends, a result that nobody will see considered.
pub(crate) fn ending(exit: Exit) -> Exit {
    if LOST.load(Ordering::Relaxed) { exit.or(Exit::CouldNotRun) } else { exit }
}

/// Says what is wrong.
pub(crate) fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether colours are wanted on standard error: a terminal, and no `NO_COLOR`.
pub(crate) fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
