//! Reads standard input in a thread and returns its lines through a channel.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Capacity of the channel. The thread stops reading while it is full.
const LINES: usize = 16;

/// Returns the lines of standard input, without line ends. The channel closes after the last line.
pub(super) fn lines() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(LINES);
    // A thread instead of a task, because a read of standard input cannot be cancelled and the program must be able to
    // exit during it. The thread ends with the process.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut is_first = true;
        loop {
            let mut line = Vec::new();
            match stdin.read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            // Programs on Windows begin a file with a byte order mark. It is no part of the first message.
            if std::mem::take(&mut is_first) && line.starts_with("\u{feff}".as_bytes()) {
                line.drain(..'\u{feff}'.len_utf8());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
