//! Results for a person at a terminal. The text contains ANSI styles; the program that prints it strips them where they
//! are not wanted.

pub mod conformance;
pub mod run;
