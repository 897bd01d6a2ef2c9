//! Terminal for the live view that reports a slightly smaller width.
//!
//! A line that fills the last column leaves the cursor at the edge, and the `^C` that a terminal shows for Ctrl-C would start
//! a new line: the view would be cleared there, and its old line would stay. With space left, both share a line.

use std::io::IsTerminal as _;

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// Standard error.
#[derive(Debug)]
struct ProgressTerm(Term);

/// Width of the `^C` that a terminal shows, and one spare column.
const MARGIN: u16 = 3;
/// Redraws per second.
const HZ: u8 = 10;

/// Output of the live view.
fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(ProgressTerm(Term::buffered_stderr())), HZ)
}

/// Output of a progress view: the terminal if the view is `shown` and standard error is a terminal that can move the cursor, else
/// nothing.
pub(crate) fn target_if(shown: bool) -> ProgressDrawTarget {
    let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    if shown && std::io::stderr().is_terminal() && !is_dumb { target() } else { ProgressDrawTarget::hidden() }
}

impl TermLike for ProgressTerm {
    fn width(&self) -> u16 {
        TermLike::width(&self.0).saturating_sub(MARGIN).max(1)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, s: &str) -> std::io::Result<()> {
        self.0.write_line(s)
    }

    fn write_str(&self, s: &str) -> std::io::Result<()> {
        self.0.write_str(s)
    }

    fn clear_line(&self) -> std::io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> std::io::Result<()> {
        self.0.flush()
    }
}
