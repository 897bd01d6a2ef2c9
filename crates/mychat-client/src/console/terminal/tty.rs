//! The terminal as a whole: keys, signals and the screen; and as it was before when this is dropped.

use std::future::{Future, poll_fn};
use std::io::{self, Stdout, stdout};
use std::pin::Pin;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyEventKind};
use crossterm::{execute, terminal};
use futures_core::Stream as _;

use super::editor::{Edit, Editor};
use super::screen::{Row, Screen};
use crate::console::note::Note;
use crate::console::paint::Paint;
use crate::console::signal;

/// What the person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    Edit(Edit),
    /// The window has another size.
    Resized,
    /// The terminal is gone, or a signal says that all is over.
    Over,
}

/// The terminal in raw mode.
pub(super) struct Tty {
    pub(super) editor: Editor,
    screen: Screen<Stdout>,
    keys: EventStream,
    terminated: Pin<Box<dyn Future<Output = ()>>>,
    paint: Paint,
    lines: Vec<String>,
}

impl Tty {
    pub(super) fn open(paint: Paint) -> io::Result<Self> {
        let (columns, _) = terminal::size()?;
        terminal::enable_raw_mode()?;
        let tty = Self {
            editor: Editor::default(),
            screen: Screen::new(stdout(), columns, paint),
            keys: EventStream::new(),
            terminated: Box::pin(signal::terminated()),
            paint,
            lines: Vec::new(),
        };
        execute!(stdout(), EnableBracketedPaste)?;
        Ok(tty)
    }

    /// The next thing that the person does. Loses nothing when it is cancelled.
    pub(super) async fn next(&mut self) -> io::Result<Typed> {
        loop {
            let event = tokio::select! {
                event = poll_fn(|context| Pin::new(&mut self.keys).poll_next(context)) => event,
                () = &mut self.terminated => return Ok(Typed::Over),
            };
            match event {
                None => return Ok(Typed::Over),
                Some(Err(error)) => return Err(error),
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    return Ok(Typed::Edit(self.editor.key(key)));
                }
                Some(Ok(Event::Paste(text))) => {
                    self.editor.paste(&text);
                    return Ok(Typed::Edit(Edit::Changed));
                }
                Some(Ok(Event::Resize(columns, _))) => {
                    self.screen.resize(columns);
                    return Ok(Typed::Resized);
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Notes a line to be shown at the next drawing.
    pub(super) fn note(&mut self, note: &Note) {
        let clock = jiff::Zoned::now().strftime("%H:%M").to_string();
        self.lines.extend(note.render(&clock, self.paint));
    }

    /// Shows what was noted, and the input row.
    pub(super) fn draw(&mut self, prompt: &str, over: usize) -> io::Result<()> {
        let row = Row { prompt, text: self.editor.text(), cursor: self.editor.cursor(), over };
        self.screen.show(&self.lines, row)?;
        self.lines.clear();
        Ok(())
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.screen.clear()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // The terminal may be gone, and there is nobody to tell.
        let _ = self.screen.close(&self.lines);
        let _ = execute!(stdout(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}
