//! Standard input as a channel of lines.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines that wait; then reading waits.
const LINES: usize = 16;

/// The lines of standard input, without their ends; the channel closes behind the last.
pub(super) fn lines() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(LINES);
    // A thread and not a task: nothing can take back a read of standard input, and the program must be able to end
    // while one waits. It ends with the process.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match stdin.read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
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
