//! One connection: its send queue, and the thread that writes it.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::room::Room;

/// Largest size of a send queue.
const MOST_BYTES: usize = 4 << 20;

/// Queue size above which `partial-frame-on-overflow` cuts frames.
const OVERFLOW_BYTES: usize = 1 << 20;

/// Time between two writes of `full-queue-drops`: no client sends its bursts as slowly, on a busy machine either.
const SLOW_WRITE: Duration = Duration::from_millis(2);

/// Longest wait of `unlocked-writes` for a second thread that writes to the same connection.
const MEETING: Duration = Duration::from_micros(200);

/// A connection as others see it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    pub(super) dead: AtomicBool,
    /// True once its user has left the room, except for names that a fault keeps.
    pub(super) has_left: AtomicBool,
    /// Broadcasts that it has sent, for faults that count them.
    pub(super) broadcasts: AtomicUsize,
    /// True once a broadcast was made while it was a user, for faults with an outdated list of recipients.
    pub(super) is_recipient: AtomicBool,
    /// True if no broadcast is delivered to it, by a fault.
    pub(super) hears_no_broadcasts: AtomicBool,
    queue: Mutex<Queue>,
    queue_changed: Condvar,
    fault: String,
    /// The number of frames, for faults that write it.
    pushed: AtomicUsize,
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
            has_left: AtomicBool::new(false),
            broadcasts: AtomicUsize::new(0),
            is_recipient: AtomicBool::new(false),
            hears_no_broadcasts: AtomicBool::new(false),
            queue,
            queue_changed: Condvar::new(),
            fault,
            pushed: AtomicUsize::new(1),
        });
        let writer = Arc::clone(&peer);
        std::thread::spawn(move || writer.write());
        Ok(peer)
    }

    fn has_fault(&self, fault: &str) -> bool {
        self.fault == fault
    }

    /// Returns true if its client has closed the connection, also where its reader has not noticed that yet.
    pub(super) fn is_gone(&self) -> bool {
        let next = rustix::net::recv(&self.stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        self.dead.load(Ordering::SeqCst) || next.is_ok_and(|(count, _)| count == 0) || next.is_err_and(is_final)
    }

    /// Returns true if its client has reset the connection, also where the writer got the error before the reader. A reset that
    /// follows the client's orderly end, because the server has written since, is none.
    pub(super) fn was_reset(&self) -> bool {
        let is_ended = matches!(self.stream.take_error(), Ok(Some(error)) if error.kind() == io::ErrorKind::BrokenPipe);
        self.stream.peer_addr().is_err() && !is_ended
    }

    /// Queues a frame; a line end is added.
    pub(super) fn push(&self, frame: &[u8]) {
        let mut bytes = Vec::new();
        if self.has_fault("messages-numbered") {
            bytes.extend(format!("[{}] ", self.pushed.fetch_add(1, Ordering::SeqCst)).into_bytes());
        }
        bytes.extend_from_slice(frame);
        bytes.extend_from_slice(match self.fault.as_str() {
            "line-ends-omitted" => b"",
            "crlf" => b"\r\n",
            "nul-in-place-of-newline" => b"\0",
            "tilde-in-place-of-newline" => b"|~",
            _ => b"\n",
        });
        if self.has_fault("frame-doubled-newline") {
            bytes.push(b'\n');
        }
        if self.has_fault("reply-without-newline") && frame == b"CONNECT_ACK|OK" {
            bytes.pop();
        }
        if self.has_fault("blocking-writes") {
            let _ = (&self.stream).write_all(&bytes);
            return;
        }
        if self.has_fault("unlocked-writes") && bytes.len() > 200 {
            let rest = bytes.split_off(bytes.len() / 2);
            self.enqueue(bytes);
            self.wait_for_another_writer();
            self.enqueue(rest);
            return;
        }
        self.enqueue(bytes);
    }

    /// Queues bytes without a line end.
    pub(super) fn push_bytes(&self, bytes: &[u8]) {
        self.enqueue(bytes.to_vec());
    }

    fn enqueue(&self, bytes: Vec<u8>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.count += 1;
        let again = self.has_fault("every-fiftieth-twice") && queue.count.is_multiple_of(50);
        if self.has_fault("full-queue-drops") && queue.frames.len() >= 10 && !bytes.starts_with(b"USER_LIST") {
            return;
        }
        // A partial write, as by a socket that does not block.
        let bytes = if self.has_fault("partial-frame-on-overflow") && queue.bytes > OVERFLOW_BYTES {
            bytes[..bytes.len() / 2].to_vec()
        } else {
            bytes
        };
        if self.has_fault("partial-frame-on-overflow") && queue.bytes > 2 * OVERFLOW_BYTES {
            return;
        }
        queue.bytes += bytes.len();
        if again {
            queue.frames.push_back(bytes.clone());
        }
        queue.frames.push_back(bytes);
        if queue.bytes > MOST_BYTES && !self.has_fault("unbounded-queue") {
            queue.done = true;
            queue.frames.clear();
            self.dead.store(true, Ordering::SeqCst);
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        self.queue_changed.notify_all();
    }

    /// Waits until another thread queues something, but not for long: there may be no other thread that has anything.
    fn wait_for_another_writer(&self) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.count;
        drop(self.queue_changed.wait_timeout_while(queue, MEETING, |queue| queue.count == count));
    }

    /// Lets the writer end when it has written what waits.
    pub(super) fn finish(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        self.queue_changed.notify_all();
    }

    fn write(&self) {
        loop {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            while queue.frames.is_empty() && !queue.done {
                queue = self.queue_changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(frame) = queue.frames.pop_front() else { break };
            queue.bytes -= frame.len().min(queue.bytes);
            drop(queue);
            if self.has_fault("full-queue-drops") {
                std::thread::sleep(SLOW_WRITE);
            }
            if (&self.stream).write_all(&frame).is_err() {
                break;
            }
        }
        if self.has_fault("late-close-removes-successor") {
            let _ = self.stream.shutdown(Shutdown::Write);
        } else if !self.has_fault("disconnect-does-not-close") {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}

/// Returns true for an error after which nothing more is received.
fn is_final(error: Errno) -> bool {
    !matches!(error, Errno::AGAIN | Errno::INTR)
}
