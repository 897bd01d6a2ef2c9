//! Simulated time, and connections in memory: everything that happens is an event in one queue, and nothing waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use mychat_load::engine::clock::Clock;
use mychat_load::engine::wire::{Hangup, Line, ReadMode, Room, Wire};
use mychat_load::plan::Nanos;

/// Bytes that the systems on both sides hold for a server that does not read.
const WINDOW: usize = 64 * 1024;

/// The simulated time.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimClock(Rc<Cell<Nanos>>);

impl SimClock {
    pub(crate) fn set(&self, now: Nanos) {
        self.0.set(now);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Nanos {
        self.0.get()
    }
}

/// One connection: of which worker, and which.
pub(crate) type End = (usize, Line);

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker is woken, if it still wants to be at this time.
    Wake(usize),
    /// A connection stands.
    Opened(End),
    /// Bytes reach the server.
    AtServer(End, Vec<u8>),
    /// The server's turn to handle what it read.
    Handle(End, Handled),
    /// Bytes reach the user's machine.
    AtUser(End, Vec<u8>),
    /// The user's side may read.
    Readable(End),
    /// The server's end is closed.
    Over(End),
    /// There is room for more to be written.
    Writable(End),
    /// The user's end hangs up.
    HungUp(End, Hangup),
    /// The server reads again.
    HearAgain,
    /// A name that was kept for a while is free.
    Free(String),
}

/// What a server handles.
#[derive(Debug)]
pub(crate) enum Handled {
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing more comes.
    Eof,
}

impl Event {
    /// Whether it happens to the generator, which may be standing still.
    pub(crate) fn is_the_generators(&self) -> bool {
        matches!(self, Self::Wake(_) | Self::Opened(_) | Self::Readable(_) | Self::Over(_) | Self::Writable(_))
    }
}

/// One connection as the network sees it.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// Written and not read by the server.
    pub(crate) unread: usize,
    wants_to_write: bool,
    /// Arrived and not read by the user.
    pub(crate) arrived: Vec<u8>,
    stopped: bool,
    chunk: Option<usize>,
}

/// All connections and all that is going to happen.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) clock: SimClock,
    queue: BTreeMap<(Nanos, u64), Event>,
    order: u64,
    pub(crate) pipes: HashMap<End, Pipe>,
    alarms: HashMap<usize, Nanos>,
    /// When the generator stands still.
    pub(crate) stall: Option<Range<Nanos>>,
}

impl Net {
    pub(crate) fn put(&mut self, at: Nanos, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), event);
    }

    /// The next event up to a time; the clock moves on to it.
    pub(crate) fn next(&mut self, until: Nanos) -> Option<Event> {
        loop {
            let (&(at, order), _) = self.queue.first_key_value().filter(|((at, _), _)| *at <= until)?;
            let event = self.queue.remove(&(at, order))?;
            if event.is_the_generators()
                && let Some(stall) = self.stall.clone().filter(|stall| stall.contains(&at))
            {
                if let Event::Wake(worker) = event {
                    self.alarms.insert(worker, stall.end);
                }
                self.put(stall.end, event);
                continue;
            }
            self.clock.set(at);
            match event {
                Event::Wake(worker) if self.alarms.get(&worker) != Some(&at) => {}
                event => return Some(event),
            }
        }
    }

    /// The server has read so many bytes.
    pub(crate) fn drained(&mut self, end: End, bytes: usize) {
        let now = self.clock.now();
        let Some(pipe) = self.pipes.get_mut(&end) else { return };
        pipe.unread -= bytes;
        if std::mem::take(&mut pipe.wants_to_write) {
            self.put(now, Event::Writable(end));
        }
    }

    /// What a user reads now.
    pub(crate) fn read(&mut self, end: End) -> Option<Vec<u8>> {
        let now = self.clock.now();
        let pipe = self.pipes.get_mut(&end).filter(|pipe| !pipe.stopped && !pipe.arrived.is_empty())?;
        let rest = pipe.arrived.split_off(pipe.arrived.len().min(pipe.chunk.unwrap_or(usize::MAX)));
        let bytes = std::mem::replace(&mut pipe.arrived, rest);
        if !pipe.arrived.is_empty() {
            self.put(now, Event::Readable(end));
        }
        Some(bytes)
    }
}

/// A worker's way into the net.
#[derive(Debug)]
pub(crate) struct SimWire {
    pub(crate) worker: usize,
    pub(crate) net: Rc<RefCell<Net>>,
}

impl Wire for SimWire {
    fn open(&mut self, line: Line, _room: Room) {
        let mut net = self.net.borrow_mut();
        let now = net.clock.now();
        net.pipes.insert((self.worker, line), Pipe::default());
        net.put(now, Event::Opened((self.worker, line)));
    }

    fn write(&mut self, line: Line, bytes: &[u8]) -> usize {
        let (mut net, end) = (self.net.borrow_mut(), (self.worker, line));
        let now = net.clock.now();
        let Some(pipe) = net.pipes.get_mut(&end) else { return bytes.len() };
        let written = bytes.len().min(WINDOW.saturating_sub(pipe.unread));
        pipe.unread += written;
        pipe.wants_to_write |= written < bytes.len();
        if written > 0 {
            net.put(now, Event::AtServer(end, bytes[..written].to_vec()));
        }
        written
    }

    fn hang_up(&mut self, line: Line, how: Hangup) {
        let mut net = self.net.borrow_mut();
        let now = net.clock.now();
        net.put(now, Event::HungUp((self.worker, line), how));
    }

    fn read(&mut self, line: Line, reading: ReadMode) {
        let (mut net, end) = (self.net.borrow_mut(), (self.worker, line));
        let now = net.clock.now();
        let Some(pipe) = net.pipes.get_mut(&end) else { return };
        pipe.stopped = reading == ReadMode::Stopped;
        if let ReadMode::Chunks(most) = reading {
            pipe.chunk = Some(most);
            net.put(now, Event::Readable(end));
        }
    }

    fn wake_at(&mut self, at: Nanos) {
        let mut net = self.net.borrow_mut();
        let at = at.max(net.clock.now());
        net.alarms.insert(self.worker, at);
        net.put(at, Event::Wake(self.worker));
    }
}
