//! The output of the terminal: chat lines that scroll, and one input row below them.
//!
//! The input always takes one row; a long text scrolls sideways. So the row can be erased completely and drawn again
//! after each chat line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::console::sanitize::sanitize;
use crate::console::style::{StyleRole, Styler};

/// Minimum number of columns for the text. On a narrower screen the prompt is hidden.
const MIN_TEXT_COLUMNS: usize = 12;

#[derive(Debug, Clone, Copy)]
pub(super) struct InputRow<'a> {
    /// Alternatives, the longest first. A shorter one is shown where a longer one would leave the text less than half the row.
    pub(super) prompts: &'a [String],
    pub(super) text: &'a str,
    /// Byte offset of the cursor in `text`.
    pub(super) cursor: usize,
    /// Number of bytes above the limit, shown at the right edge. 0 shows nothing.
    pub(super) excess: usize,
}

#[derive(Debug)]
pub(super) struct TerminalScreen<W> {
    out: W,
    styler: Styler,
    columns: usize,
    /// Column of the cursor in the last drawn row.
    cursor: usize,
    /// Number of graphemes that are scrolled out on the left.
    scrolled: usize,
    /// True if the next drawing rings the bell.
    rings: bool,
}

impl<W: Write> TerminalScreen<W> {
    pub(super) fn new(out: W, columns: u16, styler: Styler) -> Self {
        Self { out, styler, columns: usable(columns), cursor: 0, scrolled: 0, rings: false }
    }

    /// Sets the width of the terminal. A terminal that became narrower has wrapped the old row; the next drawing erases
    /// all parts of it.
    pub(super) fn resize(&mut self, columns: u16) {
        self.columns = usable(columns);
    }

    /// Starts a new input row where the cursor is. The program did not have the terminal for a while.
    pub(super) fn restart_row(&mut self, columns: u16) {
        self.resize(columns);
        self.cursor = 0;
    }

    /// Rings the terminal's bell with the next drawing.
    pub(super) fn ring(&mut self) {
        self.rings = true;
    }

    /// Prints `lines` above the input row and draws the row.
    pub(super) fn show(&mut self, lines: &[String], row: InputRow<'_>) -> io::Result<()> {
        // One write between the marks of a synchronized update: a terminal that supports them updates the screen once.
        let mut frame = String::from("\x1b[?2026h\x1b[?25l");
        if std::mem::take(&mut self.rings) {
            frame.push('\x07');
        }
        self.erase(&mut frame);
        for line in lines {
            frame.push_str(line);
            frame.push_str("\r\n");
        }
        self.draw(row, &mut frame);
        frame.push_str("\x1b[?25h\x1b[?2026l");
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }

    /// Prints `lines` and removes the input row.
    pub(super) fn close(&mut self, lines: &[String]) -> io::Result<()> {
        let mut frame = String::new();
        self.erase(&mut frame);
        for line in lines {
            frame.push_str(line);
            frame.push_str("\r\n");
        }
        self.cursor = 0;
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }

    /// Clears the screen. The caller draws the row next.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.cursor = 0;
        self.out.write_all(b"\x1b[2J\x1b[H")
    }

    fn erase(&mut self, frame: &mut String) {
        let rows_above = self.cursor / self.columns;
        if rows_above > 0 {
            let _ = write!(frame, "\x1b[{rows_above}A");
        }
        frame.push_str("\r\x1b[J");
    }

    fn draw(&mut self, row: InputRow<'_>, frame: &mut String) {
        let counter = if row.excess > 0 { format!(" +{}", row.excess) } else { String::new() };
        // On a screen too narrow for the counter, the text goes first.
        let counter = if counter.width() < self.columns { counter } else { String::new() };
        // The last column stays empty, because some terminals wrap after it.
        let columns = self.columns.saturating_sub(1 + counter.width());
        let prompt = choose_prompt(row.prompts, columns);
        let room = columns - prompt.width().min(columns);
        let window = VisibleText::new(row.text, row.cursor, room, &mut self.scrolled);
        self.cursor = prompt.width() + window.before.width();
        // The terminal saves and restores the cursor position, because it may use another width for a character.
        frame.push_str(&self.styler.role(StyleRole::Own, &prompt));
        frame.push_str(&window.before);
        frame.push_str("\x1b7");
        frame.push_str(&window.after);
        if !counter.is_empty() {
            let column = self.columns - counter.width();
            let _ = write!(frame, "\x1b[{column}G{}", self.styler.role(StyleRole::Error, &counter));
        }
        frame.push_str("\x1b8");
    }
}

/// Returns the first prompt that leaves enough of the columns, or an empty one.
fn choose_prompt(prompts: &[String], columns: usize) -> Cow<'_, str> {
    let last = prompts.len().saturating_sub(1);
    for (index, prompt) in prompts.iter().enumerate() {
        let shown = sanitize(prompt);
        let minimum = if index < last { MIN_TEXT_COLUMNS.max(columns / 2) } else { MIN_TEXT_COLUMNS };
        if shown.width() + minimum <= columns {
            return shown;
        }
    }
    Cow::Borrowed("")
}

/// Replaces the width 0 of a terminal that does not report its size.
fn usable(columns: u16) -> usize {
    if columns == 0 { 80 } else { usize::from(columns) }
}

/// The part of the text that fits in the row.
#[derive(Debug, PartialEq, Eq)]
struct VisibleText {
    before: String,
    after: String,
}

impl VisibleText {
    /// Selects the visible part so that it contains the cursor. `scrolled` is the first visible grapheme; it changes as
    /// little as possible.
    fn new(text: &str, cursor: usize, room: usize, scrolled: &mut usize) -> Self {
        let graphemes: Vec<&str> = text.graphemes(true).collect();
        // Prefix sums of the widths: a long paste needs the width of many ranges.
        let mut columns = vec![0];
        columns.extend(graphemes.iter().scan(0, |columns, grapheme| {
            *columns += cell(grapheme).width();
            Some(*columns)
        }));
        let width = |from: usize, to: usize| columns[to] - columns[from];
        let count = graphemes.len();
        let at = text[..cursor].graphemes(true).count();
        if width(0, count) < room {
            *scrolled = 0;
        } else {
            *scrolled = (*scrolled).min(at);
            // If the cursor moves out on the left, half a row of text before it stays visible.
            if *scrolled == at {
                while *scrolled > 0 && width(*scrolled - 1, at) <= room / 2 {
                    *scrolled -= 1;
                }
            }
            while *scrolled < at && width(*scrolled, at) + 1 > room {
                *scrolled += 1;
            }
            // A terminal that became wider shows more of the end of the text.
            while *scrolled > 0 && width(*scrolled - 1, count) < room {
                *scrolled -= 1;
            }
        }
        let start = *scrolled;
        let mut end = at;
        while end < count && width(start, end + 1) < room {
            end += 1;
        }
        let shown =
            |from: usize, to: usize| graphemes[from..to].iter().map(|grapheme| cell(grapheme)).collect::<String>();
        // Marks that replace the first and the last visible character where text is hidden.
        let before = if start > 0 && start < at && width(start, start + 1) > 0 {
            let padding = width(start, start + 1) - 1;
            format!("‹{}{}", " ".repeat(padding), shown(start + 1, at))
        } else {
            shown(start, at)
        };
        let after = if end < count && end > at && width(end - 1, end) > 0 {
            format!("{}›", shown(at, end - 1))
        } else {
            shown(at, end)
        };
        Self { before, after }
    }
}

/// Returns a grapheme as the row shows it. A pasted line feed and a tab have a visible form.
fn cell(grapheme: &str) -> Cow<'_, str> {
    match grapheme {
        "\n" => Cow::Borrowed("⏎"),
        "\t" => Cow::Borrowed(" "),
        _ => sanitize(grapheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> InputRow<'_> {
        static PROMPT: std::sync::LazyLock<[String; 1]> = std::sync::LazyLock::new(|| ["Alice> ".to_owned()]);
        InputRow { prompts: &*PROMPT, text, cursor: text.len(), excess: 0 }
    }

    /// Returns the contents of the screen and the cursor position after some drawing.
    fn seen(columns: u16, draw: impl FnOnce(&mut TerminalScreen<vt100::Parser>)) -> (String, (u16, u16)) {
        let parser = vt100::Parser::new(8.try_into().unwrap(), columns.try_into().unwrap(), 100);
        let mut screen = TerminalScreen::new(parser, columns, Styler::new(false));
        draw(&mut screen);
        (screen.out.screen().contents(), screen.out.screen().cursor_position())
    }

    #[test]
    fn lines_push_the_row_down_and_leave_it_whole() {
        let (text, cursor) = seen(40, |screen| {
            screen.show(&[], row("half a sen")).unwrap();
            screen.show(&["one".into(), "two".into()], row("half a sent")).unwrap();
        });
        assert_eq!(text, "one\ntwo\nAlice> half a sent");
        assert_eq!(cursor, (2, 18));
    }

    #[test]
    fn a_long_line_scrolls_sideways() {
        let text = "0123456789".repeat(300);
        let (shown, _) = seen(40, |screen| screen.show(&[], InputRow { excess: 1988, ..row(&text) }).unwrap());
        assert_eq!(shown, "Alice> ‹678901234567890123456789  +1988");
        let (shown, cursor) = seen(40, |screen| {
            screen.show(&[], row(&text)).unwrap();
            screen.show(&[], InputRow { cursor: 0, ..row(&text) }).unwrap();
        });
        assert_eq!(shown, "Alice> 012345678901234567890123456789›");
        assert_eq!(cursor, (0, 7));
    }

    #[test]
    fn a_megabyte_is_drawn_quickly() {
        // A quadratic algorithm would take minutes.
        let text = "palabra é ".repeat(100_000);
        let (shown, _) = seen(40, |screen| screen.show(&[], row(&text)).unwrap());
        assert_eq!(shown, "Alice> ‹palabra é palabra é palabra é ");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = "日本語".repeat(10);
        let (shown, cursor) = seen(30, |screen| screen.show(&[], row(&text)).unwrap());
        assert!(shown.starts_with("Alice> ‹"), "{shown}");
        assert!(cursor.1 <= 29, "{cursor:?}");
        let (_, cursor) = seen(30, |screen| screen.show(&[], InputRow { cursor: 6, ..row("日本語") }).unwrap());
        assert_eq!(cursor, (0, 11));
    }

    #[test]
    fn a_row_that_a_narrower_terminal_broke_is_taken_away() {
        let mut screen = TerminalScreen::new(Vec::new(), 80, Styler::new(false));
        screen.show(&[], row("0123456789012345678901234567890123456789")).unwrap();
        screen.out.clear();
        screen.resize(20);
        screen.show(&[], row("")).unwrap();
        // 47 columns need three rows of 20.
        assert!(String::from_utf8_lossy(&screen.out).contains("\x1b[2A\r\x1b[J"));
    }

    #[test]
    fn a_narrow_screen_has_a_shorter_prompt() {
        let prompts = ["Alice #garden [#shed 3!]> ", "Alice #garden [+3!]> ", "#garden> "].map(str::to_owned);
        for (columns, shown) in [
            (80, "Alice #garden [#shed 3!]> hola"),
            (52, "Alice #garden [#shed 3!]> hola"),
            (51, "Alice #garden [+3!]> hola"),
            (40, "#garden> hola"),
            (22, "#garden> hola"),
            (21, "hola"),
        ] {
            let (text, _) =
                seen(columns, |screen| screen.show(&[], InputRow { prompts: &prompts, ..row("hola") }).unwrap());
            assert_eq!(text, shown, "{columns} columns");
        }
    }

    #[test]
    fn the_bell_rings_once() {
        let mut screen = TerminalScreen::new(Vec::new(), 80, Styler::new(false));
        screen.ring();
        screen.show(&[], row("")).unwrap();
        assert!(screen.out.contains(&7));
        screen.out.clear();
        screen.show(&[], row("")).unwrap();
        assert!(!screen.out.contains(&7));
    }

    #[test]
    fn pasted_line_feeds_and_escapes_are_shown() {
        let (shown, _) = seen(40, |screen| screen.show(&[], row("a\nb\u{1b}[2Jc\td")).unwrap());
        assert_eq!(shown, "Alice> a⏎b␛[2Jc d");
    }

    proptest::proptest! {
        #[test]
        fn the_text_never_exceeds_its_row(text in "(\\PC|日|👍|\u{301}){0,60}", at in 0.0..=1.0f64, columns in 0u16..60) {
            let cuts: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
            let cursor = cuts[((cuts.len() - 1) as f64 * at) as usize];
            let mut scrolled = 0;
            let room = usize::from(columns);
            let window = VisibleText::new(&text, cursor, room, &mut scrolled);
            proptest::prop_assert!(window.before.width() + window.after.width() <= room, "{window:?}");
        }

        /// The whole row on a terminal of any size: nothing beyond its columns, whatever was drawn before.
        #[test]
        fn the_row_fits_on_a_screen_of_any_size(
            texts in proptest::collection::vec("(\\PC|日|👍|\u{301}){0,40}|a{1100}", 1..4), excess in 0usize..100_000,
            columns in 1u16..250, narrower in 1u16..250,
            prompts in proptest::collection::vec("(\\PC|日|👍|\u{301}){0,30}", 0..4),
        ) {
            let mut screen = TerminalScreen::new(Vec::new(), columns, Styler::new(false));
            for columns in [columns, narrower] {
                screen.resize(columns);
                for text in &texts {
                    screen.out.clear();
                    screen.show(&[], InputRow { prompts: &prompts, text, cursor: text.len(), excess }).unwrap();
                    let mut parser = vt100::Parser::new(4.try_into().unwrap(), columns.try_into().unwrap(), 100);
                    parser.process(&screen.out);
                    let shown = parser.screen().contents();
                    proptest::prop_assert!(shown.lines().count() <= 1, "{columns} columns: {shown:?}");
                    proptest::prop_assert!(screen.cursor < usize::from(columns), "{columns} columns: {}", screen.cursor);
                }
            }
        }
    }
}
