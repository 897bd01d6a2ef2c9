//! What is in the input line into messages: one, or with pasted line feeds one for each line.

use mychat_client::Sender;

use crate::console::input::{Input, InputError, parse};

/// A message that is to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    /// One user, or everybody.
    pub(super) to: Option<String>,
    pub(super) text: String,
}

/// What a line comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Draft {
    /// Messages, at least one.
    Send(Vec<Outgoing>),
    /// A command, and the lines behind it that are still to be dealt with.
    Do(Input, String),
    /// `/reply`, and nobody to reply to.
    Nobody,
}

/// Reads the input line; `last` is who wrote privately last. The first of several lines says who gets them all.
pub(super) fn compose(text: &str, last: Option<&str>) -> Result<Draft, InputError> {
    let text = text.trim_start_matches('\n');
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (to, text) = match (parse(first)?, last) {
        (Input::Say(text), _) => (None, text),
        (Input::Tell { to, text }, _) => (Some(to), text),
        (Input::Reply(text), Some(last)) => (Some(last.to_owned()), text),
        (Input::Reply(_), None) => return Ok(Draft::Nobody),
        (command, _) => return Ok(Draft::Do(command, rest.to_owned())),
    };
    let more = rest.lines().filter(|line| !line.trim().is_empty());
    let texts = std::iter::once(text).chain(more.map(str::to_owned));
    Ok(Draft::Send(texts.map(|text| Outgoing { to: to.clone(), text }).collect()))
}

/// Bytes by which the longest of the messages is too long, while it is still being typed.
pub(super) fn too_many(text: &str, last: Option<&str>, sender: &Sender) -> usize {
    let Ok(Draft::Send(messages)) = compose(text, last) else { return 0 };
    let over = |message: &Outgoing| message.text.len().saturating_sub(sender.room(message.to.as_deref()));
    messages.iter().map(over).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<(String, String)> {
        let Ok(Draft::Send(messages)) = compose(text, Some("Carla")) else { panic!("messages") };
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
        assert_eq!(compose("/users\nhola", None), Ok(Draft::Do(Input::Users, "hola".into())));
        assert_eq!(compose("/reply hola", None), Ok(Draft::Nobody));
    }
}
