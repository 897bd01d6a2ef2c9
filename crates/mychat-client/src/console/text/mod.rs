//! All texts for people, in English and Spanish.

mod phrase;

mod en;
mod es;

pub(crate) use phrase::Phrase;

use super::lang::Lang;

impl Lang {
    /// Returns the text of a phrase. It may contain unsanitized text from other users.
    pub(crate) fn say(self, phrase: &Phrase<'_>) -> String {
        match self {
            Self::En => en::say(phrase),
            Self::Es => es::say(phrase),
        }
    }

    /// Returns the help text of a command-line argument, by its id.
    pub(crate) fn help(self, id: &str) -> &'static str {
        match self {
            Self::En => en::help(id),
            Self::Es => es::help(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use mychat_client::{DisconnectCause, NameError, Refusal, SendError, ServerError};

    use super::*;
    use crate::console::input::{CommandName, InputError};

    #[test]
    fn every_phrase_in_both_languages() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (one, three) = (names("Bob"), names("Alice Bob Zoë"));
        let loss = DisconnectCause::Io(io::ErrorKind::ConnectionReset);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let other = io::Error::other("failed to lookup address information: Name or service not known");
        let unknown = ServerError { code: "404".into(), text: "Usuario no encontrado".into() };
        let strange = ServerError { code: "777".into(), text: "lucky".into() };
        let mut phrases = vec![
            Phrase::AskName,
            Phrase::Connecting,
            Phrase::Connected { addr: "127.0.0.1:5000", name: "Alice" },
            Phrase::UserCount(&one),
            Phrase::UserCount(&three),
            Phrase::UsersJoined(&one),
            Phrase::UsersJoined(&three),
            Phrase::UsersLeft(&one),
            Phrase::UsersLeft(&three),
            Phrase::Reconnecting(&DisconnectCause::ServerClosed),
            Phrase::Reconnecting(&loss),
            Phrase::Offline,
            Phrase::Reconnected,
            Phrase::ConnectionLost(&loss),
            Phrase::ConnectionLost(&DisconnectCause::Unterminated),
            Phrase::ConnectionLost(&DisconnectCause::NoAnswer),
            Phrase::ConnectionLost(&DisconnectCause::Refused(Refusal::InUse)),
            Phrase::Leaving,
            Phrase::Unreachable { addr: "10.0.0.1:5000", error: &refused },
            Phrase::Unreachable { addr: "nowhere:5000", error: &other },
            Phrase::NoAnswer { addr: "127.0.0.1:8080", waited: Duration::from_secs(10) },
            Phrase::NotSentLine { line: 3, error: &SendError::TooLong { over: 1 } },
            Phrase::NoReplyTarget,
            Phrase::ServerError(&unknown),
            Phrase::ServerError(&strange),
            Phrase::NoSuchUser("bob"),
            Phrase::Unreadable,
            Phrase::NeedName,
            Phrase::OnceNeedsMessage,
            Phrase::NotUtf8,
        ];
        let refusals = [
            Refusal::InUse,
            Refusal::IllegalName,
            Refusal::Unavailable,
            Refusal::Unexplained,
            Refusal::Other { code: "777".into(), text: "lucky".into() },
        ];
        phrases.extend(refusals.iter().map(|error| Phrase::Refused { name: "Alice", error }));
        let names = [
            NameError::Empty,
            NameError::TooLong { bytes: 70 },
            NameError::Separator('|'),
            NameError::Separator(','),
            NameError::Invisible('\u{202e}'),
            NameError::Blank('\u{3164}'),
            NameError::LeadingMark('\u{301}'),
            NameError::OuterWhitespace,
        ];
        phrases.extend(names.iter().map(Phrase::IllegalName));
        let sends = [
            SendError::Empty,
            SendError::LineBreak { at: 3 },
            SendError::TooLong { over: 1988 },
            SendError::IllegalName(NameError::OuterWhitespace),
            SendError::PipeInRaw,
            SendError::Offline,
            SendError::Closed,
        ];
        phrases.extend(sends.iter().map(Phrase::NotSent));
        let inputs = [
            InputError::UnknownCommand("/dance".into()),
            InputError::Incomplete(CommandName::Msg),
            InputError::Incomplete(CommandName::Reply),
            InputError::NoText { to: "bob".into() },
            InputError::OpenQuote,
        ];
        phrases.extend(inputs.iter().map(Phrase::InvalidInput));
        let pairs: Vec<_> = phrases.iter().map(|phrase| format!("{}\n{}", en::say(phrase), es::say(phrase))).collect();
        insta::assert_snapshot!(pairs.join("\n\n"));
    }

    #[test]
    fn the_help_of_the_input_line() {
        insta::assert_snapshot!("help_en", Lang::En.say(&Phrase::Help));
        insta::assert_snapshot!("help_es", Lang::Es.say(&Phrase::Help));
    }
}
