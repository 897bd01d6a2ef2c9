//! Lines → a thread that writes them, through a bounded queue.
//!
//! This is what `tracing-appender` is for. It is not used, because it panics where the system refuses a thread, has no
//! flush with a deadline, and reports a reader that stalls with a line on *standard output* as the program ends.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for standard error; further ones are dropped.
const CAPACITY: usize = 256;

/// The sending half of the queue; clones share it. It never blocks.
#[derive(Debug, Clone)]
pub struct LogQueue {
    items: SyncSender<QueuedItem>,
    dropped: Arc<AtomicU64>,
}

enum QueuedItem {
    Line(Vec<u8>),
    /// Answered once everything before it has been written.
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Starts a thread that writes to `output` and ends with the last clone of the queue. If the system refuses the
    /// thread, every line counts as dropped.
    pub(super) fn start(output: impl Write + Send + 'static) -> Self {
        let (items, waiting) = sync_channel(CAPACITY);
        // On failure the receiver is dropped, and with it every line.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&waiting, output));
        Self { items, dropped: Arc::default() }
    }

    /// Returns the number of lines that found the queue full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Waits until the lines logged so far are written, for at most `timeout`.
    pub fn flush(&self, timeout: Duration) {
        let (done, written) = sync_channel(1);
        if self.items.try_send(QueuedItem::Flush(done)).is_ok() {
            // A reader that is too slow loses the last lines.
            let _ = written.recv_timeout(timeout);
        }
    }
}

impl Write for &LogQueue {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.items.try_send(QueuedItem::Line(line.to_vec())).is_err() {
            // Relaxed: the counter orders nothing else.
            self.dropped.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

fn write_all(items: &Receiver<QueuedItem>, mut output: impl Write) {
    for item in items {
        match item {
            // A closed standard error cannot be reported anywhere.
            QueuedItem::Line(line) => drop(output.write_all(&line)),
            QueuedItem::Flush(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stalled_reader_costs_lines_and_no_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = LogQueue::start(writer);
        let line = [b'x'; 4096];
        // A pipe holds 64 KiB on Linux, and the thread holds one line.
        let sent = CAPACITY + 64;
        (0..sent).for_each(|_| (&queue).write_all(&line).unwrap());
        assert!(queue.dropped() > 0);
        let written = sent - queue.dropped() as usize;
        drop(queue);
        let mut read = Vec::new();
        io::Read::read_to_end(&mut reader, &mut read).unwrap();
        assert_eq!(read.len(), written * line.len());
    }

    #[test]
    fn a_flush_returns_after_the_lines_before_it() {
        let output = tempfile::tempfile().unwrap();
        let queue = LogQueue::start(output.try_clone().unwrap());
        (&queue).write_all(b"last words\n").unwrap();
        queue.flush(Duration::from_secs(10));
        assert_eq!(output.metadata().unwrap().len(), 11);
    }
}
