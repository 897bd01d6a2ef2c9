//! Converts the text of the input row into messages or a command. A text of several lines gives one message per line.

use mychat_client::Sender;

use crate::console::input::{InputCommand, InputError, parse};
use crate::console::outgoing::Outgoing;
use crate::console::request::RoomRequest;

/// The recipients of text that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ComposeContext<'a> {
    /// The room that is shown, or `None` for all users.
    pub(super) shown: Option<&'a str>,
    /// The sender of the last private message.
    pub(super) last_sender: Option<&'a str>,
}

/// The result of [`compose`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Composed {
    /// One or more messages.
    Send(Vec<Outgoing>),
    /// A command, and the lines after it.
    Command(InputCommand, String),
    /// A `/reply` before any private message has arrived.
    NoReplyTarget,
}

/// Parses the text of the input row. The first line determines the recipient of all lines.
pub(super) fn compose(text: &str, context: ComposeContext<'_>) -> Result<Composed, InputError> {
    let text = text.trim_start_matches('\n');
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (to, text) = match parse(first)? {
        InputCommand::Text(text) => (context.shown.map_or(Recipients::Everybody, room), text),
        InputCommand::All(text) => (Recipients::Everybody, text),
        InputCommand::Say { room: to, text } => (room(&to), text),
        InputCommand::Message { to, text } => (Recipients::User(to), text),
        InputCommand::Reply(text) => match context.last_sender {
            Some(last_sender) => (Recipients::User(last_sender.to_owned()), text),
            None => return Ok(Composed::NoReplyTarget),
        },
        command => return Ok(Composed::Command(command, rest.to_owned())),
    };
    let more = rest.lines().filter(|line| !line.trim().is_empty());
    let texts = std::iter::once(text).chain(more.map(str::to_owned));
    Ok(Composed::Send(texts.map(|text| to.message(text)).collect()))
}

/// The recipients of all lines of a text.
enum Recipients {
    Everybody,
    User(String),
    Room(String),
}

impl Recipients {
    fn message(&self, text: String) -> Outgoing {
        match self {
            Self::Everybody => Outgoing::Broadcast(text),
            Self::User(to) => Outgoing::Private { to: to.clone(), text },
            Self::Room(room) => Outgoing::Request(RoomRequest::Say { room: room.clone(), text }),
        }
    }
}

fn room(name: &str) -> Recipients {
    Recipients::Room(name.to_owned())
}

/// Returns the number of bytes by which the longest message exceeds its limit.
pub(super) fn excess_bytes(text: &str, context: ComposeContext<'_>, sender: &Sender) -> usize {
    let Ok(Composed::Send(messages)) = compose(text, context) else { return 0 };
    messages.iter().map(|message| message.excess_bytes(sender)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str, shown: Option<&str>) -> Vec<(String, String)> {
        let context = ComposeContext { shown, last_sender: Some("Carla") };
        let Ok(Composed::Send(messages)) = compose(text, context) else { panic!("messages") };
        let pair = |message| match message {
            Outgoing::Broadcast(text) => ("*".to_owned(), text),
            Outgoing::Private { to, text } => (to, text),
            Outgoing::Request(RoomRequest::Say { room, text }) => (format!("#{room}"), text),
            Outgoing::Request(request) => panic!("{request:?}"),
        };
        messages.into_iter().map(pair).collect()
    }

    fn pair(to: &str, text: &str) -> (String, String) {
        (to.to_owned(), text.to_owned())
    }

    #[test]
    fn each_line_of_a_paste_is_a_message_to_the_same() {
        assert_eq!(messages("uno\n\n  dos\n/tres", None), [pair("*", "uno"), pair("*", "  dos"), pair("*", "/tres")]);
        assert_eq!(messages("\n@bob uno\ndos", None), [pair("bob", "uno"), pair("bob", "dos")]);
        assert_eq!(messages("/reply uno\ndos", None), [pair("Carla", "uno"), pair("Carla", "dos")]);
        assert_eq!(messages("#shed uno\n#x dos", None), [pair("#shed", "uno"), pair("#shed", "#x dos")]);
    }

    #[test]
    fn text_goes_to_the_room_that_is_shown() {
        assert_eq!(messages("uno\n@dos", Some("garden")), [pair("#garden", "uno"), pair("#garden", "@dos")]);
        assert_eq!(messages("//uno", Some("garden")), [pair("#garden", "/uno")]);
        assert_eq!(messages("/all uno", Some("garden")), [pair("*", "uno")]);
        assert_eq!(messages("@bob uno", Some("garden")), [pair("bob", "uno")]);
        assert_eq!(messages("#shed uno", Some("garden")), [pair("#shed", "uno")]);
    }

    #[test]
    fn commands_leave_the_lines_behind_them() {
        let context = ComposeContext::default();
        assert_eq!(compose("/users\nhola", context), Ok(Composed::Command(InputCommand::Users, "hola".into())));
        assert_eq!(compose("/reply hola", context), Ok(Composed::NoReplyTarget));
    }
}
