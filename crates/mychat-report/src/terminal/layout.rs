//! Layout of a text for a terminal: the columns that a text takes, and lines that continue below where they are too long.

use unicode_width::UnicodeWidthChar as _;

use crate::visible;

/// Narrowest terminal that is laid out for. On a narrower one, the terminal itself breaks the lines.
const NARROWEST: usize = 20;
/// Least columns beside an indent. With fewer, the line continues at a smaller indent.
const LEAST_BESIDE_INDENT: usize = 28;

/// Text of lines that are laid out to a width.
#[derive(Debug)]
pub(crate) struct TextLayout {
    text: String,
    /// Columns of the terminal; `None` for a pipe or a file, whose lines have any length.
    columns: Option<usize>,
}

impl TextLayout {
    pub(crate) fn new(columns: Option<usize>) -> Self {
        Self { text: String::new(), columns: columns.map(|columns| columns.max(NARROWEST)) }
    }

    /// Returns the columns that a line has; `None` for any number.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Adds lines. One that is too long continues two columns to the right of its beginning.
    pub(crate) fn add(&mut self, lines: &str) {
        for line in lines.split('\n') {
            self.hang(leading_spaces(line) + 2, line);
        }
    }

    /// Adds one line. If it is too long, it continues on lines that begin with `indent` spaces.
    pub(crate) fn hang(&mut self, indent: usize, line: &str) {
        let Some(columns) = self.columns else {
            self.text.push_str(line);
            self.text.push('\n');
            return;
        };
        let fits = indent + LEAST_BESIDE_INDENT <= columns;
        let indent = if fits { indent } else { (leading_spaces(line) + 2).min(columns / 2) };
        let (mut rest, mut room) = (line, columns);
        while let Some(end) = break_position(rest, room) {
            self.text.push_str(rest[..end].trim_end_matches(' '));
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', indent));
            rest = rest[end..].trim_start_matches(' ');
            room = columns - indent;
        }
        self.text.push_str(rest);
        self.text.push('\n');
    }

    /// Adds a shell command after `before`. A line that continues ends with a backslash, so that the command can be copied.
    /// A word that is too long is not split.
    pub(crate) fn command(&mut self, before: &str, command: &str) {
        let words = self.columns.and_then(|columns| Some((columns, shell_words::split(command).ok()?)));
        let Some((columns, words)) = words else {
            return self.hang(0, &format!("{before}{}", visible(command)));
        };
        let mut line = before.to_owned();
        let mut is_first = true;
        for word in &words {
            let word = shell_words::quote(word);
            let word = visible(&word);
            // Leaves room for the backslash.
            if !is_first && width(&line) + 1 + width(&word) + 2 > columns {
                self.text.push_str(&line);
                self.text.push_str(" \\\n");
                line = " ".repeat(leading_spaces(before) + 4);
                is_first = true;
            }
            if !is_first {
                line.push(' ');
            }
            line.push_str(&word);
            is_first = false;
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }

    /// Returns the text so far, and begins with an empty one.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Returns the text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Returns the columns that a text takes on a terminal. Styles take none.
pub(crate) fn width(text: &str) -> usize {
    chars_with_columns(text).map(|(_, _, columns)| columns).sum()
}

/// Appends spaces up to `columns`.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Shortens a text to at most `columns`.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut taken = 0;
    let mut short: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken < columns
        })
        .collect();
    short.push('…');
    short
}

fn leading_spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Returns the byte at which a line must end, so that what is before it fits into `room` columns: after ` · ` or a space, or
/// within a word that is longer than a line. `None` if all of it fits.
fn break_position(line: &str, room: usize) -> Option<usize> {
    let begin = leading_spaces(line);
    let (mut used, mut after_space, mut after_dot) = (0, None, None);
    let mut before = None;
    for (at, c, columns) in chars_with_columns(line) {
        if c == ' ' && at > begin {
            // Spaces in series belong to the end of the line.
            after_space = Some(at + 1);
            if before == Some('·') && used * 2 >= room {
                after_dot = Some(at + 1);
            }
        }
        used += columns;
        if used > room && c != ' ' {
            let forced = if at > begin { at } else { at + c.len_utf8() };
            let is_end = forced >= line.len();
            return after_dot.or(after_space).or((!is_end).then_some(forced));
        }
        before = Some(c);
    }
    None
}

/// Returns the characters of a text, each with its byte position and its columns. Those of a style have none.
fn chars_with_columns(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let mut in_style = false;
    text.char_indices().map(move |(at, c)| {
        let columns = match c {
            '\u{1b}' => {
                in_style = true;
                0
            }
            _ if in_style => {
                in_style = c != 'm';
                0
            }
            // Shows the character before it as an emoji, which is wide.
            '\u{fe0f}' => 1,
            c => c.width().unwrap_or(0),
        };
        (at, c, columns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(columns: usize, indent: usize, line: &str) -> String {
        let mut text = TextLayout::new(Some(columns));
        text.hang(indent, line);
        text.finish()
    }

    #[test]
    fn a_line_continues_at_its_indent_and_in_no_word() {
        let line = "  Want   every user gets the message once, and nobody else gets it";
        let expected = "  Want   every user gets the message\n         once, and nobody else gets it\n";
        assert_eq!(laid_out(40, 9, line), expected);
        assert_eq!(laid_out(200, 9, line), format!("{line}\n"));
    }

    #[test]
    fn a_list_breaks_between_its_items() {
        let line = "  lost 0 · duplicated 0 · reordered 0 · misrouted 0";
        assert_eq!(laid_out(40, 4, line), "  lost 0 · duplicated 0 · reordered 0 ·\n    misrouted 0\n");
    }

    #[test]
    fn wide_characters_take_two_columns_and_styles_none() {
        let line = "\u{1b}[31m漢字漢字 漢字漢字 漢字漢字 漢字漢字\u{1b}[0m ⚠\u{fe0f}";
        assert_eq!(width(line), 35 + 3);
        let text = laid_out(20, 2, line);
        assert!(text.lines().all(|line| width(line) <= 20), "{text}");
        assert_eq!(text.replace(['\n', ' '], ""), line.replace(' ', ""));
        assert_eq!(shortened("漢字漢字", 5), "漢字…");
        assert_eq!(width(&padded("漢", 5)), 5);
    }

    #[test]
    fn a_word_that_is_too_long_is_split() {
        let text = laid_out(20, 2, &"漢".repeat(30));
        assert!(text.lines().all(|line| width(line) <= 20), "{text}");
        assert_eq!(text.matches('漢').count(), 30);
        assert_eq!(laid_out(20, 2, ""), "\n");
    }

    #[test]
    fn a_command_can_be_copied_from_a_narrow_terminal() {
        let command = "mychat-bench conformance --only frame.two-in-one --seed 7 --spawn 'python3 my server.py {port}'";
        let mut text = TextLayout::new(Some(50));
        text.command("  Rerun  ", command);
        let text = text.finish();
        assert!(text.lines().count() > 2 && text.lines().all(|line| width(line) <= 50), "{text}");
        // A shell removes a backslash with its line feed.
        let typed = text.trim_start().strip_prefix("Rerun").unwrap().replace("\\\n", "");
        assert_eq!(shell_words::split(&typed).unwrap(), shell_words::split(command).unwrap());
    }
}
