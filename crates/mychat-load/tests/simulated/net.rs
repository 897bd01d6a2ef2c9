//! Simulated time, and connections in memory. Everything that happens is an event in one queue, and nothing waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use mychat_load::engine::arrival_clock::ClockPair;
use mychat_load::engine::clock::Clock;
use mychat_load::engine::wire::{CloseMode, ConnId, ReadMode, ReceiveBuffer, Wire};
use mychat_load::plan::RunTime;

/// Bytes that the systems on both sides buffer for a server that does not read.
const WINDOW: usize = 64 * 1024;

/// The simulated time.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimClock(Rc<Cell<RunTime>>);

impl SimClock {
    pub(crate) fn set(&self, now: RunTime) {
        self.0.set(now);
    }
}

impl Clock for SimClock {
    fn now(&self) -> RunTime {
        self.0.get()
    }
}

/// The simulated time, and a real-time clock that is set once.
#[derive(Debug, Clone)]
pub(crate) struct TwoClocks {
    pub(crate) clock: SimClock,
    /// The time at which the real-time clock is set, and by how many nanoseconds.
    pub(crate) step: (RunTime, i64),
}

impl ClockPair for TwoClocks {
    fn run(&self) -> RunTime {
        self.clock.now()
    }

    fn wall(&self) -> Duration {
        let (now, (at, by)) = (self.clock.now(), self.step);
        let wall = 1_700_000_000_000_000_000 + now.nanos();
        Duration::from_nanos(if now < at { wall } else { wall.saturating_add_signed(by) })
    }
}

/// A connection: the index of its worker, and its id there.
pub(crate) type Endpoint = (usize, ConnId);

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker is woken, if it has not asked for another time since.
    Wake(usize),
    /// A connection is complete.
    Opened(Endpoint),
    /// Bytes reach the server.
    AtServer(Endpoint, Vec<u8>),
    /// The server handles what it has read.
    Handle(Endpoint, Handled),
    /// Bytes reach the user's machine.
    AtUser(Endpoint, Vec<u8>),
    /// The user's side may read.
    Readable(Endpoint),
    /// The server's end is closed.
    Over(Endpoint),
    /// The user's side may write again.
    Writable(Endpoint),
    /// The user's end closes the connection.
    ClosedByUser(Endpoint, CloseMode),
    /// The server reads again.
    ResumeReading,
    /// A name that was cached after a logout is free.
    NameFreed(String),
}

/// Something that the server handles.
#[derive(Debug)]
pub(crate) enum Handled {
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing more comes.
    Eof,
}

impl Event {
    /// Returns true if the event happens to the generator, which may be stalled.
    pub(crate) fn is_for_generator(&self) -> bool {
        matches!(self, Self::Wake(_) | Self::Opened(_) | Self::Readable(_) | Self::Over(_) | Self::Writable(_))
    }
}

/// The two directions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// Bytes written and not read by the server.
    pub(crate) unread: usize,
    wants_to_write: bool,
    /// Bytes that arrived and were not read by the user.
    pub(crate) arrived: Vec<u8>,
    /// The kernel's time of the last of them.
    pub(crate) stamp: Duration,
    stopped: bool,
    chunk: Option<usize>,
}

/// All connections, and the queue of events.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) clock: SimClock,
    queue: BTreeMap<(RunTime, u64), Event>,
    order: u64,
    pub(crate) pipes: HashMap<Endpoint, Pipe>,
    alarms: HashMap<usize, RunTime>,
    /// Time during which the generator is stalled.
    pub(crate) stall: Option<Range<RunTime>>,
}

impl Net {
    pub(crate) fn put(&mut self, at: RunTime, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), event);
    }

    /// Removes the next event up to `until`, and sets the clock to its time.
    pub(crate) fn next(&mut self, until: RunTime) -> Option<Event> {
        loop {
            let (&(at, order), _) = self.queue.first_key_value().filter(|((at, _), _)| *at <= until)?;
            let event = self.queue.remove(&(at, order))?;
            if event.is_for_generator()
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

    /// Notes that the server has read `bytes` bytes.
    pub(crate) fn drained(&mut self, end: Endpoint, bytes: usize) {
        let now = self.clock.now();
        let Some(pipe) = self.pipes.get_mut(&end) else { return };
        pipe.unread -= bytes;
        if std::mem::take(&mut pipe.wants_to_write) {
            self.put(now, Event::Writable(end));
        }
    }

    /// Returns the bytes that a user reads now, and the kernel's time of the last that have arrived.
    pub(crate) fn read(&mut self, end: Endpoint) -> Option<(Vec<u8>, Duration)> {
        let now = self.clock.now();
        let pipe = self.pipes.get_mut(&end).filter(|pipe| !pipe.stopped && !pipe.arrived.is_empty())?;
        let rest = pipe.arrived.split_off(pipe.arrived.len().min(pipe.chunk.unwrap_or(usize::MAX)));
        let (bytes, stamp) = (std::mem::replace(&mut pipe.arrived, rest), pipe.stamp);
        if !pipe.arrived.is_empty() {
            self.put(now, Event::Readable(end));
        }
        Some((bytes, stamp))
    }
}

/// The transport of one worker.
#[derive(Debug)]
pub(crate) struct SimWire {
    pub(crate) worker: usize,
    pub(crate) net: Rc<RefCell<Net>>,
}

impl Wire for SimWire {
    fn open(&mut self, conn: ConnId, _buffer: ReceiveBuffer) {
        let mut net = self.net.borrow_mut();
        let now = net.clock.now();
        net.pipes.insert((self.worker, conn), Pipe::default());
        net.put(now, Event::Opened((self.worker, conn)));
    }

    fn write(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        let (mut net, end) = (self.net.borrow_mut(), (self.worker, conn));
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

    fn close(&mut self, conn: ConnId, mode: CloseMode) {
        let mut net = self.net.borrow_mut();
        let now = net.clock.now();
        net.put(now, Event::ClosedByUser((self.worker, conn), mode));
    }

    fn set_read_mode(&mut self, conn: ConnId, mode: ReadMode) {
        let (mut net, end) = (self.net.borrow_mut(), (self.worker, conn));
        let now = net.clock.now();
        let Some(pipe) = net.pipes.get_mut(&end) else { return };
        pipe.stopped = mode == ReadMode::Stopped;
        if let ReadMode::Chunks(most) = mode {
            pipe.chunk = Some(most);
            net.put(now, Event::Readable(end));
        }
    }

    fn wake_at(&mut self, at: RunTime) {
        let mut net = self.net.borrow_mut();
        let at = at.max(net.clock.now());
        net.alarms.insert(self.worker, at);
        net.put(at, Event::Wake(self.worker));
    }
}
