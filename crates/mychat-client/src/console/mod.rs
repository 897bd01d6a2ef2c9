//! The console program: arguments → configuration → one of three ways to talk → exit code.
//!
//! ```text
//! cli ──► Config ──► terminal   a chat: keys → editor → line ─┐
//!                ├─► pipe       lines from standard input ────┼─ input ──► what it asks for ──► the library
//!                └─► once       one line ─────────────────────┘
//! ```
//!
//! [`text`] holds all that people read, in both languages; [`harmless`] is what everything that others wrote goes
//! through before a terminal sees it.

mod cli;
mod text;

mod input;

mod harmless;
mod note;
mod paint;

mod once;
mod pipe;
mod signal;
mod terminal;

mod exit;

use std::ffi::OsString;
use std::io::{self, Write as _};

use mychat_client::{Client, ConnectError};

use cli::{Config, Mode};
use exit::Exit;
use text::{Lang, Phrase};

/// Runs the program; the code is one of those that `--help` lists.
pub(crate) async fn run(args: Vec<OsString>) -> anyhow::Result<u8> {
    let config = match Config::parse(args) {
        Ok(config) => config,
        // Help is no error.
        Err(refused) => return Ok(if refused.print() { Exit::Usage } else { Exit::Fine }.code()),
    };
    let exit = match &config.mode {
        Mode::Terminal => terminal::run(&config).await?,
        Mode::Pipe { json, stay } => pipe::run(&config, *json, *stay).await?,
        Mode::Once(text) => once::run(&config, text).await,
    };
    Ok(exit.code())
}

/// Joins without anybody to ask: what goes wrong is told, and is the way to end.
async fn join(config: &Config) -> Result<Client, Exit> {
    let Some(name) = &config.name else {
        complain(config.lang, &Phrase::NeedName);
        return Err(Exit::Usage);
    };
    config.options.clone().connect(&config.addr, name).await.map_err(|error| {
        let (phrase, exit) = explain(&error, &config.addr, name);
        complain(config.lang, &phrase);
        exit
    })
}

/// What to say about a connection that did not come about, and how that ends a program that cannot ask.
fn explain<'a>(error: &'a ConnectError, addr: &'a str, name: &'a str) -> (Phrase<'a>, Exit) {
    match error {
        ConnectError::IllegalName(why) => (Phrase::IllegalName(why), Exit::Usage),
        ConnectError::Refused(why) => (Phrase::Refused { name, why }, Exit::Refused),
        ConnectError::Unreachable { source, .. } => (Phrase::Unreachable { addr, why: source }, Exit::Lost),
        ConnectError::NoAnswer { waited } => (Phrase::NoAnswer { addr, waited: *waited }, Exit::Lost),
        ConnectError::Closed(why) => (Phrase::Gone(why), Exit::Lost),
        _ => unreachable!("every variant of this version of the library is above"),
    }
}

/// Tells of trouble on standard error, which may be closed.
fn complain(lang: Lang, phrase: &Phrase<'_>) {
    let _ = writeln!(io::stderr(), "mychat: {}", harmless::harmless(&lang.say(phrase)));
}
