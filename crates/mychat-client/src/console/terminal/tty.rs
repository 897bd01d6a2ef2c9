//! The terminal: keys, signals and the screen.

use std::future::{Future, poll_fn};
use std::io::{self, Stdout, stdout};
use std::pin::Pin;

use crossterm::event::{Event, EventStream, KeyEventKind};
#[cfg(unix)]
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crossterm::terminal;
use futures_core::Stream as _;

use super::editor::{Editor, EditorAction};
use super::modes::TerminalModes;
use super::screen::{InputRow, TerminalScreen};
use crate::console::chat_line::ChatLine;
use crate::console::signal::{self, Continued};
use crate::console::style::Styler;

/// An input from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TerminalInput {
    Editor(EditorAction),
    /// The window has a new size, or a shell had the terminal: the input row is to be drawn again.
    Resized,
    /// The terminal was closed or a signal ends the program.
    Closed,
}

/// A terminal in raw mode.
pub(super) struct Tty {
    pub(super) editor: Editor,
    screen: TerminalScreen<Stdout>,
    keys: EventStream,
    terminated: Pin<Box<dyn Future<Output = ()>>>,
    continued: Continued,
    styler: Styler,
    lines: Vec<String>,
    /// Dropped last: the screen prints its last lines before.
    _modes: TerminalModes,
}

impl Tty {
    pub(super) fn open(styler: Styler) -> io::Result<Self> {
        let (columns, _) = terminal::size()?;
        Ok(Self {
            editor: Editor::default(),
            screen: TerminalScreen::new(stdout(), columns, styler),
            keys: EventStream::new(),
            terminated: Box::pin(signal::terminated()),
            continued: Continued::new(),
            styler,
            lines: Vec::new(),
            _modes: TerminalModes::enter()?,
        })
    }

    /// Returns the next input. No input is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<TerminalInput> {
        loop {
            let event = tokio::select! {
                event = poll_fn(|context| Pin::new(&mut self.keys).poll_next(context)) => event,
                () = &mut self.terminated => return Ok(TerminalInput::Closed),
                () = self.continued.next() => {
                    TerminalModes::enter_again()?;
                    return self.restart_row();
                }
            };
            match event {
                None => return Ok(TerminalInput::Closed),
                Some(Err(error)) => return Err(error),
                #[cfg(unix)]
                Some(Ok(Event::Key(key))) if is_suspend(&key) => {
                    self.screen.close(&self.lines)?;
                    self.lines.clear();
                    TerminalModes::suspend()?;
                    return self.restart_row();
                }
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    return Ok(TerminalInput::Editor(self.editor.key(key)));
                }
                Some(Ok(Event::Paste(text))) => {
                    self.editor.paste(&text);
                    return Ok(TerminalInput::Editor(EditorAction::Changed));
                }
                Some(Ok(Event::Resize(columns, _))) => {
                    self.screen.resize(columns);
                    return Ok(TerminalInput::Resized);
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Forgets the old input row, which the output of a shell may have moved.
    fn restart_row(&mut self) -> io::Result<TerminalInput> {
        let (columns, _) = terminal::size()?;
        self.screen.restart_row(columns);
        Ok(TerminalInput::Resized)
    }

    /// Queues a chat line for the next drawing.
    pub(super) fn add_line(&mut self, line: &ChatLine) {
        self.add_earlier_line(&clock(), line);
    }

    /// Queues a chat line with the time at which it came.
    pub(super) fn add_earlier_line(&mut self, clock: &str, line: &ChatLine) {
        self.lines.extend(line.render(clock, self.styler));
    }

    /// Rings the bell with the next drawing.
    pub(super) fn ring(&mut self) {
        self.screen.ring();
    }

    /// Prints the queued chat lines and draws the input row. The prompts are alternatives, the longest first.
    pub(super) fn draw(&mut self, prompts: &[String], excess: usize) -> io::Result<()> {
        let row = InputRow { prompts, text: self.editor.text(), cursor: self.editor.cursor(), excess };
        self.screen.show(&self.lines, row)?;
        self.lines.clear();
        Ok(())
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.screen.clear()
    }
}

/// Returns the local time, such as `15:04`.
pub(super) fn clock() -> String {
    jiff::Zoned::now().strftime("%H:%M").to_string()
}

impl Drop for Tty {
    fn drop(&mut self) {
        // The terminal may have been closed.
        let _ = self.screen.close(&self.lines);
    }
}

#[cfg(unix)]
fn is_suspend(key: &KeyEvent) -> bool {
    key.kind == KeyEventKind::Press && key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL
}
