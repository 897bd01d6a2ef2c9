//! The commands about rooms. A command without a room concerns the room that is shown.

use mychat_client::{Moderation, RoomMode};

use super::command::find_mode;
use super::words::{Word, first_word, words};
use super::{CommandName, InputError};
use crate::console::request::RoomRequest;

/// A typed command about rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoomCommand {
    Join { room: String },
    Leave { room: Option<String> },
    List,
    Members { room: Option<String> },
    ShowTopic { room: Option<String> },
    SetTopic { room: Option<String>, text: String },
    Mode { room: Option<String>, mode: RoomMode },
    Moderate { action: Moderation, room: Option<String>, user: String },
}

impl RoomCommand {
    /// Parses the words after the command.
    pub(super) fn parse(command: CommandName, rest: &str) -> Result<Self, InputError> {
        match command {
            CommandName::Join => {
                let room = only_room(command, rest)?.ok_or(InputError::Incomplete(command))?;
                Ok(Self::Join { room })
            }
            CommandName::Leave => Ok(Self::Leave { room: only_room(command, rest)? }),
            CommandName::Members => Ok(Self::Members { room: only_room(command, rest)? }),
            CommandName::Rooms if rest.trim().is_empty() => Ok(Self::List),
            CommandName::Topic => topic(rest),
            CommandName::Mode => {
                let (word, room) = word_and_room(command, rest)?;
                let mode = find_mode(&word).ok_or(InputError::UnknownMode(word))?;
                Ok(Self::Mode { room, mode })
            }
            CommandName::Moderate(action) => {
                let (user, room) = word_and_room(command, rest)?;
                Ok(Self::Moderate { action, room, user })
            }
            _ => Err(InputError::TooManyWords(command)),
        }
    }

    /// Returns the command's own name.
    pub(crate) const fn name(&self) -> CommandName {
        match self {
            Self::Join { .. } => CommandName::Join,
            Self::Leave { .. } => CommandName::Leave,
            Self::List => CommandName::Rooms,
            Self::Members { .. } => CommandName::Members,
            Self::ShowTopic { .. } | Self::SetTopic { .. } => CommandName::Topic,
            Self::Mode { .. } => CommandName::Mode,
            Self::Moderate { action, .. } => CommandName::Moderate(*action),
        }
    }

    /// Returns the request to the server. A command without a room concerns `current`; without that either, and for a
    /// command that the server does not answer, there is none.
    pub(crate) fn into_request(self, current: Option<&str>) -> Option<RoomRequest> {
        let or_current = |room: Option<String>| room.or_else(|| current.map(str::to_owned));
        Some(match self {
            Self::Join { room } => RoomRequest::Join { room },
            Self::Leave { room } => RoomRequest::Leave { room: or_current(room)? },
            Self::List => RoomRequest::List,
            Self::Members { room } => RoomRequest::Members { room: or_current(room)? },
            Self::ShowTopic { .. } => return None,
            Self::SetTopic { room, text } => RoomRequest::Topic { room: or_current(room)?, text },
            Self::Mode { room, mode } => RoomRequest::Mode { room: or_current(room)?, mode },
            Self::Moderate { action, room, user } => RoomRequest::Moderate { action, room: or_current(room)?, user },
        })
    }
}

/// Parses at most one room, which may come without `#`.
fn only_room(command: CommandName, rest: &str) -> Result<Option<String>, InputError> {
    let mut words = words(rest)?.into_iter();
    match (words.next(), words.next()) {
        (_, Some(_)) => Err(InputError::TooManyWords(command)),
        (Some(Word { text, is_room: true }), None) => Ok(Some(text)),
        (Some(Word { text, .. }), None) => Ok(Some(text.strip_prefix('#').unwrap_or(&text).to_owned())),
        (None, None) => Ok(None),
    }
}

/// Parses a word and perhaps a room, in either order.
fn word_and_room(command: CommandName, rest: &str) -> Result<(String, Option<String>), InputError> {
    let (rooms, others): (Vec<_>, Vec<_>) = words(rest)?.into_iter().partition(|word| word.is_room);
    let (mut rooms, mut others) = (rooms.into_iter(), others.into_iter());
    let Some(word) = others.next() else { return Err(InputError::Incomplete(command)) };
    let room = rooms.next().map(|room| room.text);
    if others.next().is_some() || rooms.next().is_some() {
        return Err(InputError::TooManyWords(command));
    }
    Ok((word.text, room))
}

/// Parses `[#room] [text]`. The text `""` removes the topic.
fn topic(rest: &str) -> Result<RoomCommand, InputError> {
    let (room, text) = match first_word(rest) {
        Ok(Some((Word { text: room, is_room: true }, text))) => (Some(room), text),
        Err(error) if rest.trim_start().starts_with('#') => return Err(error),
        _ => (None, rest),
    };
    let text = text.trim();
    Ok(match text {
        "" => RoomCommand::ShowTopic { room },
        "\"\"" => RoomCommand::SetTopic { room, text: String::new() },
        _ => RoomCommand::SetTopic { room, text: text.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{InputCommand, parse};
    use super::*;

    fn command(line: &str) -> RoomCommand {
        match parse(line) {
            Ok(InputCommand::Room(command)) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn rooms_come_with_and_without_their_mark() {
        let join = |room: &str| RoomCommand::Join { room: room.into() };
        for (line, room) in [
            ("/join garden", "garden"),
            ("/join #garden", "garden"),
            ("/entrar  #garden ", "garden"),
            ("/join #\"my room\"", "my room"),
            ("/join \"my room\"", "my room"),
            ("/join \"#my room\"", "my room"),
            ("/join ##x", "#x"),
        ] {
            assert_eq!(command(line), join(room), "{line}");
        }
        assert_eq!(command("/leave"), RoomCommand::Leave { room: None });
        assert_eq!(command("/dejar garden"), RoomCommand::Leave { room: Some("garden".into()) });
        assert_eq!(command("/members #garden"), RoomCommand::Members { room: Some("garden".into()) });
    }

    #[test]
    fn a_topic_may_follow_a_room() {
        let set =
            |room: Option<&str>, text: &str| RoomCommand::SetTopic { room: room.map(str::to_owned), text: text.into() };
        assert_eq!(command("/topic"), RoomCommand::ShowTopic { room: None });
        assert_eq!(command("/topic #garden"), RoomCommand::ShowTopic { room: Some("garden".into()) });
        assert_eq!(command("/topic spring time"), set(None, "spring time"));
        assert_eq!(command("/tema #garden spring #1"), set(Some("garden"), "spring #1"));
        assert_eq!(command("/topic #garden \"\""), set(Some("garden"), ""));
        assert_eq!(command("/topic \"quoted"), set(None, "\"quoted"));
    }

    #[test]
    fn operators_name_a_user_and_perhaps_a_room() {
        let kick = |room: Option<&str>, user: &str| RoomCommand::Moderate {
            action: Moderation::Kick,
            room: room.map(str::to_owned),
            user: user.into(),
        };
        assert_eq!(command("/kick bob"), kick(None, "bob"));
        assert_eq!(command("/kick bob #garden"), kick(Some("garden"), "bob"));
        assert_eq!(command("/kick #garden bob"), kick(Some("garden"), "bob"));
        assert_eq!(command("/expulsar \"Ana María\" #\"my room\""), kick(Some("my room"), "Ana María"));
        let mode = RoomCommand::Mode { room: Some("garden".into()), mode: RoomMode::Quiet };
        assert_eq!(command("/mode quiet #garden"), mode);
        assert_eq!(command("/modo #garden callada"), mode);
    }

    #[test]
    fn invalid_words_have_their_error() {
        use InputError::{Incomplete, OpenQuote, TooManyWords, UnknownMode};
        let kick = CommandName::Moderate(Moderation::Kick);
        for (line, error) in [
            ("/join", Incomplete(CommandName::Join)),
            ("/join my room", TooManyWords(CommandName::Join)),
            ("/join #\"my room", OpenQuote),
            ("/rooms all", TooManyWords(CommandName::Rooms)),
            ("/kick", Incomplete(kick)),
            ("/kick #garden", Incomplete(kick)),
            ("/kick bob spam", TooManyWords(kick)),
            ("/kick bob #a #b", TooManyWords(kick)),
            ("/mode", Incomplete(CommandName::Mode)),
            ("/mode loud", UnknownMode("loud".into())),
            ("/topic #\"my room spring", OpenQuote),
        ] {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn the_current_room_stands_for_a_missing_one() {
        let leave = |room: &str| Some(RoomRequest::Leave { room: room.into() });
        assert_eq!(command("/leave").into_request(Some("garden")), leave("garden"));
        assert_eq!(command("/leave shed").into_request(Some("garden")), leave("shed"));
        assert_eq!(command("/leave").into_request(None), None);
        assert_eq!(command("/rooms").into_request(None), Some(RoomRequest::List));
    }
}
