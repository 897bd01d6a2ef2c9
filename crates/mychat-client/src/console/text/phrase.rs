//! The phrases that the program can say, and the parts that all languages share.

use std::io;
use std::time::Duration;

use mychat_client::{DisconnectCause, NameError, Refusal, SendError, ServerError};

use crate::console::input::{CommandName, InputError};
use crate::console::lang::Lang;

/// A text with its parameters.
#[derive(Debug)]
pub(crate) enum Phrase<'a> {
    AskName,
    /// The prompt while the program connects.
    Connecting,
    Connected {
        addr: &'a str,
        name: &'a str,
    },
    /// The number of users and their names.
    UserCount(&'a [String]),
    UsersJoined(&'a [String]),
    UsersLeft(&'a [String]),
    /// The connection is lost, and the program reconnects.
    Reconnecting(&'a DisconnectCause),
    /// The mark in the prompt while the connection is lost.
    Offline,
    Reconnected,
    /// The connection is lost permanently.
    ConnectionLost(&'a DisconnectCause),
    Leaving,
    /// The server refused the name.
    Refused {
        name: &'a str,
        error: &'a Refusal,
    },
    IllegalName(&'a NameError),
    Unreachable {
        addr: &'a str,
        error: &'a io::Error,
    },
    /// The server accepted the connection but did not answer.
    NoAnswer {
        addr: &'a str,
        waited: Duration,
    },
    NotSent(&'a SendError),
    /// A message of several lines was not sent because of line `line`.
    NotSentLine {
        line: usize,
        error: &'a SendError,
    },
    InvalidInput(&'a InputError),
    /// A `/reply` before any private message has arrived.
    NoReplyTarget,
    ServerError(&'a ServerError),
    /// `ERROR|404`, with the recipient's name.
    NoSuchUser(&'a str),
    Unreadable,
    Help,
    UnknownArgument(&'a str),
    /// An argument with a missing or wrong value. `allowed` is empty if any value is allowed.
    BadValue {
        argument: &'a str,
        value: Option<&'a str>,
        allowed: &'a str,
    },
    /// A pipe requires a name.
    NeedName,
    /// `--once` with a command that sends no message.
    OnceNeedsMessage,
    NotUtf8,
}

/// Maximum number of names in one line.
const MAX_LISTED_NAMES: usize = 8;

/// Joins names: `Alice, Bob and 3 more`.
pub(super) fn list(names: &[String], more: impl Fn(usize) -> String) -> String {
    if names.len() <= MAX_LISTED_NAMES {
        return names.join(", ");
    }
    let shown = MAX_LISTED_NAMES - 1;
    format!("{} {}", names[..shown].join(", "), more(names.len() - shown))
}

/// Returns the usage of a command.
pub(super) fn usage(verb: CommandName, lang: Lang) -> &'static str {
    match (verb, lang) {
        (CommandName::Msg, Lang::En) => "/msg NAME TEXT",
        (CommandName::Msg, Lang::Es) => "/msg NOMBRE TEXTO",
        (CommandName::Reply, Lang::En) => "/reply TEXT",
        (CommandName::Reply, Lang::Es) => "/responder TEXTO",
        (CommandName::Users | CommandName::Help | CommandName::Quit, _) => verb.name(lang),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_shortened_and_gives_the_number_of_the_rest() {
        let names: Vec<String> = (1..=10).map(|number| format!("u{number}")).collect();
        assert_eq!(list(&names, |more| format!("and {more} more")), "u1, u2, u3, u4, u5, u6, u7 and 3 more");
        assert_eq!(list(&names[..8], |_| unreachable!()), "u1, u2, u3, u4, u5, u6, u7, u8");
    }
}
