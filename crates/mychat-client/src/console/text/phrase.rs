//! The phrases that the program can say, and the parts that all languages share.

use std::io;
use std::time::Duration;

use mychat_client::{DisconnectCause, NameError, Refusal, RoomMode, SendError, ServerError};

use crate::console::input::{CommandName, InputError, mode_word};
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
    /// The line that points from the help to that for rooms.
    MoreHelp,
    /// The help for rooms, at a server that has them.
    RoomHelp,
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
    list_up_to(MAX_LISTED_NAMES, names, more)
}

/// Joins at most `max` names.
pub(super) fn list_up_to(max: usize, names: &[String], more: impl Fn(usize) -> String) -> String {
    if names.len() <= max {
        return names.join(", ");
    }
    let shown = max - 1;
    format!("{} {}", names[..shown].join(", "), more(names.len() - shown))
}

/// Returns the usage of a command.
pub(super) fn usage(command: CommandName, lang: Lang) -> String {
    let arguments = match (command, lang) {
        (CommandName::Msg, Lang::En) => "NAME TEXT",
        (CommandName::Msg, Lang::Es) => "NOMBRE TEXTO",
        (CommandName::Reply, Lang::En) => "TEXT",
        (CommandName::Reply, Lang::Es) => "TEXTO",
        (CommandName::All, Lang::En) => "[TEXT]",
        (CommandName::All, Lang::Es) => "[TEXTO]",
        (CommandName::Join, Lang::En) => "#ROOM",
        (CommandName::Join, Lang::Es) => "#SALA",
        (CommandName::Leave | CommandName::Members, Lang::En) => "[#ROOM]",
        (CommandName::Leave | CommandName::Members, Lang::Es) => "[#SALA]",
        (CommandName::Topic, Lang::En) => "[#ROOM] [TEXT]",
        (CommandName::Topic, Lang::Es) => "[#SALA] [TEXTO]",
        (CommandName::Mode, Lang::En) => "MODE [#ROOM]",
        (CommandName::Mode, Lang::Es) => "MODO [#SALA]",
        (CommandName::Moderate(_), Lang::En) => "NAME [#ROOM]",
        (CommandName::Moderate(_), Lang::Es) => "NOMBRE [#SALA]",
        (CommandName::Users | CommandName::Rooms | CommandName::Help | CommandName::Quit, _) => "",
    };
    format!("{} {arguments}", command.name(lang)).trim_end().to_owned()
}

/// Returns the words for all modes.
pub(super) fn mode_words(lang: Lang) -> String {
    RoomMode::ALL.map(|mode| mode_word(mode, lang)).join(", ")
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
