//! The last lines that a server wrote to its standard output and standard error.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

const MAX_LINES: usize = 200;
const MAX_LINE_BYTES: usize = 400;

/// A bounded log of lines. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct OutputLines {
    lines: Arc<Mutex<VecDeque<String>>>,
}

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

    fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        lines.push_back(String::from_utf8_lossy(line).into_owned());
        if lines.len() > MAX_LINES {
            lines.pop_front();
        }
    }

    /// Returns the last `count` lines.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lock();
        lines.iter().rev().take(count).rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
