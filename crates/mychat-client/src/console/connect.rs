//! Connects with the settings of the command line, and reports errors on standard error.

use std::io::{self, Write as _};

use mychat_client::{Client, ConnectError, ConnectOptions};

use super::cli::Config;
use super::exit::ClientExit;
use super::lang::Lang;
use super::sanitize::sanitize;
use super::text::Phrase;

/// Connects with `options`, without asking the user. An error is printed and ends the program.
pub(super) async fn join(config: &Config, options: ConnectOptions) -> Result<Client, ClientExit> {
    let Some(name) = &config.name else {
        print_error(config.lang, &Phrase::NeedName);
        return Err(ClientExit::Usage);
    };
    options.connect(&config.addr, name).await.map_err(|error| {
        let (phrase, exit) = describe_error(&error, &config.addr, name);
        print_error(config.lang, &phrase);
        exit
    })
}

/// Returns the text and the exit code for a failed connection.
pub(super) fn describe_error<'a>(error: &'a ConnectError, addr: &'a str, name: &'a str) -> (Phrase<'a>, ClientExit) {
    match error {
        ConnectError::IllegalName(error) => (Phrase::IllegalName(error), ClientExit::Usage),
        ConnectError::Refused(error) => (Phrase::Refused { name, error }, ClientExit::Refused),
        ConnectError::Unreachable { source, .. } => (Phrase::Unreachable { addr, error: source }, ClientExit::Lost),
        ConnectError::NoAnswer { waited } => (Phrase::NoAnswer { addr, waited: *waited }, ClientExit::Lost),
        ConnectError::Closed(error) => (Phrase::ConnectionLost(error), ClientExit::Lost),
        _ => unreachable!("every variant of this version of the library is above"),
    }
}

/// Prints an error to standard error, which may be closed.
pub(super) fn print_error(lang: Lang, phrase: &Phrase<'_>) {
    print_text(&lang.say(phrase));
}

/// Prints the text of an error to standard error, which may be closed.
pub(super) fn print_text(text: &str) {
    let _ = writeln!(io::stderr(), "mychat: {}", sanitize(text));
}
