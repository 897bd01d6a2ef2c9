//! The lines of a chat and their format.

use unicode_width::UnicodeWidthStr;

use super::sanitize::sanitize;
use super::style::{StyleRole, Styler};

/// Width of the name column. A longer name moves its text to the right.
const NAME_COLUMNS: usize = 12;

/// A line above the input row. Names and texts are as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatLine {
    /// A message to the conversation that is shown.
    Said {
        from: String,
        text: String,
        mark: SaidMark,
    },
    /// A message of this user to a conversation that is not shown.
    SaidElsewhere {
        /// The conversation, as people see it.
        to: String,
        text: String,
    },
    /// A private message to this user.
    PrivateFrom {
        from: String,
        text: String,
    },
    /// A private message from this user.
    PrivateTo {
        to: String,
        text: String,
    },
    /// A notice, for example that a user has joined.
    Notice(String),
    Error(String),
    /// The beginning of the unread lines of a conversation.
    Heading(String),
    /// Several lines of the program's own text.
    Text(String),
}

/// The mark before the name in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SaidMark {
    /// This user's own message.
    Own,
    /// A message that contains this user's name.
    Mention,
    Other,
}

impl ChatLine {
    /// Returns the lines as a terminal shows them, without line breaks. `clock` is the time, such as `15:04`.
    ///
    /// The mark is before the name, in a column that other users cannot write to. So it cannot be forged.
    pub(crate) fn render(&self, clock: &str, styler: Styler) -> Vec<String> {
        let clock = styler.role(StyleRole::Quiet, clock);
        let line = match self {
            Self::Said { from, text, mark: SaidMark::Other } => {
                format!("{clock}   {}  {}", name(from, |shown| styler.user(from, shown)), sanitize(text))
            }
            Self::Said { from, text, mark: SaidMark::Mention } => {
                let mark = styler.role(StyleRole::Mention, "*");
                let text = styler.role(StyleRole::Mention, &sanitize(text));
                format!("{clock} {mark} {}  {text}", name(from, |shown| styler.user(from, shown)))
            }
            Self::Said { from, text, mark: SaidMark::Own } | Self::SaidElsewhere { to: from, text } => {
                let mark = styler.role(StyleRole::Own, "›");
                format!("{clock} {mark} {}  {}", name(from, |shown| styler.role(StyleRole::Own, shown)), sanitize(text))
            }
            Self::Heading(text) => styler.role(StyleRole::Heading, &format!("── {}", sanitize(text))),
            Self::PrivateFrom { from: other, text } | Self::PrivateTo { to: other, text } => {
                let mark = if matches!(self, Self::PrivateTo { .. }) { "→" } else { "←" };
                let mark = styler.role(StyleRole::Private, mark);
                format!("{clock} {mark} {}  {}", name(other, |shown| styler.user(other, shown)), sanitize(text))
            }
            Self::Notice(text) => {
                format!("{clock} {}", styler.role(StyleRole::Quiet, &format!("· {}", sanitize(text))))
            }
            Self::Error(text) => format!("{clock} {}", styler.role(StyleRole::Error, &format!("! {}", sanitize(text)))),
            Self::Text(text) => return text.lines().map(|line| sanitize(line).into_owned()).collect(),
        };
        vec![line]
    }
}

/// Returns the styled name, padded to the name column. A wide character takes two columns.
fn name(name: &str, style: impl Fn(&str) -> String) -> String {
    let shown = sanitize(name);
    let padding = NAME_COLUMNS.saturating_sub(shown.width());
    format!("{}{:padding$}", style(&shown), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<ChatLine> {
        let said = |from: &str, text: &str| {
            let mark = if from == "Alice" { SaidMark::Own } else { SaidMark::Other };
            ChatLine::Said { from: from.into(), text: text.into(), mark }
        };
        vec![
            said("Alice", "hola a todos"),
            said("Bob", "¿qué tal? a|b"),
            said("日本語さん", "こんにちは"),
            said("Zoë 👩\u{200d}👧", "emoji in a name"),
            said("a name that is longer than others", "pushed"),
            said("Mallory", "\u{1b}[31mred\u{1b}[0m \u{202e}desrever\u{7}"),
            ChatLine::Said { from: "Bob".into(), text: "hola \u{1b}Alice".into(), mark: SaidMark::Mention },
            ChatLine::SaidElsewhere { to: "#garden".into(), text: "to a room".into() },
            ChatLine::Heading("#garden · 2 here · \u{1b}topic".into()),
            ChatLine::PrivateFrom { from: "Bob".into(), text: "only for you".into() },
            ChatLine::PrivateTo { to: "Ana María".into(), text: "only for her".into() },
            ChatLine::Notice("Bob joined".into()),
            ChatLine::Error("not sent: 12 bytes too many".into()),
            ChatLine::Text("one\ntwo".into()),
        ]
    }

    fn all(styler: Styler) -> String {
        lines().iter().flat_map(|note| note.render("15:04", styler)).map(|line| line + "\n").collect()
    }

    #[test]
    fn each_kind_of_line() {
        insta::assert_snapshot!("chat_plain", all(Styler::new(false)));
        insta::assert_snapshot!("chat_coloured", all(Styler::new(true)).replace('\u{1b}', "ESC"));
    }
}
