//! What people see: results on standard output, complaints on standard error. Colours only where they are wanted, and
//! a reader who went away is no error.

use std::io::{IsTerminal as _, Write as _};

/// Prints a result.
pub(crate) fn print(text: &str) {
    // Whoever closed the pipe has read enough.
    let _ = anstream::stdout().lock().write_all(text.as_bytes());
}

/// Says what is wrong.
pub(crate) fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether colours are wanted on standard error: a terminal, and no `NO_COLOR`.
pub(crate) fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
