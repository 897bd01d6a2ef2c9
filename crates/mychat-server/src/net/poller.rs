//! The poller of one worker: it waits for the worker's sockets, for a wake-up by another thread, and for a time.
//!
//! ```text
//!   register ─► kernel ─► wait ─► poll events ─► each socket's readiness is updated ─► turn
//! ```
//!
//! Polling is edge-triggered: the kernel reports each change once, and the session remembers it in its [`Readiness`].

use std::io;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Token};
use mychat_os::{Readiness, ThreadWaker};

/// The number of events taken from the kernel at a time.
const EVENT_CAPACITY: usize = 1024;

/// The token of the waker. Those of the listeners come before it, counted backwards; sessions use their slab index.
const WAKER_TOKEN: Token = Token(usize::MAX);

/// An event for one worker.
#[derive(Debug)]
pub(crate) enum PollEvent<'a> {
    /// Another thread sent a message or put a batch into the worker's inbox.
    Woken,
    /// A connection waits at this listener.
    Listener(usize),
    /// The readiness of the session with this index changed.
    Session(u32, ReadinessChange<'a>),
}

/// A change of a socket's readiness.
#[derive(Debug)]
pub(crate) struct ReadinessChange<'a>(&'a Event);

impl ReadinessChange<'_> {
    /// Adds the change to `readiness`. Returns true if the session has to be served: it can newly read, or it `is_blocked`
    /// and can newly write. In all other cases it is either in the ready list already, or waits for a deadline.
    pub(crate) fn apply(&self, readiness: &mut Readiness, is_blocked: bool) -> bool {
        let before = *readiness;
        readiness.record_event(self.0);
        (readiness.can_read() && !before.can_read()) || (is_blocked && readiness.can_write() && !before.can_write())
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

impl Poller {
    /// Creates a poller without sockets, and the waker with which other threads end its wait.
    pub(crate) fn new() -> io::Result<(Self, ThreadWaker)> {
        let poll = Poll::new()?;
        let waker = ThreadWaker::new(poll.registry(), WAKER_TOKEN)?;
        Ok((Self { poll, events: Events::with_capacity(EVENT_CAPACITY) }, waker))
    }

    /// Adds the socket of the session with this index. The kernel removes a socket when it is closed.
    pub(crate) fn add(&self, socket: &mut impl Source, index: u32) -> io::Result<()> {
        self.poll.registry().register(socket, Token(index as usize), Interest::READABLE | Interest::WRITABLE)
    }

    /// Removes a socket that stays open.
    pub(crate) fn remove(&self, socket: &mut impl Source) -> io::Result<()> {
        self.poll.registry().deregister(socket)
    }

    /// Adds the listener with this number.
    pub(crate) fn add_listener(&self, listener: &mut impl Source, number: usize) -> io::Result<()> {
        self.poll.registry().register(listener, Token(WAKER_TOKEN.0 - 1 - number), Interest::READABLE)
    }

    /// Waits for events, at most for `timeout`, or without limit if that is `None`. `listeners` is the number of listeners
    /// that were added.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        listeners: usize,
    ) -> io::Result<impl Iterator<Item = PollEvent<'_>>> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result?,
        }
        Ok(self.events.iter().map(move |event| match WAKER_TOKEN.0 - event.token().0 {
            0 => PollEvent::Woken,
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

    /// A socket in the poller, as session 7, and its peer.
    fn connected_pair(poller: &Poller) -> (TcpStream, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut socket = TcpStream::from_std(socket);
        poller.add(&mut socket, 7).unwrap();
        (socket, peer)
    }

    /// Waits for the next events. Returns true if session 7 has to be served.
    fn wait_for_change(poller: &mut Poller, readiness: &mut Readiness, is_blocked: bool) -> bool {
        let mut has_work = false;
        for event in poller.wait(None, 0).unwrap() {
            let PollEvent::Session(7, change) = event else { panic!("no other socket was added: {event:?}") };
            has_work |= change.apply(readiness, is_blocked);
        }
        has_work
    }

    #[test]
    fn readiness_is_reported_once_and_remembered() {
        let (mut poller, _waker) = Poller::new().unwrap();
        let (mut socket, mut peer) = connected_pair(&poller);
        let mut readiness = Readiness::NEW;
        assert!(readiness.can_write() && !readiness.can_read());
        peer.write_all(b"hola").unwrap();
        while !wait_for_change(&mut poller, &mut readiness, false) {}
        let mut buffer = [0; 3];
        readiness.record_read(&socket.read(&mut buffer), buffer.len());
        assert!(readiness.can_read(), "a full buffer does not prove that the socket is drained");
        readiness.record_read(&socket.read(&mut buffer), buffer.len());
        assert_eq!(readiness.can_read(), !PARTIAL_MEANS_DRAINED);
    }

    #[test]
    fn the_end_of_the_stream_stays_readable_after_the_last_bytes() {
        let (mut poller, _waker) = Poller::new().unwrap();
        let (mut socket, mut peer) = connected_pair(&poller);
        let mut readiness = Readiness::NEW;
        peer.write_all(b"hola").unwrap();
        drop(peer);
        while !readiness.is_closed() {
            wait_for_change(&mut poller, &mut readiness, false);
        }
        let mut buffer = [0; 100];
        readiness.record_read(&socket.read(&mut buffer), buffer.len());
        assert!(readiness.can_read());
        assert_eq!(socket.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_blocked_session_is_reported_when_it_can_write_again() {
        let (mut poller, _waker) = Poller::new().unwrap();
        let (mut socket, mut peer) = connected_pair(&poller);
        let mut readiness = Readiness::NEW;
        let bytes = vec![b'x'; 1 << 20];
        while readiness.can_write() {
            readiness.record_write(&socket.write(&bytes), bytes.len());
        }
        peer.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut buffer = vec![0; 1 << 20];
        while peer.read(&mut buffer).is_ok() {}
        assert!(wait_for_change(&mut poller, &mut readiness, true));
        assert!(readiness.can_write());
        assert_eq!(socket.write(b"x").unwrap(), 1);
    }

    #[test]
    fn a_waker_ends_the_wait_of_another_thread() {
        let (mut poller, waker) = Poller::new().unwrap();
        let waking = std::thread::spawn(move || {
            waker.wake();
            waker
        });
        assert!(matches!(poller.wait(None, 0).unwrap().next(), Some(PollEvent::Woken)));
        waking.join().unwrap();
    }
}
