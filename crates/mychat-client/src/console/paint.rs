//! Colours: which part of a line gets which, and none where they are not wanted.

use anstyle::{AnsiColor, Color, Style};

/// Styles, or none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    enabled: bool,
}

/// The terminal's own colours, which its theme keeps readable; red means trouble and is nobody's.
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

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Times, news: there, and not in the way.
    Quiet,
    /// The own name.
    Own,
    /// Trouble.
    Trouble,
    /// The mark of a private message.
    Private,
}

impl Paint {
    pub(crate) const fn new(enabled: bool) -> Self {
        Self { enabled }
    }

    /// The text in the style of its role.
    pub(crate) fn role(self, role: Role, text: &str) -> String {
        let style = match role {
            Role::Quiet => Style::new().dimmed(),
            Role::Own => Style::new().bold(),
            Role::Trouble => colour(AnsiColor::Red),
            Role::Private => colour(AnsiColor::Magenta).bold(),
        };
        self.style(style, text)
    }

    /// A user's name in the user's colour, the same in every session.
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

/// FNV-1a: the standard library's hasher may change from version to version, and colours with it.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
