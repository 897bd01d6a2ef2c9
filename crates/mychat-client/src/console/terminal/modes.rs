//! The modes of the terminal: raw input and bracketed paste. Every way out of the program resets them: its end, a signal, a
//! panic, and a suspension with Ctrl-Z.

use std::io::{self, stdout};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::{execute, terminal};

/// A terminal in the modes of the chat. Dropping it resets them.
#[derive(Debug)]
pub(super) struct TerminalModes(());

impl TerminalModes {
    /// Sets the modes, and sees to it that a panic resets them before its message is printed.
    pub(super) fn enter() -> io::Result<Self> {
        let print_message = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            reset();
            print_message(info);
        }));
        let modes = Self(());
        set()?;
        Ok(modes)
    }

    /// Sets the modes again after a shell had the terminal.
    pub(super) fn enter_again() -> io::Result<()> {
        // crossterm ignores a request for raw mode while it believes that the terminal is in it.
        let _ = terminal::disable_raw_mode();
        set()
    }

    /// Stops the program as Ctrl-Z does, until the shell continues it.
    #[cfg(unix)]
    pub(super) fn suspend() -> io::Result<()> {
        use rustix::process::{Signal, kill_current_process_group};

        reset();
        // The whole group, like the terminal's own Ctrl-Z. Without a shell to continue it, the kernel ignores the signal.
        let stopped = kill_current_process_group(Signal::TSTP);
        Self::enter_again()?;
        Ok(stopped?)
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        reset();
    }
}

fn set() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(stdout(), EnableBracketedPaste)
}

/// Resets the modes. The terminal may have been closed; then there is nothing to reset.
fn reset() {
    let _ = execute!(stdout(), DisableBracketedPaste, Show);
    let _ = terminal::disable_raw_mode();
}
