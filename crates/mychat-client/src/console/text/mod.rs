//! All texts for people, in English and Spanish.

mod phrase;
mod room_phrase;

mod en;
mod en_rooms;
mod es;
mod es_rooms;

pub(crate) use phrase::Phrase;
pub(crate) use room_phrase::{Refused, RoomPhrase};

use super::lang::Lang;

impl Lang {
    /// Returns the text of a phrase. It may contain unsanitized text from other users.
    pub(crate) fn say(self, phrase: &Phrase<'_>) -> String {
        match self {
            Self::En => en::say(phrase),
            Self::Es => es::say(phrase),
        }
    }

    /// Returns the text of a phrase about rooms. It may contain unsanitized text from other users.
    pub(crate) fn say_room(self, phrase: &RoomPhrase<'_>) -> String {
        match self {
            Self::En => en_rooms::say(phrase),
            Self::Es => es_rooms::say(phrase),
        }
    }

    /// Returns the help of the input line, which points to that for rooms where the server has them.
    pub(crate) fn help_text(self, has_rooms: bool) -> String {
        let more = if has_rooms { format!("\n{}", self.say(&Phrase::MoreHelp)) } else { String::new() };
        self.say(&Phrase::Help) + &more
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
            InputError::NoRoomText { room: "my room".into() },
            InputError::TooManyWords(CommandName::Join),
            InputError::Incomplete(CommandName::Mode),
            InputError::UnknownMode("loud".into()),
        ];
        phrases.extend(inputs.iter().map(Phrase::InvalidInput));
        let pairs: Vec<_> = phrases.iter().map(|phrase| format!("{}\n{}", en::say(phrase), es::say(phrase))).collect();
        insta::assert_snapshot!(pairs.join("\n\n"));
    }

    #[test]
    fn every_phrase_about_rooms_in_both_languages() {
        use mychat_client::{Moderation, RoomMode};

        use crate::console::request::RoomRequest;

        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (room, users, operators) = ("garden", names("Alice Bob"), names("Alice"));
        let rooms = vec!["shed".to_owned(), "my room".to_owned()];
        let mut phrases = vec![
            RoomPhrase::Everybody,
            RoomPhrase::NoRooms,
            RoomPhrase::NoRoomsForText,
            RoomPhrase::RoomsLost(&rooms),
            RoomPhrase::Joined { room, user: None },
            RoomPhrase::Joined { room, user: Some("Bob") },
            RoomPhrase::JoinedAgain(room),
            RoomPhrase::Left { room, user: None },
            RoomPhrase::Left { room, user: Some("Bob") },
            RoomPhrase::Present { room, members: &users, operators: &operators },
            RoomPhrase::Topic { room, by: "Bob", text: "spring" },
            RoomPhrase::Topic { room, by: "Bob", text: "" },
            RoomPhrase::TopicIs { room, text: Some("spring") },
            RoomPhrase::TopicIs { room, text: None },
            RoomPhrase::Promoted { room, users: &operators },
            RoomPhrase::Invited { room, by: "Bob" },
            RoomPhrase::Removed { room, by: "Bob" },
            RoomPhrase::Heading { room: None, present: 2, topic: None },
            RoomPhrase::Heading { room: Some(room), present: 2, topic: Some("spring") },
            RoomPhrase::Dropped(1),
            RoomPhrase::Dropped(7),
            RoomPhrase::OwnRooms,
            RoomPhrase::Counts { present: 2, unread: 0, mentions: 0 },
            RoomPhrase::Counts { present: 2, unread: 3, mentions: 1 },
            RoomPhrase::OtherRooms(&rooms),
            RoomPhrase::NoOtherRooms,
            RoomPhrase::NotIn("my room"),
            RoomPhrase::NotInMark,
            RoomPhrase::NeedRoom(CommandName::Leave),
            RoomPhrase::NameRoom(CommandName::Topic),
            RoomPhrase::NeedRoom(CommandName::Moderate(Moderation::Kick)),
        ];
        phrases.extend(RoomMode::ALL.map(|mode| RoomPhrase::Mode { room, by: "Bob", mode: mode.text() }));
        phrases.push(RoomPhrase::Mode { room, by: "Bob", mode: "odd" });
        let moderated = |action| RoomPhrase::Moderated { action, room, by: "Alice", user: "Bob" };
        phrases.extend(Moderation::ALL.map(moderated));
        let room = || room.to_owned();
        let moderate = |action| RoomRequest::Moderate { action, room: room(), user: "Bob".into() };
        let refusals = [
            (RoomRequest::Join { room: room() }, "403"),
            (RoomRequest::Join { room: room() }, "409"),
            (RoomRequest::Join { room: room() }, "422"),
            (RoomRequest::Join { room: room() }, "503"),
            (RoomRequest::Say { room: room(), text: String::new() }, "403"),
            (RoomRequest::Say { room: room(), text: String::new() }, "404"),
            (RoomRequest::Topic { room: room(), text: String::new() }, "403"),
            (RoomRequest::Topic { room: room(), text: String::new() }, "413"),
            (RoomRequest::Mode { room: room(), mode: RoomMode::Stored }, "400"),
            (RoomRequest::List, "429"),
            (moderate(Moderation::Ban), "403"),
            (moderate(Moderation::Ban), "503"),
            (moderate(Moderation::Invite), "404"),
            (moderate(Moderation::Kick), "404"),
            (moderate(Moderation::Unban), "404"),
            (RoomRequest::Leave { room: room() }, "777"),
        ];
        let refusals = refusals.map(|(request, code)| (request, ServerError { code: code.into(), text: "no".into() }));
        let known = Refused { is_member: true, operators: &operators, room_limit: None, is_about_self: false };
        let unknown = Refused { is_member: false, operators: &[], room_limit: Some(50), is_about_self: true };
        for because in [known, unknown] {
            phrases.extend(refusals.iter().map(|(request, error)| RoomPhrase::Refused { request, error, because }));
        }
        let pair = |phrase: &RoomPhrase<'_>| format!("{}\n{}", en_rooms::say(phrase), es_rooms::say(phrase));
        insta::assert_snapshot!(phrases.iter().map(pair).collect::<Vec<_>>().join("\n\n"));
    }

    #[test]
    fn the_help_of_the_input_line() {
        for lang in [Lang::En, Lang::Es] {
            let help = lang.help_text(true) + "\n" + &lang.say(&Phrase::RoomHelp);
            assert!(lang.help_text(true).lines().count() < 24 && lang.say(&Phrase::RoomHelp).lines().count() < 24);
            let widest = help.lines().max_by_key(|line| unicode_width::UnicodeWidthStr::width(*line)).unwrap();
            assert!(unicode_width::UnicodeWidthStr::width(widest) <= 80, "{widest}");
            for command in CommandName::ALL {
                assert!(help.contains(command.name(lang)), "{}", command.name(lang));
            }
        }
        insta::assert_snapshot!("room_help_en", Lang::En.say(&Phrase::RoomHelp));
        insta::assert_snapshot!("room_help_es", Lang::Es.say(&Phrase::RoomHelp));
        insta::assert_snapshot!("help_en", Lang::En.help_text(true));
        insta::assert_snapshot!("help_es", Lang::Es.help_text(true));
    }
}
