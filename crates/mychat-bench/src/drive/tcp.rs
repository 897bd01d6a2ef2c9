//! Sockets behind a [`Wire`]: one small task a connection, one read buffer a worker.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::backlog::{Mark, unread};
use super::clock::{Clock, RealClock};
use super::pace::Pacer;
use super::wire::{Ended, Hangup, Line, ReadMode, Room, Wire};
use super::worker::Worker;
use crate::plan::Nanos;

/// Bytes read at once. Small enough that the users of one read are heard within about 100 µs: the pacer is asked
/// between two reads.
const READ: usize = 16 * 1024;

/// Reads of one connection before others have their turn.
const READS: usize = 4;

/// A worker over sockets.
pub(super) type TcpWorker = Worker<TcpWire, RealClock>;

/// The sockets of one worker.
pub(super) struct TcpWire {
    address: SocketAddr,
    /// Addresses to connect from, in turn; empty where the system chooses.
    sources: Arc<[IpAddr]>,
    clock: RealClock,
    pacer: Rc<Pacer>,
    me: Weak<RefCell<TcpWorker>>,
    sockets: Vec<Option<Socket>>,
    /// The place of the socket that is sounded next.
    sounded: usize,
    /// The most that one of them was found to hold unread, in bytes.
    pub(super) most_unread: u64,
    buffer: Vec<u8>,
}

struct Socket {
    generation: u32,
    stream: TcpStream,
    /// Of the connection's task.
    waker: Option<Waker>,
    wants_to_write: bool,
    reading: ReadMode,
    mark: Option<Mark>,
}

impl TcpWire {
    pub(super) fn new(
        address: SocketAddr,
        sources: Arc<[IpAddr]>,
        clock: RealClock,
        pacer: Rc<Pacer>,
        me: Weak<RefCell<TcpWorker>>,
    ) -> Self {
        Self {
            address,
            sources,
            clock,
            pacer,
            me,
            sockets: Vec::new(),
            sounded: 0,
            most_unread: 0,
            buffer: vec![0; READ],
        }
    }

    fn socket(&mut self, line: Line) -> Option<&mut Socket> {
        self.sockets.get_mut(line.key)?.as_mut().filter(|socket| socket.generation == line.generation)
    }

    fn insert(&mut self, line: Line, stream: TcpStream) {
        if self.sockets.len() <= line.key {
            self.sockets.resize_with(line.key + 1, || None);
        }
        let socket = Socket {
            generation: line.generation,
            stream,
            waker: None,
            wants_to_write: false,
            reading: ReadMode::Chunks(READ),
            mark: None,
        };
        self.sockets[line.key] = Some(socket);
    }

    /// Sounds the depth of the next socket that has anything unread and is read as fast as can be.
    pub(super) fn sound(&mut self, now: Nanos) {
        /// Sockets passed in one go, and of these the ones that the system is asked about.
        const PASSED: usize = 64;
        const LOOKS: usize = 4;
        let mut looks = 0;
        for _ in 0..self.sockets.len().min(PASSED) {
            self.sounded = (self.sounded + 1) % self.sockets.len();
            let Some(socket) = &mut self.sockets[self.sounded] else { continue };
            if socket.mark.is_some() || !socket.is_read_fast() {
                continue;
            }
            let unread = unread(&socket.stream);
            self.most_unread = self.most_unread.max(unread);
            socket.mark = Mark::behind(unread, now);
            looks += 1;
            if socket.mark.is_some() || looks == LOOKS {
                return;
            }
        }
    }

    /// The marks that were not reached: how long each has waited.
    pub(super) fn unreached(&self, now: Nanos) -> Vec<Nanos> {
        self.sockets.iter().flatten().filter_map(|socket| Some(socket.mark?.age(now))).collect()
    }

    fn remove(&mut self, line: Line) -> Option<TcpStream> {
        self.socket(line)?;
        let socket = self.sockets[line.key].take()?;
        if let Some(waker) = socket.waker {
            waker.wake();
        }
        Some(socket.stream)
    }
}

impl Socket {
    /// Whether what waits here waits for the generator, and not because its user reads slowly.
    fn is_read_fast(&self) -> bool {
        matches!(self.reading, ReadMode::Chunks(most) if most >= READ)
    }
}

impl Wire for TcpWire {
    fn open(&mut self, line: Line, room: Room) {
        if let Some(worker) = self.me.upgrade() {
            let source = self.sources.get(line.generation as usize % self.sources.len().max(1)).copied();
            tokio::task::spawn_local(connection(worker, line, Route { source, address: self.address, room }));
        }
    }

    fn read(&mut self, line: Line, reading: ReadMode) {
        if let Some(socket) = self.socket(line) {
            socket.reading = reading;
            if !socket.is_read_fast() {
                socket.mark = None;
            }
            if let Some(waker) = &socket.waker {
                waker.wake_by_ref();
            }
        }
    }

    fn write(&mut self, line: Line, bytes: &[u8]) -> usize {
        let Some(socket) = self.socket(line) else { return bytes.len() };
        let mut written = 0;
        while written < bytes.len() {
            match socket.stream.try_write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    socket.wants_to_write = true;
                    if let Some(waker) = &socket.waker {
                        waker.wake_by_ref();
                    }
                    return written;
                }
                // The reading side hears of it as well, and reports it.
                Err(_) => return bytes.len(),
            }
        }
        written
    }

    fn hang_up(&mut self, line: Line, how: Hangup) {
        match how {
            Hangup::Half => {
                if let Some(socket) = self.socket(line) {
                    // Fails where the connection is broken already, which the reading side reports.
                    let _ = SockRef::from(&socket.stream).shutdown(std::net::Shutdown::Write);
                }
            }
            Hangup::Close => drop(self.remove(line)),
            Hangup::Reset => {
                if let Some(stream) = self.remove(line) {
                    // A linger of zero makes the close a reset; should it fail the close is an orderly one.
                    let _ = SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
                }
            }
        }
    }

    fn wake_at(&mut self, at: Nanos) {
        self.pacer.arm(self.clock.instant(at));
    }
}

/// The life of one connection.
async fn connection(worker: Rc<RefCell<TcpWorker>>, line: Line, route: Route) {
    // Boxed so that the task is small once the connection stands.
    let connected = Box::pin(connect(route)).await;
    match connected {
        Ok(stream) => {
            let mut worker = worker.borrow_mut();
            if !worker.has(line) {
                return;
            }
            worker.wire.insert(line, stream);
            worker.opened(line);
            let now = worker.clock.now();
            worker.attend(now);
        }
        Err(error) => {
            let mut worker = worker.borrow_mut();
            worker.failed(line, &error.to_string());
            let now = worker.clock.now();
            worker.attend(now);
            return;
        }
    }
    poll_fn(|context| poll(&mut worker.borrow_mut(), line, context)).await;
}

/// How a connection is made.
struct Route {
    source: Option<IpAddr>,
    address: SocketAddr,
    room: Room,
}

async fn connect(Route { source, address, room }: Route) -> std::io::Result<TcpStream> {
    /// The least that systems give; they round it up.
    const SMALL: u32 = 2048;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if room == Room::Small {
        socket.set_recv_buffer_size(SMALL)?;
    }
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

/// Reads and writes what there is. Ready when the connection is over.
fn poll(worker: &mut TcpWorker, line: Line, context: &mut Context<'_>) -> Poll<()> {
    for _ in 0..READS {
        let Some(socket) = worker.wire.socket(line) else { return Poll::Ready(()) };
        if !socket.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            socket.waker = Some(context.waker().clone());
        }
        if socket.wants_to_write && socket.stream.poll_write_ready(context).is_ready() {
            socket.wants_to_write = false;
            worker.writable(line);
            continue;
        }
        let ReadMode::Chunks(most) = socket.reading else { return Poll::Pending };
        let mut buffer = std::mem::take(&mut worker.wire.buffer);
        let read = match worker.wire.socket(line) {
            Some(socket) => {
                let mut space = ReadBuf::new(&mut buffer[..most.min(READ)]);
                Pin::new(&mut socket.stream).poll_read(context, &mut space).map_ok(|()| space.filled().len())
            }
            None => Poll::Pending,
        };
        let now = worker.clock.now();
        let over = match read {
            Poll::Pending => {
                worker.wire.buffer = buffer;
                return Poll::Pending;
            }
            Poll::Ready(Ok(0)) => Some(Ended::Eof),
            Poll::Ready(Ok(count)) => {
                if let Some(waited) = worker.wire.socket(line).and_then(|s| Mark::pass(&mut s.mark, count, now)) {
                    worker.note_read_lag(waited);
                }
                worker.received(line, now, &buffer[..count]);
                None
            }
            Poll::Ready(Err(error)) => Some(Ended::Broken(error.to_string())),
        };
        worker.wire.buffer = buffer;
        if let Some(why) = over {
            // The socket goes first: what follows may use its place again.
            drop(worker.wire.remove(line));
            worker.ended(line, &why);
            worker.attend(now);
            return Poll::Ready(());
        }
        worker.attend(now);
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
