//! Results for a terminal. The text contains ANSI styles; the printing program strips them if the
//! output is no terminal.

mod check_lines;
pub mod conformance;
pub mod run;
