//! A typed line into what it asks for. The same grammar on a terminal, in a pipe and for `--once`.

use super::text::Lang;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing: the line is blank.
    Nothing,
    /// Text for everybody.
    Say(String),
    /// Text for one user.
    Tell { to: String, text: String },
    /// Text for whoever wrote last.
    Reply(String),
    /// Who is there.
    Users,
    /// What can be typed.
    Help,
    /// Leave.
    Quit,
}

/// Why a line asks for nothing that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InputError {
    /// It begins with `/` and a word that is no command.
    UnknownCommand(String),
    /// A command that wants more.
    Incomplete(Verb),
    /// `@name` and nothing behind it.
    NoText { to: String },
    /// `@"name` without the second quotation mark.
    OpenQuote,
}

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Msg,
    Reply,
    Users,
    Help,
    Quit,
}

impl Verb {
    pub(crate) const ALL: [Self; 5] = [Self::Msg, Self::Reply, Self::Users, Self::Help, Self::Quit];

    /// Its name in a language. Names of both are always understood; this one is offered.
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
        Self::ALL.into_iter().find(|verb| [Lang::En, Lang::Es].iter().any(|&lang| verb.name(lang) == word))
    }
}

/// Reads one line, which holds no line feed.
pub(crate) fn parse(line: &str) -> Result<Input, InputError> {
    if line.trim().is_empty() {
        return Ok(Input::Nothing);
    }
    // Doubled, the mark stands for itself.
    if line.starts_with("//") || line.starts_with("@@") {
        return Ok(Input::Say(line[1..].to_owned()));
    }
    if let Some(addressed) = line.strip_prefix('@') {
        return tell(addressed);
    }
    if line.starts_with('/') { command(line) } else { Ok(Input::Say(line.to_owned())) }
}

fn command(line: &str) -> Result<Input, InputError> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match Verb::find(word) {
        None => Err(InputError::UnknownCommand(word.to_owned())),
        Some(verb @ (Verb::Msg | Verb::Reply)) if rest.trim().is_empty() => Err(InputError::Incomplete(verb)),
        Some(Verb::Msg) => tell(rest.trim_start()),
        Some(Verb::Reply) => Ok(Input::Reply(rest.to_owned())),
        Some(Verb::Users) => Ok(Input::Users),
        Some(Verb::Help) => Ok(Input::Help),
        Some(Verb::Quit) => Ok(Input::Quit),
    }
}

/// `name text` or `"a name" text`. One blank separates them; what follows is content as it stands (rule S5).
fn tell(addressed: &str) -> Result<Input, InputError> {
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
    Ok(Input::Tell { to: to.to_owned(), text: rest.to_owned() })
}

/// The name as it must be typed behind `@`.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> Input {
        Input::Say(text.into())
    }

    fn tell(to: &str, text: &str) -> Input {
        Input::Tell { to: to.into(), text: text.into() }
    }

    #[test]
    fn lines_that_ask_for_something() {
        let cases = [
            ("hola a todos ", say("hola a todos ")),
            ("  indented", say("  indented")),
            (" \t", Input::Nothing),
            ("@bob hola", tell("bob", "hola")),
            ("@bob  two blanks", tell("bob", " two blanks")),
            ("@\"Ana María\" hola", tell("Ana María", "hola")),
            ("/msg bob hola", tell("bob", "hola")),
            ("/msg \"Ana María\" hola", tell("Ana María", "hola")),
            ("/reply hola", Input::Reply("hola".into())),
            ("/responder hola", Input::Reply("hola".into())),
            ("/users", Input::Users),
            ("/usuarios", Input::Users),
            ("/help", Input::Help),
            ("/salir", Input::Quit),
            ("//etc/hosts", say("/etc/hosts")),
            ("@@home", say("@home")),
            ("a | b", say("a | b")),
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
            ("/msg", InputError::Incomplete(Verb::Msg)),
            ("/reply ", InputError::Incomplete(Verb::Reply)),
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
            assert_eq!(parse(&format!("@{} hola", quoted(name))), Ok(tell(name, "hola")));
        }
    }
}
