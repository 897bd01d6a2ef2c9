//! Applies colors and styles to the parts of a chat line, if colors are enabled.

use anstyle::{AnsiColor, Color, Style};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Styler {
    enabled: bool,
}

/// The colors of user names. A terminal's theme keeps the basic colors readable. Red is reserved for errors.
const USERS: [AnsiColor; 8] = [
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::BrightBlue,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightGreen,
    AnsiColor::BrightCyan,
];

/// The kind of a part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StyleRole {
    /// Times and notices.
    Quiet,
    /// The user's own name.
    Own,
    Error,
    /// The mark of a private message.
    Private,
    /// A message that contains the user's own name.
    Mention,
    /// The beginning of a conversation.
    Heading,
}

impl Styler {
    pub(crate) const fn new(enabled: bool) -> Self {
        Self { enabled }
    }

    /// Returns the text in the style of its kind.
    pub(crate) fn role(self, role: StyleRole, text: &str) -> String {
        let style = match role {
            StyleRole::Quiet => Style::new().dimmed(),
            StyleRole::Own => Style::new().bold(),
            StyleRole::Error => colour(AnsiColor::Red),
            StyleRole::Private => colour(AnsiColor::Magenta).bold(),
            StyleRole::Mention => colour(AnsiColor::Yellow).bold(),
            StyleRole::Heading => Style::new().dimmed().bold(),
        };
        self.style(style, text)
    }

    /// Returns a user's name in the user's color, which is the same in every session.
    pub(crate) fn user(self, name: &str, shown: &str) -> String {
        self.style(colour(USERS[hash(name) as usize % USERS.len()]), shown)
    }

    fn style(self, style: Style, text: &str) -> String {
        if self.enabled { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// FNV-1a. The hash function of the standard library may change between versions, and the colors with it.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
