//! Runs the real program in a pseudo terminal and shows its screen to the tests.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::termios::LocalModes;

use crate::test_server::DEADLINE;

pub(crate) const ROWS: u16 = 12;
pub(crate) const COLUMNS: u16 = 60;

/// A terminal of 12 rows and 60 columns that runs `mychat`.
pub(crate) struct Term {
    pty: Arc<Pty>,
    child: Child,
    parser: vt100::Parser,
    output: Receiver<Vec<u8>>,
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

impl Term {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_mychat"), args)
    }

    /// Starts the program below a shell with job control. The shell prints `stopped` when the program is, and continues it.
    pub(crate) fn start_in_shell(args: &[&str]) -> Self {
        let script = "set -m; \"$0\" \"$@\"; echo stopped; fg";
        Self::start_program("sh", &[&["-c", script, env!("CARGO_BIN_EXE_mychat")], args].concat())
    }

    fn start_program(program: &str, args: &[&str]) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(ROWS, COLUMNS)).unwrap();
        let env = [("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("LANG", "C.UTF-8"), ("TZ", "UTC")];
        let command = Command::new(program).args(args).envs(env);
        let child =
            command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("MYCHAT_NAME").spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (give, output) = mpsc::channel();
        let reader = Arc::clone(&pty);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The read fails when the child closes its side.
            while let Ok(bytes @ 1..) = (&*reader).read(&mut buffer) {
                if give.send(buffer[..bytes].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { pty, child, parser: vt100::Parser::new(size(ROWS), size(COLUMNS), 0), output }
    }

    /// Starts the program and waits until it has joined a server without rooms, and knows that.
    pub(crate) fn joined(addr: &str, args: &[&str]) -> Self {
        let mut term = Self::start(&[&[addr], args].concat());
        term.sees(" 1 here: ").sees("no rooms");
        term
    }

    /// Types keys as a terminal sends them.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Types a line and Enter.
    pub(crate) fn enters(&mut self, line: &str) -> &mut Self {
        self.types(line).types("\r")
    }

    pub(crate) fn pastes(&mut self, text: &str) -> &mut Self {
        self.types("\x1b[200~").types(&text.replace('\n', "\r")).types("\x1b[201~")
    }

    pub(crate) fn resizes(&mut self, columns: u16) -> &mut Self {
        self.parser.screen_mut().set_size(size(ROWS), size(columns));
        self.pty.resize(Size::new(ROWS, columns)).unwrap();
        self
    }

    /// Waits until this text is on the screen.
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until this text is on the screen twice.
    pub(crate) fn sees_twice(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.matches(text).count() == 2)
    }

    /// Waits until the input row (the last row that is not empty) has this text.
    pub(crate) fn has_row(&mut self, row: &str) -> &mut Self {
        self.until(row, |screen| screen.trim_end().lines().last().is_some_and(|last| last.trim_end() == row.trim_end()))
    }

    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        while !holds(&self.parser.screen().contents()) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(why) => panic!("waited for {what:?} ({why}), saw:\n{}", self.parser.screen().contents()),
            }
        }
        self
    }

    /// Returns the screen with a fixed time in each line, and the cursor position.
    pub(crate) fn screen(&self) -> String {
        let screen = self.parser.screen();
        let (row, column) = screen.cursor_position();
        let lines: Vec<String> = screen.contents().lines().map(at_three).collect();
        format!("{}\n(cursor in row {row}, column {column})", lines.join("\n"))
    }

    /// Waits until the program exits. Returns the exit code and the final screen.
    pub(crate) fn ends(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(bytes) = self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.parser.process(&bytes);
        }
        assert!(Instant::now() < deadline, "it goes on:\n{}", self.parser.screen().contents());
        assert!(!self.parser.screen().bracketed_paste(), "the terminal is left as it was");
        assert!(!self.parser.screen().hide_cursor(), "the terminal is left as it was");
        assert!(self.has_echo(), "the terminal is left as it was");
        (self.child.wait().unwrap().code(), self.screen())
    }
}

impl Term {
    /// Returns true if the terminal shows what is typed and hands over whole lines, as it does for a shell.
    pub(crate) fn has_echo(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&*self.pty).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        // The program may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Replaces the time of a line by 15:04.
fn at_three(line: &str) -> String {
    let is_time = |time: &str| time.len() == 5 && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    match line.split_at_checked(5) {
        Some((time, rest)) if is_time(time) => format!("15:04{rest}"),
        _ => line.to_owned(),
    }
}
