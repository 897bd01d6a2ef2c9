//! Converts the text of the input row into messages or a command. A text of several lines gives one message per line.

use mychat_client::Sender;

use crate::console::input::{InputCommand, InputError, parse};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutgoingMessage {
    /// A user's name, or `None` for all users.
    pub(super) to: Option<String>,
    pub(super) text: String,
}

/// The result of [`compose`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Composed {
    /// One or more messages.
    Send(Vec<OutgoingMessage>),
    /// A command, and the lines after it.
    Command(InputCommand, String),
    /// A `/reply` before any private message has arrived.
    NoReplyTarget,
}

/// Parses the text of the input row. `last` is the sender of the last private message. The first line determines the
/// recipient of all lines.
pub(super) fn compose(text: &str, last_sender: Option<&str>) -> Result<Composed, InputError> {
    let text = text.trim_start_matches('\n');
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (to, text) = match (parse(first)?, last_sender) {
        (InputCommand::Broadcast(text), _) => (None, text),
        (InputCommand::Message { to, text }, _) => (Some(to), text),
        (InputCommand::Reply(text), Some(last_sender)) => (Some(last_sender.to_owned()), text),
        (InputCommand::Reply(_), None) => return Ok(Composed::NoReplyTarget),
        (command, _) => return Ok(Composed::Command(command, rest.to_owned())),
    };
    let more = rest.lines().filter(|line| !line.trim().is_empty());
    let texts = std::iter::once(text).chain(more.map(str::to_owned));
    Ok(Composed::Send(texts.map(|text| OutgoingMessage { to: to.clone(), text }).collect()))
}

/// Returns the number of bytes by which the longest message exceeds its limit.
pub(super) fn excess_bytes(text: &str, last_sender: Option<&str>, sender: &Sender) -> usize {
    let Ok(Composed::Send(messages)) = compose(text, last_sender) else { return 0 };
    let over =
        |message: &OutgoingMessage| message.text.len().saturating_sub(sender.max_content_len(message.to.as_deref()));
    messages.iter().map(over).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<(String, String)> {
        let Ok(Composed::Send(messages)) = compose(text, Some("Carla")) else { panic!("messages") };
        messages.into_iter().map(|message| (message.to.unwrap_or("*".into()), message.text)).collect()
    }

    #[test]
    fn each_line_of_a_paste_is_a_message_to_the_same() {
        let pair = |to: &str, text: &str| (to.to_owned(), text.to_owned());
        assert_eq!(messages("uno\n\n  dos\n/tres"), [pair("*", "uno"), pair("*", "  dos"), pair("*", "/tres")]);
        assert_eq!(messages("\n@bob uno\ndos"), [pair("bob", "uno"), pair("bob", "dos")]);
        assert_eq!(messages("/reply uno\ndos"), [pair("Carla", "uno"), pair("Carla", "dos")]);
    }

    #[test]
    fn commands_leave_the_lines_behind_them() {
        assert_eq!(compose("/users\nhola", None), Ok(Composed::Command(InputCommand::Users, "hola".into())));
        assert_eq!(compose("/reply hola", None), Ok(Composed::NoReplyTarget));
    }
}
