//! One connection: what waits for it, and the thread that writes it.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::room::Room;

/// What may wait for a client that does not read.
const MOST_BYTES: usize = 4 << 20;

/// What fits behind what waits, where the fault writes parts of messages.
const ROOM: usize = 1 << 20;

/// A connection as others see it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    pub(super) dead: AtomicBool,
    /// Whether a write failed: the reader may then be told of an end where there was a reset.
    pub(super) broken: AtomicBool,
    queue: Mutex<Queue>,
    bell: Condvar,
    fault: String,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    done: bool,
    count: usize,
}

impl Peer {
    /// Takes a connection and starts its writer.
    pub(super) fn new(stream: TcpStream, room: &Room) -> io::Result<Arc<Self>> {
        stream.set_nodelay(true)?;
        let (fault, queue) = (room.fault.clone(), Mutex::default());
        let peer = Arc::new(Self {
            stream,
            dead: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            queue,
            bell: Condvar::new(),
            fault,
        });
        let writer = Arc::clone(&peer);
        std::thread::spawn(move || writer.write());
        Ok(peer)
    }

    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    /// Queues a frame; a line end is added.
    pub(super) fn push(&self, frame: &[u8]) {
        let mut bytes = frame.to_vec();
        bytes.push(b'\n');
        if self.is("frame-doubled-newline") {
            bytes.push(b'\n');
        }
        if self.is("reply-without-newline") && frame == b"CONNECT_ACK|OK" {
            bytes.pop();
        }
        if self.is("blocking-writes") {
            let _ = (&self.stream).write_all(&bytes);
            return;
        }
        if self.is("unlocked-writes") && bytes.len() > 200 {
            let rest = bytes.split_off(bytes.len() / 2);
            self.enqueue(bytes);
            std::thread::sleep(Duration::from_micros(30));
            self.enqueue(rest);
            return;
        }
        self.enqueue(bytes);
    }

    fn enqueue(&self, bytes: Vec<u8>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.count += 1;
        let again = self.is("every-fiftieth-twice") && queue.count.is_multiple_of(50);
        if self.is("full-queue-drops") && queue.frames.len() >= 10 && !bytes.starts_with(b"USER_LIST") {
            return;
        }
        // As much as there is room for, as a write that does not wait takes it.
        let bytes = if self.is("partial-frame-on-overflow") && queue.bytes > ROOM {
            bytes[..bytes.len() / 2].to_vec()
        } else {
            bytes
        };
        if self.is("partial-frame-on-overflow") && queue.bytes > 2 * ROOM {
            return;
        }
        queue.bytes += bytes.len();
        if again {
            queue.frames.push_back(bytes.clone());
        }
        queue.frames.push_back(bytes);
        if queue.bytes > MOST_BYTES && !self.is("unbounded-queue") {
            queue.done = true;
            queue.frames.clear();
            self.dead.store(true, Ordering::SeqCst);
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        self.bell.notify_one();
    }

    /// Lets the writer end when it has written what waits.
    pub(super) fn finish(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        self.bell.notify_one();
    }

    fn write(&self) {
        loop {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            while queue.frames.is_empty() && !queue.done {
                queue = self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(frame) = queue.frames.pop_front() else { break };
            queue.bytes -= frame.len().min(queue.bytes);
            drop(queue);
            if self.is("full-queue-drops") {
                std::thread::sleep(Duration::from_micros(300));
            }
            if (&self.stream).write_all(&frame).is_err() {
                self.broken.store(true, Ordering::SeqCst);
                break;
            }
        }
        if self.is("late-close-removes-successor") {
            let _ = self.stream.shutdown(Shutdown::Write);
        } else if !self.is("disconnect-does-not-close") {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}
