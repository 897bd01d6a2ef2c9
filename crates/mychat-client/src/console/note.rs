//! One line of a chat: what it is, and how it looks.

use unicode_width::UnicodeWidthStr;

use super::harmless::harmless;
use super::paint::{Paint, Role};

/// Columns for a name; a longer one pushes its text to the right.
const NAME_COLUMNS: usize = 12;

/// Something to show above the input line. Names and texts are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// A broadcast.
    Said { from: String, text: String, own: bool },
    /// A private message to this user.
    Whispered { from: String, text: String },
    /// A private message from this user.
    Sent { to: String, text: String },
    /// Who came, who went and the like.
    News(String),
    /// What went wrong.
    Trouble(String),
    /// Text of the program's own, of several lines.
    Plain(String),
}

impl Note {
    /// The lines as a terminal shows them, without line breaks in them. `clock` is the time, `15:04`.
    ///
    /// The mark comes before the name, where nobody's name or text can stand: it cannot be forged.
    pub(crate) fn render(&self, clock: &str, paint: Paint) -> Vec<String> {
        let clock = paint.role(Role::Quiet, clock);
        let line = match self {
            Self::Said { from, text, own: false } => {
                format!("{clock}   {}  {}", name(from, |shown| paint.user(from, shown)), harmless(text))
            }
            Self::Said { from, text, own: true } => {
                let mark = paint.role(Role::Own, "›");
                format!("{clock} {mark} {}  {}", name(from, |shown| paint.role(Role::Own, shown)), harmless(text))
            }
            Self::Whispered { from: other, text } | Self::Sent { to: other, text } => {
                let mark = if matches!(self, Self::Sent { .. }) { "→" } else { "←" };
                let mark = paint.role(Role::Private, mark);
                format!("{clock} {mark} {}  {}", name(other, |shown| paint.user(other, shown)), harmless(text))
            }
            Self::News(text) => format!("{clock} {}", paint.role(Role::Quiet, &format!("· {}", harmless(text)))),
            Self::Trouble(text) => format!("{clock} {}", paint.role(Role::Trouble, &format!("! {}", harmless(text)))),
            Self::Plain(text) => return text.lines().map(|line| harmless(line).into_owned()).collect(),
        };
        vec![line]
    }
}

/// The name in its style, and blanks up to its columns: two for a wide character.
fn name(name: &str, style: impl Fn(&str) -> String) -> String {
    let shown = harmless(name);
    let blanks = NAME_COLUMNS.saturating_sub(shown.width());
    format!("{}{:blanks$}", style(&shown), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Vec<Note> {
        let said = |from: &str, text: &str| Note::Said { from: from.into(), text: text.into(), own: from == "Alice" };
        vec![
            said("Alice", "hola a todos"),
            said("Bob", "¿qué tal? a|b"),
            said("日本語さん", "こんにちは"),
            said("Zoë 👩\u{200d}👧", "emoji in a name"),
            said("a name that is longer than others", "pushed"),
            said("Mallory", "\u{1b}[31mred\u{1b}[0m \u{202e}desrever\u{7}"),
            Note::Whispered { from: "Bob".into(), text: "only for you".into() },
            Note::Sent { to: "Ana María".into(), text: "only for her".into() },
            Note::News("Bob joined".into()),
            Note::Trouble("not sent: 12 bytes too many".into()),
            Note::Plain("one\ntwo".into()),
        ]
    }

    fn all(paint: Paint) -> String {
        notes().iter().flat_map(|note| note.render("15:04", paint)).map(|line| line + "\n").collect()
    }

    #[test]
    fn lines_of_a_chat() {
        insta::assert_snapshot!("chat_plain", all(Paint::new(false)));
        insta::assert_snapshot!("chat_coloured", all(Paint::new(true)).replace('\u{1b}', "ESC"));
    }
}
