//! The console program. It parses the arguments, runs in one of three modes and returns an exit code.
//!
//! ```text
//! cli ──► Config ──► terminal   keys, a line editor and a screen ─┐
//!                ├─► pipe       lines of standard input ──────────┼─► input ──► the library
//!                └─► once       one message ──────────────────────┘
//! ```
//!
//! [`text`] holds all texts in both languages. [`sanitize`] makes the text of other users safe for a terminal.

mod lang;

mod input;
mod outgoing;
mod request;
mod text;

mod exit;

mod cli;
mod connect;
mod signal;

mod sanitize;
mod style;

mod chat_line;

mod once;
mod pipe;
mod terminal;

use std::ffi::OsString;

use cli::{Config, RunMode};
use exit::ClientExit;

/// Runs the program and returns one of the exit codes that `--help` lists.
pub(crate) async fn run(args: Vec<OsString>) -> anyhow::Result<u8> {
    let config = match Config::parse(args) {
        Ok(config) => config,
        // `--help` and `--version` are not errors.
        Err(rejected) => return Ok(if rejected.print() { ClientExit::Usage } else { ClientExit::Success }.code()),
    };
    let exit = match &config.mode {
        RunMode::Terminal => terminal::run(&config).await?,
        RunMode::Pipe { json, stay } => pipe::run(&config, *json, *stay).await?,
        RunMode::Once(text) => once::run(&config, text).await,
    };
    Ok(exit.code())
}
