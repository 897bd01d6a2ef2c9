//! The last lines that a server wrote to its standard output and standard error.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mychat_proto::text::visible_line;
use tokio::io::{AsyncRead, AsyncReadExt as _};

const MAX_LINES: usize = 200;
const MAX_LINE_BYTES: usize = 400;

/// A bounded log of lines. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct OutputLines {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    /// The last lines.
    lines: VecDeque<String>,
    /// The number of all lines.
    count: u64,
}

/// A place in the output of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputMark(u64);

impl OutputLines {
    /// Reads a pipe to its end. It never stops reading, because a full pipe would block the server.
    pub(super) async fn read_from(self, mut pipe: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8192];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            for byte in &buffer[..count] {
                match byte {
                    b'\n' => self.push(&std::mem::take(&mut line)),
                    byte if line.len() < MAX_LINE_BYTES => line.push(*byte),
                    _ => {}
                }
            }
        }
        // A process that dies may leave its last line without an end.
        if !line.is_empty() {
            self.push(&line);
        }
    }

    /// Adds a line, with its control characters escaped: it is printed on the user's terminal.
    fn push(&self, line: &[u8]) {
        // Languages indent the frames of an exception by tabs.
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).replace('\t', "    ");
        let mut log = self.lock();
        log.lines.push_back(visible_line(&text).into_owned());
        log.count += 1;
        if log.lines.len() > MAX_LINES {
            log.lines.pop_front();
        }
    }

    /// Returns the last `count` lines.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let log = self.lock();
        log.lines.iter().rev().take(count).rev().cloned().collect()
    }

    /// Returns a mark of the lines so far.
    pub(super) fn mark(&self) -> OutputMark {
        OutputMark(self.lock().count)
    }

    /// Returns the lines after a mark, as far as they are kept.
    pub(super) fn since(&self, mark: OutputMark) -> Vec<String> {
        let count = self.lock().count.saturating_sub(mark.0);
        self.last(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_after_a_mark_are_told_from_those_before() {
        let output = OutputLines::default();
        output.clone().read_from(&b"one\ntwo\n"[..]).await;
        let mark = output.mark();
        assert!(output.since(mark).is_empty());
        output.clone().read_from(&b"three\nrest"[..]).await;
        assert_eq!(output.since(mark), ["three", "rest"]);
        assert_eq!(output.last(3), ["two", "three", "rest"]);
        output.clone().read_from("x\n".repeat(MAX_LINES).as_bytes()).await;
        assert_eq!(output.since(mark).len(), MAX_LINES);
    }

    #[tokio::test]
    async fn lines_are_harmless_and_the_last_one_needs_no_end() {
        let output = OutputLines::default();
        output.clone().read_from(&b"listening\r\n\x1b[2Jcleared\n\xff\xe2\x80\xae cut"[..]).await;
        assert_eq!(output.last(3), ["listening", "\\u{1b}[2Jcleared", "\u{fffd}\\u{202e} cut"]);
    }
}
