//! One result, written in several ways: for people in a terminal, for programs as JSON.

mod build;
pub mod json;
pub mod result;
pub mod terminal;

pub use build::{Circumstances, build};
pub use result::RunResult;

pub(crate) use crate::figures::{duration, grouped};
