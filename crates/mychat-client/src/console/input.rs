//! Parses a typed line. The same grammar applies on a terminal, in a pipe and for `--once`.

use super::lang::Lang;

/// The request in a typed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InputCommand {
    /// The line contains only white space.
    Empty,
    /// Send the text to all users.
    Broadcast(String),
    /// Send the text to one user.
    Message { to: String, text: String },
    /// Send the text to the sender of the last private message.
    Reply(String),
    /// Show the list of users.
    Users,
    /// Show the help.
    Help,
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
    /// `@name` without a text.
    NoText { to: String },
    /// `@"name` without the closing quotation mark.
    OpenQuote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandName {
    Msg,
    Reply,
    Users,
    Help,
    Quit,
}

impl CommandName {
    pub(crate) const ALL: [Self; 5] = [Self::Msg, Self::Reply, Self::Users, Self::Help, Self::Quit];

    /// Returns the command in a language. Both languages are always accepted; this name is offered for completion.
    pub(crate) const fn name(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Msg, _) => "/msg",
            (Self::Reply, Lang::En) => "/reply",
            (Self::Reply, Lang::Es) => "/responder",
            (Self::Users, Lang::En) => "/users",
            (Self::Users, Lang::Es) => "/usuarios",
            (Self::Help, Lang::En) => "/help",
            (Self::Help, Lang::Es) => "/ayuda",
            (Self::Quit, Lang::En) => "/quit",
            (Self::Quit, Lang::Es) => "/salir",
        }
    }

    fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| [Lang::En, Lang::Es].iter().any(|&lang| command.name(lang) == word))
    }
}

/// Parses a line without a line feed.
pub(crate) fn parse(line: &str) -> Result<InputCommand, InputError> {
    if line.trim().is_empty() {
        return Ok(InputCommand::Empty);
    }
    // A doubled mark stands for the character itself.
    if line.starts_with("//") || line.starts_with("@@") {
        return Ok(InputCommand::Broadcast(line[1..].to_owned()));
    }
    if let Some(addressed) = line.strip_prefix('@') {
        return private_message(addressed);
    }
    if line.starts_with('/') { command(line) } else { Ok(InputCommand::Broadcast(line.to_owned())) }
}

fn command(line: &str) -> Result<InputCommand, InputError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match CommandName::find(word) {
        None => Err(InputError::UnknownCommand(word.to_owned())),
        Some(command @ (CommandName::Msg | CommandName::Reply)) if rest.trim().is_empty() => {
            Err(InputError::Incomplete(command))
        }
        Some(CommandName::Msg) => private_message(rest.trim_start()),
        Some(CommandName::Reply) => Ok(InputCommand::Reply(rest.to_owned())),
        Some(CommandName::Users) => Ok(InputCommand::Users),
        Some(CommandName::Help) => Ok(InputCommand::Help),
        Some(CommandName::Quit) => Ok(InputCommand::Quit),
    }
}

/// Parses `name text` or `"a name" text`. One space separates them; the rest is unchanged content (rule S5).
fn private_message(addressed: &str) -> Result<InputCommand, InputError> {
    let (to, rest) = match addressed.strip_prefix('"') {
        Some(quoted) => {
            let (name, rest) = quoted.split_once('"').ok_or(InputError::OpenQuote)?;
            (name, rest.strip_prefix(' ').unwrap_or(rest))
        }
        None => addressed.split_once(' ').unwrap_or((addressed, "")),
    };
    if rest.trim().is_empty() {
        return Err(InputError::NoText { to: to.to_owned() });
    }
    Ok(InputCommand::Message { to: to.to_owned(), text: rest.to_owned() })
}

/// Returns the name as it must be typed after `@`.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast(text: &str) -> InputCommand {
        InputCommand::Broadcast(text.into())
    }

    fn message(to: &str, text: &str) -> InputCommand {
        InputCommand::Message { to: to.into(), text: text.into() }
    }

    #[test]
    fn lines_that_ask_for_something() {
        let cases = [
            ("hola a todos ", broadcast("hola a todos ")),
            ("  indented", broadcast("  indented")),
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
            ("/salir", InputCommand::Quit),
            ("//etc/hosts", broadcast("/etc/hosts")),
            ("@@home", broadcast("@home")),
            ("a | b", broadcast("a | b")),
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
        ];
        for (line, error) in cases {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_quoted_name_parses_back() {
        for name in ["bob", "Ana María", "Zoë"] {
            assert_eq!(parse(&format!("@{} hola", quoted(name))), Ok(message(name, "hola")));
        }
    }
}
