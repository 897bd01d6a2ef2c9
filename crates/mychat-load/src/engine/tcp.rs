//! Sockets behind a [`Wire`]: a table of them, and what each is ready for. What their changes mean is in
//! [`super::turn`].

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use mychat_os::Readiness;
use socket2::SockRef;

use super::backlog::{Mark, unread};
use super::clock::RealClock;
use super::dial::connect;
use super::waiting::{Sign, Waiting};
use super::wire::{Hangup, Line, ReadMode, Room, Wire};
use crate::plan::Nanos;

/// Bytes read at once. Small enough that the users of one read are heard within about 100 µs: what is due is asked for
/// between two reads.
pub(super) const READ: usize = 16 * 1024;

/// The sockets of one worker.
pub(super) struct TcpWire {
    address: SocketAddr,
    /// Addresses to connect from, in turn; empty where the system chooses.
    sources: Arc<[IpAddr]>,
    pub(super) waiting: Waiting,
    sockets: Vec<Option<Socket>>,
    /// The place of the socket that is sounded next.
    sounded: usize,
    /// The most that one of them was found to hold unread, in bytes.
    pub(super) most_unread: u64,
    /// Connections that did not even begin, and why.
    pub(super) unbegun: Vec<(Line, Error)>,
    /// Sockets that are ready for something, and that no event will tell of.
    again: Vec<usize>,
    pub(super) buffer: Vec<u8>,
}

pub(super) struct Socket {
    generation: u32,
    stream: TcpStream,
    stands: bool,
    readiness: Readiness,
    /// Whether it is among those that have their turn without an event.
    again: bool,
    wants_to_write: bool,
    reading: ReadMode,
    mark: Option<Mark>,
}

impl TcpWire {
    pub(super) fn new(
        address: SocketAddr,
        sources: Arc<[IpAddr]>,
        clock: RealClock,
        (poll, own_core): (Poll, bool),
    ) -> Result<Self> {
        Ok(Self {
            address,
            sources,
            waiting: Waiting::new(clock, poll, own_core)?,
            sockets: Vec::new(),
            sounded: 0,
            most_unread: 0,
            unbegun: Vec::new(),
            again: Vec::new(),
            buffer: vec![0; READ],
        })
    }

    /// Waits until something changes, is due or is left over.
    pub(super) fn wait(&mut self, events: &mut Events) -> Result<()> {
        let left_over = !self.again.is_empty() || !self.unbegun.is_empty();
        self.waiting.wait(events, left_over)
    }

    /// What a change is about, after it was noted.
    pub(super) fn note(&mut self, event: &Event) -> Sign {
        let sign = self.waiting.sign(event);
        if let Sign::Socket(key) = sign
            && let Some(Some(socket)) = self.sockets.get_mut(key)
        {
            socket.readiness.record_event(event);
        }
        sign
    }

    /// The sockets that have something left over.
    pub(super) fn take_again(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.again)
    }

    /// What comes next at this place: nothing, where there is nobody any more.
    pub(super) fn at(&self, key: usize) -> Option<(Line, &Socket)> {
        let socket = self.sockets.get(key)?.as_ref()?;
        Some((Line { key, generation: socket.generation }, socket))
    }

    /// Whether a connection that is being made stands by now, or why it does not.
    pub(super) fn stands(&mut self, line: Line) -> Result<bool> {
        let Some(socket) = self.socket(line) else { return Ok(false) };
        if let Some(error) = socket.stream.take_error()? {
            return Err(error);
        }
        match socket.stream.peer_addr() {
            Ok(_) => socket.stands = true,
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            Err(error) => return Err(error),
        }
        Ok(socket.stands)
    }

    /// Reads what there is, into the buffer; nothing where there is none.
    pub(super) fn take(&mut self, line: Line, buffer: &mut [u8]) -> Option<Result<usize>> {
        let socket = self.socket(line)?;
        let ReadMode::Chunks(most) = socket.reading else { return None };
        let space = most.min(buffer.len());
        loop {
            let gave = socket.stream.read(&mut buffer[..space]);
            socket.readiness.record_read(&gave, space);
            match gave {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                gave => return Some(gave),
            }
        }
    }

    /// So many bytes of a socket were read at `now`: gives how long the last of those before its mark had lain there.
    pub(super) fn pass_mark(&mut self, line: Line, count: usize, now: Nanos) -> Option<Nanos> {
        Mark::pass(&mut self.socket(line)?.mark, count, now)
    }

    /// Whether a socket that was full takes bytes again, and is asked about for the first time since.
    pub(super) fn takes_again(&mut self, line: Line) -> bool {
        self.socket(line).is_some_and(|socket| {
            let takes = socket.wants_to_write && socket.readiness.can_write();
            socket.wants_to_write &= !takes;
            takes
        })
    }

    /// A socket is not done with: it has another turn.
    pub(super) fn turn_again(&mut self, key: usize) {
        if let Some(Some(socket)) = self.sockets.get_mut(key)
            && !socket.again
        {
            socket.again = true;
            self.again.push(key);
        }
    }

    /// Its turn has come.
    pub(super) fn has_its_turn(&mut self, key: usize) {
        if let Some(Some(socket)) = self.sockets.get_mut(key) {
            socket.again = false;
        }
    }

    fn socket(&mut self, line: Line) -> Option<&mut Socket> {
        self.sockets.get_mut(line.key)?.as_mut().filter(|socket| socket.generation == line.generation)
    }

    fn begin(&mut self, line: Line, room: Room) -> Result<()> {
        let source = self.sources.get(line.generation as usize % self.sources.len().max(1)).copied();
        let mut stream = connect(self.address, source, room)?;
        self.waiting.registry().register(&mut stream, Token(line.key), Interest::READABLE | Interest::WRITABLE)?;
        if self.sockets.len() <= line.key {
            self.sockets.resize_with(line.key + 1, || None);
        }
        self.sockets[line.key] = Some(Socket {
            generation: line.generation,
            stream,
            stands: false,
            readiness: Readiness::NEW,
            again: false,
            wants_to_write: false,
            reading: ReadMode::Chunks(READ),
            mark: None,
        });
        Ok(())
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

    pub(super) fn remove(&mut self, line: Line) -> Option<TcpStream> {
        self.socket(line)?;
        Some(self.sockets[line.key].take()?.stream)
    }
}

impl Socket {
    /// Whether its connection has been made.
    pub(super) fn stands(&self) -> bool {
        self.stands
    }

    /// Whether a read is worth its system call, and wanted.
    pub(super) fn is_readable(&self) -> bool {
        self.readiness.can_read() && matches!(self.reading, ReadMode::Chunks(_))
    }

    /// Whether what waits here waits for the generator, and not because its user reads slowly.
    fn is_read_fast(&self) -> bool {
        matches!(self.reading, ReadMode::Chunks(most) if most >= READ)
    }
}

impl Wire for TcpWire {
    fn open(&mut self, line: Line, room: Room) {
        if let Err(error) = self.begin(line, room) {
            self.unbegun.push((line, error));
        }
    }

    fn read(&mut self, line: Line, reading: ReadMode) {
        let Some(socket) = self.socket(line) else { return };
        socket.reading = reading;
        if !socket.is_read_fast() {
            socket.mark = None;
        }
        if socket.is_readable() {
            self.turn_again(line.key);
        }
    }

    fn write(&mut self, line: Line, bytes: &[u8]) -> usize {
        let Some(socket) = self.socket(line) else { return bytes.len() };
        let mut written = 0;
        while written < bytes.len() {
            let gave = socket.stream.write(&bytes[written..]);
            socket.readiness.record_write(&gave, bytes.len() - written);
            match gave {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.wants_to_write = true;
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
                    let _ = socket.stream.shutdown(std::net::Shutdown::Write);
                }
            }
            Hangup::Close => drop(self.remove(line)),
            Hangup::Reset => {
                if let Some(stream) = self.remove(line) {
                    // A linger of zero makes the close a reset; should it fail the close is an orderly one.
                    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                }
            }
        }
    }

    fn wake_at(&mut self, at: Nanos) {
        self.waiting.wake_at(at);
    }
}
