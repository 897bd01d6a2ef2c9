//! Terminal: output, live view and Ctrl-C.

pub(crate) mod check_progress;
pub(crate) mod print;
pub(crate) mod progress;
mod progress_term;
pub(crate) mod signal;
