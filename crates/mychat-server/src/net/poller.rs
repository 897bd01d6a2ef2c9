//! What one worker waits for: its sockets, its bell, a time.
//!
//! ```text
//!   register ─► kernel ─► wait ─► signs ─► what each socket is ready for is remembered with it ─► turn
//! ```
//!
//! The kernel tells of a change once (edge-triggered): whatever is not used up at once is remembered by the one it was
//! told to, in a [`Readiness`].

use std::io;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Token};
pub use mychat_os::{Readiness, ThreadWaker};

/// Changes taken from the kernel at a time.
const EVENT_CAPACITY: usize = 1024;

/// The token of the bell. Those of the listeners come before it, counted backwards.
const WAKER_TOKEN: Token = Token(usize::MAX);

/// A change that the kernel told of.
#[derive(Debug)]
pub enum PollEvent<'a> {
    /// Something is said to this worker, by mail or by the exchange.
    Wake,
    /// Somebody waits at that listener.
    Listener(usize),
    /// A session's socket is ready for something.
    Session(u32, ReadinessChange<'a>),
}

/// What a socket became ready for.
#[derive(Debug)]
pub struct ReadinessChange<'a>(&'a Event);

impl ReadinessChange<'_> {
    /// Notes it. Returns whether that is news to its session, which waits for room only if it `is_blocked`. Where it is
    /// none, the session is on the list already, or is left alone for a reason that ends in its own time.
    pub fn note(&self, readiness: &mut Readiness, is_blocked: bool) -> bool {
        let before = *readiness;
        readiness.record_event(self.0);
        (readiness.can_read() && !before.can_read()) || (is_blocked && readiness.can_write() && !before.can_write())
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
}

impl Poller {
    /// Watches nothing but a bell.
    pub fn new() -> io::Result<(Self, ThreadWaker)> {
        let poll = Poll::new()?;
        let bell = ThreadWaker::new(poll.registry(), WAKER_TOKEN)?;
        Ok((Self { poll, events: Events::with_capacity(EVENT_CAPACITY) }, bell))
    }

    /// Watches the socket of the session in that place. One that is closed is forgotten by itself.
    pub fn add(&self, socket: &mut impl Source, index: u32) -> io::Result<()> {
        self.poll.registry().register(socket, Token(index as usize), Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches it no longer: it goes on elsewhere.
    pub fn give_up(&self, socket: &mut impl Source) -> io::Result<()> {
        self.poll.registry().deregister(socket)
    }

    /// Watches a listener.
    pub fn add_listener(&self, listener: &mut impl Source, which: usize) -> io::Result<()> {
        self.poll.registry().register(listener, Token(WAKER_TOKEN.0 - 1 - which), Interest::READABLE)
    }

    /// Waits until something changes, for so long at most; `listeners` are watched as well.
    pub fn wait(
        &mut self,
        pause: Option<Duration>,
        listeners: usize,
    ) -> io::Result<impl Iterator<Item = PollEvent<'_>>> {
        match self.poll.poll(&mut self.events, pause) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        Ok(self.events.iter().map(move |event| match WAKER_TOKEN.0 - event.token().0 {
            0 => PollEvent::Wake,
            from_the_end if from_the_end <= listeners => PollEvent::Listener(from_the_end - 1),
            _ => PollEvent::Session(event.token().0 as u32, ReadinessChange(event)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use mio::net::TcpStream;

    use mychat_os::PARTIAL_MEANS_DRAINED;

    use super::*;

    /// A watched socket and its peer.
    fn pair(watch: &Poller) -> (TcpStream, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut socket = TcpStream::from_std(socket);
        watch.add(&mut socket, 7).unwrap();
        (socket, peer)
    }

    /// Waits for the next changes. Returns whether any was news to session 7.
    fn heard(watch: &mut Poller, readiness: &mut Readiness, is_blocked: bool) -> bool {
        let mut is_news = false;
        for sign in watch.wait(None, 0).unwrap() {
            let PollEvent::Session(7, change) = sign else { panic!("nothing else is watched: {sign:?}") };
            is_news |= change.note(readiness, is_blocked);
        }
        is_news
    }

    #[test]
    fn what_a_socket_is_ready_for_is_told_once_and_remembered() {
        let (mut watch, _bell) = Poller::new().unwrap();
        let (mut socket, mut peer) = pair(&watch);
        let mut readiness = Readiness::NEW;
        assert!(readiness.can_write() && !readiness.can_read());
        peer.write_all(b"hola").unwrap();
        while !heard(&mut watch, &mut readiness, false) {}
        let mut room = [0; 3];
        readiness.record_read(&socket.read(&mut room), room.len());
        assert!(readiness.can_read(), "a full buffer says nothing of the rest");
        readiness.record_read(&socket.read(&mut room), room.len());
        assert_eq!(readiness.can_read(), !PARTIAL_MEANS_DRAINED);
    }

    #[test]
    fn the_end_stays_to_be_read_behind_what_came_with_it() {
        let (mut watch, _bell) = Poller::new().unwrap();
        let (mut socket, mut peer) = pair(&watch);
        let mut readiness = Readiness::NEW;
        peer.write_all(b"hola").unwrap();
        drop(peer);
        while !readiness.is_closed() {
            heard(&mut watch, &mut readiness, false);
        }
        let mut room = [0; 100];
        readiness.record_read(&socket.read(&mut room), room.len());
        assert!(readiness.can_read());
        assert_eq!(socket.read(&mut room).unwrap(), 0);
    }

    #[test]
    fn room_is_news_to_whoever_waits_for_it() {
        let (mut watch, _bell) = Poller::new().unwrap();
        let (mut socket, mut peer) = pair(&watch);
        let mut readiness = Readiness::NEW;
        let piece = vec![b'x'; 1 << 20];
        while readiness.can_write() {
            readiness.record_write(&socket.write(&piece), piece.len());
        }
        peer.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut room = vec![0; 1 << 20];
        while peer.read(&mut room).is_ok() {}
        assert!(heard(&mut watch, &mut readiness, true));
        assert!(readiness.can_write());
        assert_eq!(socket.write(b"x").unwrap(), 1);
    }

    #[test]
    fn a_bell_is_heard_by_whoever_sleeps() {
        let (mut watch, bell) = Poller::new().unwrap();
        let ringer = std::thread::spawn(move || {
            bell.wake();
            bell
        });
        assert!(matches!(watch.wait(None, 0).unwrap().next(), Some(PollEvent::Wake)));
        ringer.join().unwrap();
    }
}
