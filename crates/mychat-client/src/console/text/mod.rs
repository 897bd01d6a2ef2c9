//! Everything the program says to people, in English and Spanish: a [`Phrase`] in, a sentence out.

mod en;
mod es;

use std::io;
use std::time::Duration;

use mychat_client::{Loss, NameError, Refusal, SendError, ServerError};

use super::input::{InputError, Verb};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Lang {
    /// For a locale such as `es_CO.UTF-8`, or a bare `es`.
    pub(crate) fn from_locale(locale: &str) -> Self {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("es") { Self::Es } else { Self::En }
    }

    /// By the environment, in the order that POSIX gives the variables.
    pub(crate) fn from_env() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()))
            .map_or_else(Self::default, |locale| Self::from_locale(&locale))
    }

    /// The sentence, without a full stop where it is a remark. May hold what others wrote: not sanitised.
    pub(crate) fn say(self, phrase: &Phrase<'_>) -> String {
        match self {
            Self::En => en::say(phrase),
            Self::Es => es::say(phrase),
        }
    }

    /// What `--help` says about an argument, by its id.
    pub(crate) fn help(self, id: &str) -> &'static str {
        match self {
            Self::En => en::help(id),
            Self::Es => es::help(id),
        }
    }
}

/// One thing to say.
#[derive(Debug)]
pub(crate) enum Phrase<'a> {
    /// The prompt for a name.
    AskName,
    /// What the prompt says while the server has not answered yet.
    Connecting,
    /// Joined.
    Connected { addr: &'a str, name: &'a str },
    /// Everybody who is there.
    Here(&'a [String]),
    /// Came since the last list.
    Came(&'a [String]),
    /// Went since the last list.
    Went(&'a [String]),
    /// The connection is lost; attempts to come back follow.
    Lost(&'a Loss),
    /// What the prompt says while the connection is lost.
    Offline,
    /// The connection is there again.
    Back,
    /// The connection is lost for good.
    Gone(&'a Loss),
    /// Leaving.
    Goodbye,
    /// The server refused the name.
    Refused { name: &'a str, why: &'a Refusal },
    /// The name is not legal.
    IllegalName(&'a NameError),
    /// No connection.
    Unreachable { addr: &'a str, why: &'a io::Error },
    /// Connected, and no answer.
    NoAnswer { addr: &'a str, waited: Duration },
    /// A message was not sent.
    NotSent(&'a SendError),
    /// A message of several lines was not sent because of this one.
    NotSentLine { line: usize, why: &'a SendError },
    /// A typed line that means nothing.
    Misunderstood(&'a InputError),
    /// `/reply` and no private message before.
    NobodyToAnswer,
    /// An `ERROR` of the server's.
    ServerSays(&'a ServerError),
    /// `ERROR|404`, and whom it is about.
    NoSuchUser(&'a str),
    /// A frame that makes no sense.
    Unreadable,
    /// `/help`.
    Help,
    /// An argument that there is not.
    UnknownArgument(&'a str),
    /// An argument without its value, or with a wrong one. `allowed` is empty where anything is.
    BadValue { argument: &'a str, value: Option<&'a str>, allowed: &'a str },
    /// A pipe needs a name.
    NeedName,
    /// `--once` with a command that is no message.
    OnceIsAMessage,
    /// A line from standard input is not UTF-8.
    NotUtf8,
}

/// At most this many names are spelt out in a remark.
const SPELT_OUT: usize = 8;

/// `Alice, Bob and 3 more`.
fn list(names: &[String], more: impl Fn(usize) -> String) -> String {
    if names.len() <= SPELT_OUT {
        return names.join(", ");
    }
    let shown = SPELT_OUT - 1;
    format!("{} {}", names[..shown].join(", "), more(names.len() - shown))
}

/// How a command is called, by the language.
fn usage(verb: Verb, lang: Lang) -> &'static str {
    match (verb, lang) {
        (Verb::Msg, Lang::En) => "/msg NAME TEXT",
        (Verb::Msg, Lang::Es) => "/msg NOMBRE TEXTO",
        (Verb::Reply, Lang::En) => "/reply TEXT",
        (Verb::Reply, Lang::Es) => "/responder TEXTO",
        (Verb::Users | Verb::Help | Verb::Quit, _) => verb.name(lang),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_choose_the_language() {
        for (locale, lang) in [("es_CO.UTF-8", Lang::Es), ("es", Lang::Es), ("C", Lang::En), ("est_EE", Lang::En)] {
            assert_eq!(Lang::from_locale(locale), lang, "{locale}");
        }
    }

    #[test]
    fn long_lists_are_cut_in_the_open() {
        let names: Vec<String> = (1..=10).map(|number| format!("u{number}")).collect();
        assert_eq!(list(&names, |more| format!("and {more} more")), "u1, u2, u3, u4, u5, u6, u7 and 3 more");
        assert_eq!(list(&names[..8], |_| unreachable!()), "u1, u2, u3, u4, u5, u6, u7, u8");
    }

    #[test]
    fn every_phrase_in_both_languages() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (one, three) = (names("Bob"), names("Alice Bob Zoë"));
        let loss = Loss::Io(io::ErrorKind::ConnectionReset);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let other = io::Error::other("failed to lookup address information: Name or service not known");
        let unknown = ServerError { code: "404".into(), text: "Usuario no encontrado".into() };
        let strange = ServerError { code: "777".into(), text: "lucky".into() };
        let mut phrases = vec![
            Phrase::AskName,
            Phrase::Connecting,
            Phrase::Connected { addr: "127.0.0.1:5000", name: "Alice" },
            Phrase::Here(&one),
            Phrase::Here(&three),
            Phrase::Came(&one),
            Phrase::Came(&three),
            Phrase::Went(&one),
            Phrase::Went(&three),
            Phrase::Lost(&Loss::ServerClosed),
            Phrase::Lost(&loss),
            Phrase::Offline,
            Phrase::Back,
            Phrase::Gone(&loss),
            Phrase::Gone(&Loss::Unterminated),
            Phrase::Gone(&Loss::NoAnswer),
            Phrase::Gone(&Loss::Refused(Refusal::InUse)),
            Phrase::Goodbye,
            Phrase::Unreachable { addr: "10.0.0.1:5000", why: &refused },
            Phrase::Unreachable { addr: "nowhere:5000", why: &other },
            Phrase::NoAnswer { addr: "127.0.0.1:8080", waited: Duration::from_secs(10) },
            Phrase::NotSentLine { line: 3, why: &SendError::TooLong { over: 1 } },
            Phrase::NobodyToAnswer,
            Phrase::ServerSays(&unknown),
            Phrase::ServerSays(&strange),
            Phrase::NoSuchUser("bob"),
            Phrase::Unreadable,
            Phrase::NeedName,
            Phrase::OnceIsAMessage,
            Phrase::NotUtf8,
        ];
        let refusals = [
            Refusal::InUse,
            Refusal::IllegalName,
            Refusal::Unavailable,
            Refusal::Unexplained,
            Refusal::Other { code: "777".into(), text: "lucky".into() },
        ];
        phrases.extend(refusals.iter().map(|why| Phrase::Refused { name: "Alice", why }));
        let names = [
            NameError::Empty,
            NameError::TooLong { bytes: 70 },
            NameError::Separator('|'),
            NameError::Separator(','),
            NameError::Invisible('\u{202e}'),
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
            InputError::Incomplete(Verb::Msg),
            InputError::Incomplete(Verb::Reply),
            InputError::NoText { to: "bob".into() },
            InputError::OpenQuote,
        ];
        phrases.extend(inputs.iter().map(Phrase::Misunderstood));
        let pairs: Vec<_> = phrases.iter().map(|phrase| format!("{}\n{}", en::say(phrase), es::say(phrase))).collect();
        insta::assert_snapshot!(pairs.join("\n\n"));
    }

    #[test]
    fn the_help_of_the_input_line() {
        insta::assert_snapshot!("help_en", Lang::En.say(&Phrase::Help));
        insta::assert_snapshot!("help_es", Lang::Es.say(&Phrase::Help));
    }
}
