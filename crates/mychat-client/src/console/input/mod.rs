//! Parses a typed line. The same grammar applies on a terminal, in a pipe and for `--once`.

mod command;
mod room_command;
mod words;

pub(crate) use command::{CommandName, mode_word};
pub(crate) use room_command::RoomCommand;
use words::cut_name;

/// The request in a typed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InputCommand {
    /// The line contains only white space.
    Empty,
    /// Send the text to the room that is shown, or to all users.
    Text(String),
    /// Send the text to all users, whichever room is shown.
    All(String),
    /// Show the conversation of all users.
    ShowAll,
    /// Send the text to one user.
    Message { to: String, text: String },
    /// Send the text to a room.
    Say { room: String, text: String },
    /// Send the text to the sender of the last private message.
    Reply(String),
    /// A command about rooms.
    Room(RoomCommand),
    /// Show the list of users.
    Users,
    /// Show the help.
    Help,
    /// Show the help for rooms.
    RoomHelp,
    /// Leave the chat.
    Quit,
}

/// The reason for which a line is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InputError {
    /// The line starts with `/` and an unknown command.
    UnknownCommand(String),
    /// The command requires an argument.
    Incomplete(CommandName),
    /// The command has too many arguments, or a name with spaces is not in quotation marks.
    TooManyWords(CommandName),
    /// The word is no mode of a room.
    UnknownMode(String),
    /// `@name` without a text.
    NoText { to: String },
    /// `#room` without a text.
    NoRoomText { room: String },
    /// A name without the closing quotation mark.
    OpenQuote,
}

/// Parses a line without a line feed.
pub(crate) fn parse(line: &str) -> Result<InputCommand, InputError> {
    if line.trim().is_empty() {
        return Ok(InputCommand::Empty);
    }
    // A doubled mark stands for the character itself. No name begins with a space, so a number sign before one is text.
    if ["//", "@@", "##"].iter().any(|doubled| line.starts_with(doubled)) {
        return Ok(InputCommand::Text(line[1..].to_owned()));
    }
    if let Some(addressed) = line.strip_prefix('@') {
        return private_message(addressed);
    }
    match line.strip_prefix('#') {
        Some(addressed) if !addressed.is_empty() && !addressed.starts_with(' ') => return room_message(addressed),
        _ => {}
    }
    if line.starts_with('/') { command(line) } else { Ok(InputCommand::Text(line.to_owned())) }
}

fn command(line: &str) -> Result<InputCommand, InputError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let Some(command) = CommandName::find(word) else { return Err(InputError::UnknownCommand(word.to_owned())) };
    match command {
        CommandName::Msg | CommandName::Reply if rest.trim().is_empty() => Err(InputError::Incomplete(command)),
        CommandName::Msg => private_message(rest.trim_start()),
        CommandName::Reply => Ok(InputCommand::Reply(rest.to_owned())),
        CommandName::Users => Ok(InputCommand::Users),
        CommandName::Help if matches!(rest.trim(), "rooms" | "salas") => Ok(InputCommand::RoomHelp),
        CommandName::Help => Ok(InputCommand::Help),
        CommandName::Quit => Ok(InputCommand::Quit),
        CommandName::All if rest.trim().is_empty() => Ok(InputCommand::ShowAll),
        CommandName::All => Ok(InputCommand::All(rest.to_owned())),
        _ => RoomCommand::parse(command, rest).map(InputCommand::Room),
    }
}

/// Parses `name text` or `"a name" text`.
fn private_message(addressed: &str) -> Result<InputCommand, InputError> {
    let (to, text) = cut_name(addressed)?;
    if text.trim().is_empty() {
        return Err(InputError::NoText { to: to.to_owned() });
    }
    Ok(InputCommand::Message { to: to.to_owned(), text: text.to_owned() })
}

/// Parses `room text` or `"a room" text`.
fn room_message(addressed: &str) -> Result<InputCommand, InputError> {
    let (room, text) = cut_name(addressed)?;
    if text.trim().is_empty() {
        return Err(InputError::NoRoomText { room: room.to_owned() });
    }
    Ok(InputCommand::Say { room: room.to_owned(), text: text.to_owned() })
}

/// Returns the name as it must be typed after `@`.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
}

/// Returns the name of a room as people see and type it.
pub(crate) fn room_label(room: &str) -> String {
    format!("#{}", quoted(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> InputCommand {
        InputCommand::Text(text.into())
    }

    fn say(room: &str, text: &str) -> InputCommand {
        InputCommand::Say { room: room.into(), text: text.into() }
    }

    fn message(to: &str, text: &str) -> InputCommand {
        InputCommand::Message { to: to.into(), text: text.into() }
    }

    #[test]
    fn lines_that_ask_for_something() {
        let cases = [
            ("hola a todos ", plain("hola a todos ")),
            ("  indented", plain("  indented")),
            (" \t", InputCommand::Empty),
            ("@bob hola", message("bob", "hola")),
            ("@bob  two spaces", message("bob", " two spaces")),
            ("@\"Ana María\" hola", message("Ana María", "hola")),
            ("/msg bob hola", message("bob", "hola")),
            ("/msg \"Ana María\" hola", message("Ana María", "hola")),
            ("/reply hola", InputCommand::Reply("hola".into())),
            ("/responder hola", InputCommand::Reply("hola".into())),
            ("/users", InputCommand::Users),
            ("/usuarios", InputCommand::Users),
            ("/help", InputCommand::Help),
            ("/help rooms", InputCommand::RoomHelp),
            ("/ayuda salas", InputCommand::RoomHelp),
            ("/salir", InputCommand::Quit),
            ("//etc/hosts", plain("/etc/hosts")),
            ("@@home", plain("@home")),
            ("##1", plain("#1")),
            ("# title", plain("# title")),
            ("#", plain("#")),
            ("#garden hola", say("garden", "hola")),
            ("#garden  two spaces", say("garden", " two spaces")),
            ("#\"my room\" hola", say("my room", "hola")),
            ("/all hola", InputCommand::All("hola".into())),
            ("/todos", InputCommand::ShowAll),
            ("/rooms", InputCommand::Room(RoomCommand::List)),
            ("a | b", plain("a | b")),
        ];
        for (line, input) in cases {
            assert_eq!(parse(line), Ok(input), "{line}");
        }
    }

    #[test]
    fn lines_that_do_not() {
        let cases = [
            ("/dance now", InputError::UnknownCommand("/dance".into())),
            ("/", InputError::UnknownCommand("/".into())),
            ("/msg", InputError::Incomplete(CommandName::Msg)),
            ("/reply ", InputError::Incomplete(CommandName::Reply)),
            ("@bob", InputError::NoText { to: "bob".into() }),
            ("/msg bob ", InputError::NoText { to: "bob".into() }),
            ("@\"Ana María hola", InputError::OpenQuote),
            ("#garden", InputError::NoRoomText { room: "garden".into() }),
            ("#\"my room hola", InputError::OpenQuote),
        ];
        for (line, error) in cases {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_quoted_name_parses_back() {
        for name in ["bob", "Ana María", "Zoë"] {
            assert_eq!(parse(&format!("@{} hola", quoted(name))), Ok(message(name, "hola")));
            assert_eq!(parse(&format!("{} hola", room_label(name))), Ok(say(name, "hola")));
        }
    }
}
