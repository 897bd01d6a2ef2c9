//! The lines of a chat and their format.

use unicode_width::UnicodeWidthStr;

use super::sanitize::sanitize;
use super::style::{StyleRole, Styler};

/// Width of the name column. A longer name moves its text to the right.
const NAME_COLUMNS: usize = 12;

/// A line above the input row. Names and texts are as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatLine {
    Broadcast {
        from: String,
        text: String,
        own: bool,
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
    /// Several lines of the program's own text.
    Text(String),
}

impl ChatLine {
    /// Returns the lines as a terminal shows them, without line breaks. `clock` is the time, such as `15:04`.
    ///
    /// The mark is before the name, in a column that other users cannot write to. So it cannot be forged.
    pub(crate) fn render(&self, clock: &str, styler: Styler) -> Vec<String> {
        let clock = styler.role(StyleRole::Quiet, clock);
        let line = match self {
            Self::Broadcast { from, text, own: false } => {
                format!("{clock}   {}  {}", name(from, |shown| styler.user(from, shown)), sanitize(text))
            }
            Self::Broadcast { from, text, own: true } => {
                let mark = styler.role(StyleRole::Own, "›");
                format!("{clock} {mark} {}  {}", name(from, |shown| styler.role(StyleRole::Own, shown)), sanitize(text))
            }
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
        let said =
            |from: &str, text: &str| ChatLine::Broadcast { from: from.into(), text: text.into(), own: from == "Alice" };
        vec![
            said("Alice", "hola a todos"),
            said("Bob", "¿qué tal? a|b"),
            said("日本語さん", "こんにちは"),
            said("Zoë 👩\u{200d}👧", "emoji in a name"),
            said("a name that is longer than others", "pushed"),
            said("Mallory", "\u{1b}[31mred\u{1b}[0m \u{202e}desrever\u{7}"),
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
