//! The lines of a conversation that is not shown.

use std::collections::VecDeque;

use super::conversations::LineKind;
use crate::console::chat_line::ChatLine;

/// Maximum number of lines that are kept. Of a busy room, the newest are.
const MAX_LINES: usize = 200;

/// Unread lines, with their time.
#[derive(Debug, Default)]
pub(super) struct Unread {
    lines: VecDeque<(String, ChatLine)>,
    messages: usize,
    mentions: usize,
    dropped: usize,
}

impl Unread {
    pub(super) fn push(&mut self, kind: LineKind, clock: &str, line: ChatLine) {
        self.messages += usize::from(kind != LineKind::Notice);
        self.mentions += usize::from(kind == LineKind::Mention);
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back((clock.to_owned(), line));
    }

    /// Returns the number of messages, also of those that are not kept.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Returns the number of messages that contain the user's name.
    pub(super) fn mentions(&self) -> usize {
        self.mentions
    }

    /// Returns the number of lines that are not kept.
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    /// Returns the kept lines, oldest first, with their times.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &ChatLine)> {
        self.lines.iter().map(|(clock, line)| (clock.as_str(), line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_all_are_counted() {
        let mut unread = Unread::default();
        for number in 0..MAX_LINES + 5 {
            unread.push(LineKind::Message, "15:04", ChatLine::Notice(number.to_string()));
        }
        assert_eq!((unread.messages(), unread.dropped()), (MAX_LINES + 5, 5));
        assert_eq!(unread.lines().next(), Some(("15:04", &ChatLine::Notice("5".to_owned()))));
    }
}
