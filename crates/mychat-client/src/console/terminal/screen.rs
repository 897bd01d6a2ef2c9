//! What the terminal shows: lines that scroll away above, and one input row below that they never tear.
//!
//! The row takes one row of the screen whatever is typed: long text scrolls sideways in it. So it can be taken away
//! and drawn again around each line, and nothing of it is left behind.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::console::harmless::harmless;
use crate::console::paint::{Paint, Role};

/// Columns for the text, at least; where a screen has not so many the prompt goes.
const LEAST_TEXT: usize = 12;

/// The input row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Before the text.
    pub(super) prompt: &'a str,
    /// What is typed.
    pub(super) text: &'a str,
    /// Byte offset of the cursor in it.
    pub(super) cursor: usize,
    /// Bytes too many, shown at the right edge; 0 shows nothing.
    pub(super) over: usize,
}

/// A terminal of some width.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    paint: Paint,
    columns: usize,
    /// Column of the cursor in the row as it was drawn last.
    cursor: usize,
    /// Graphemes that are scrolled out at the left.
    scrolled: usize,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, columns: u16, paint: Paint) -> Self {
        Self { out, paint, columns: usable(columns), cursor: 0, scrolled: 0 }
    }

    /// The terminal has another width now. A terminal that got narrower has broken the row in several, which the next
    /// drawing takes away.
    pub(super) fn resize(&mut self, columns: u16) {
        self.columns = usable(columns);
    }

    /// Shows lines above the row, and the row.
    pub(super) fn show(&mut self, lines: &[String], row: Row<'_>) -> io::Result<()> {
        // All in one write between the marks of a synchronised update: a terminal that knows them shows it at once.
        let mut frame = String::from("\x1b[?2026h\x1b[?25l");
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

    /// Shows lines and no row any more.
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

    /// Clears the screen; the row is to be drawn next.
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

    fn draw(&mut self, row: Row<'_>, frame: &mut String) {
        let counter = if row.over > 0 { format!(" +{}", row.over) } else { String::new() };
        // The last column stays empty: some terminals wrap when it is written.
        let columns = self.columns.saturating_sub(1 + counter.width());
        let shown = harmless(row.prompt);
        let prompt = if shown.width() + LEAST_TEXT <= columns { &*shown } else { "" };
        let room = columns - prompt.width().min(columns);
        let window = Window::new(row.text, row.cursor, room, &mut self.scrolled);
        self.cursor = prompt.width() + window.before.width();
        // The terminal itself remembers where the cursor belongs: it may think otherwise of a character's width.
        frame.push_str(&self.paint.role(Role::Own, prompt));
        frame.push_str(&window.before);
        frame.push_str("\x1b7");
        frame.push_str(&window.after);
        if !counter.is_empty() {
            let column = self.columns - counter.width();
            let _ = write!(frame, "\x1b[{column}G{}", self.paint.role(Role::Trouble, &counter));
        }
        frame.push_str("\x1b8");
    }
}

/// A terminal that does not know its width says 0.
fn usable(columns: u16) -> usize {
    if columns == 0 { 80 } else { usize::from(columns) }
}

/// The part of the text that the row has room for.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    before: String,
    after: String,
}

impl Window {
    /// Moves the window as little as keeps the cursor in it; `scrolled` is where it stood and where it stands.
    fn new(text: &str, cursor: usize, room: usize, scrolled: &mut usize) -> Self {
        let graphemes: Vec<&str> = text.graphemes(true).collect();
        // Columns before each grapheme: a paste of a megabyte is asked for its width many times.
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
            // Half a row of text stays in sight before the cursor when it moves out at the left.
            if *scrolled == at {
                while *scrolled > 0 && width(*scrolled - 1, at) <= room / 2 {
                    *scrolled -= 1;
                }
            }
            while *scrolled < at && width(*scrolled, at) + 1 > room {
                *scrolled += 1;
            }
            // A terminal that got wider has room for more of the end than it shows.
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
        // Marks where text goes on, in place of the characters there.
        let before = if start > 0 && start < at {
            let blanks = width(start, start + 1).saturating_sub(1);
            format!("‹{}{}", " ".repeat(blanks), shown(start + 1, at))
        } else {
            shown(start, at)
        };
        let after = if end < count && end > at { format!("{}›", shown(at, end - 1)) } else { shown(at, end) };
        Self { before, after }
    }
}

/// A grapheme as the row shows it: a pasted line feed and a tab have places too.
fn cell(grapheme: &str) -> Cow<'_, str> {
    match grapheme {
        "\n" => Cow::Borrowed("⏎"),
        "\t" => Cow::Borrowed(" "),
        _ => harmless(grapheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row<'_> {
        Row { prompt: "Alice> ", text, cursor: text.len(), over: 0 }
    }

    /// The screen after some drawing, as a person sees it, and the cursor's place.
    fn seen(columns: u16, draw: impl FnOnce(&mut Screen<vt100::Parser>)) -> (String, (u16, u16)) {
        let parser = vt100::Parser::new(8.try_into().unwrap(), columns.try_into().unwrap(), 100);
        let mut screen = Screen::new(parser, columns, Paint::new(false));
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
        let (shown, _) = seen(40, |screen| screen.show(&[], Row { over: 1988, ..row(&text) }).unwrap());
        assert_eq!(shown, "Alice> ‹678901234567890123456789  +1988");
        let (shown, cursor) = seen(40, |screen| {
            screen.show(&[], row(&text)).unwrap();
            screen.show(&[], Row { cursor: 0, ..row(&text) }).unwrap();
        });
        assert_eq!(shown, "Alice> 012345678901234567890123456789›");
        assert_eq!(cursor, (0, 7));
    }

    #[test]
    fn a_megabyte_is_drawn_in_no_time_worth_mentioning() {
        // Squared, it would be drawn for minutes.
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
        let (_, cursor) = seen(30, |screen| screen.show(&[], Row { cursor: 6, ..row("日本語") }).unwrap());
        assert_eq!(cursor, (0, 11));
    }

    #[test]
    fn a_row_that_a_narrower_terminal_broke_is_taken_away() {
        let mut screen = Screen::new(Vec::new(), 80, Paint::new(false));
        screen.show(&[], row("0123456789012345678901234567890123456789")).unwrap();
        screen.out.clear();
        screen.resize(20);
        screen.show(&[], row("")).unwrap();
        // 47 columns are two rows and a bit of 20.
        assert!(String::from_utf8_lossy(&screen.out).contains("\x1b[2A\r\x1b[J"));
    }

    #[test]
    fn pasted_line_feeds_and_escapes_are_shown() {
        let (shown, _) = seen(40, |screen| screen.show(&[], row("a\nb\u{1b}[2Jc\td")).unwrap());
        assert_eq!(shown, "Alice> a⏎b␛[2Jc d");
    }

    proptest::proptest! {
        #[test]
        fn the_row_never_leaves_its_row(text in "(\\PC|日|👍|\u{301}){0,60}", at in 0.0..=1.0f64, columns in 0u16..60) {
            let cuts: Vec<_> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
            let cursor = cuts[((cuts.len() - 1) as f64 * at) as usize];
            let mut scrolled = 0;
            let room = usize::from(columns);
            let window = Window::new(&text, cursor, room, &mut scrolled);
            proptest::prop_assert!(window.before.width() + window.after.width() <= room.max(3), "{window:?}");
        }
    }
}
