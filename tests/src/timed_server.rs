//! A correct server whose latency is known: a thread of its own that sleeps by a precise timer and spins for the rest, or
//! spins all the time on a core of its own, and that takes down how late it was itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mychat_proto::Command;
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

/// Delays of a [`TimedServer`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// From reading a message to writing it on.
    pub delay: Duration,
    /// Frozen for so long, every so often: what comes meanwhile is read at the end of it. Counted from the first message,
    /// with half a period before the first freeze, so that a run of whole periods holds whole freezes.
    pub freeze: Option<(Duration, Duration)>,
    /// One queue: so long a message.
    pub work: Duration,
    /// From the write to one recipient to that to the next; also before the first.
    pub spacing: Duration,
}

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct TimedServer {
    address: SocketAddr,
    late: Arc<Mutex<Histogram<u64>>>,
    held_up: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TimedServer {
    /// Starts one on a free port; its thread stays on this core, where there is one to stay on, and awake: what a core takes
    /// to wake up is no part of a latency that is known.
    pub fn start(timing: Timing, core: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let late = Arc::new(Mutex::new(Histogram::new(3).expect("three digits are legal")));
        let taken_down = Arc::clone(&late);
        let held_up = Arc::<AtomicU64>::default();
        let waited = Arc::clone(&held_up);
        let thread = std::thread::spawn(move || {
            crate::cores::stay_on(core);
            // Sleep is rounded by 50 µs otherwise; where that cannot be changed the server is so much less exact.
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
            let _ = mychat_os::request_short_time_slice(Duration::from_micros(100));
            let mut server = Server::new(listener, timing, taken_down);
            server.stays_awake = core.is_some();
            server.held_up = waited;
            server.serve(&stopped);
        });
        Self { address, late, held_up, stop, thread: Some(thread) }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// By its own clock: how late its writes were done at this quantile. What came on top of the latency that was asked for.
    pub fn late(&self, quantile: f64) -> Duration {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_micros(late.value_at_quantile(quantile))
    }

    /// Stops it. Returns the longest time for which the full receive buffer of one client kept bytes back.
    pub fn held_up(mut self) -> Duration {
        self.end();
        Duration::from_micros(self.held_up.load(Ordering::Relaxed))
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}

impl Drop for TimedServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Epoll key of the listener.
const LISTENER: u64 = u64::MAX;
/// Epoll key of the timer.
const TIMER: u64 = u64::MAX - 1;
/// A thread that sleeps wakes up this much too late where it need not wait for a core; before that it spins.
const SPIN: Duration = Duration::from_micros(60);
/// It looks so often whether it is to stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A write that is to be done: when, in which order, to whom, what.
type Write = (Instant, u64, usize, Vec<u8>);

struct Server {
    listener: TcpListener,
    timing: Timing,
    epoll: OwnedFd,
    timer: OwnedFd,
    first: Option<Instant>,
    peers: Vec<Option<Peer>>,
    users: BTreeMap<String, usize>,
    /// Time at which the queue becomes empty.
    free_at: Instant,
    due: BinaryHeap<Reverse<Write>>,
    order: u64,
    late: Arc<Mutex<Histogram<u64>>>,
    held_up: Arc<AtomicU64>,
    stays_awake: bool,
}

struct Peer {
    stream: TcpStream,
    name: Option<String>,
    unfinished: Vec<u8>,
    unsent: VecDeque<u8>,
}

impl Server {
    fn new(listener: TcpListener, timing: Timing, late: Arc<Mutex<Histogram<u64>>>) -> Self {
        listener.set_nonblocking(true).expect("a socket");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a descriptor");
        epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN).expect("a socket");
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).expect("a descriptor");
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN).expect("a timer");
        let free_at = Instant::now();
        let (peers, users, due) = (Vec::new(), BTreeMap::new(), BinaryHeap::new());
        Self {
            listener,
            timing,
            epoll,
            timer,
            first: None,
            peers,
            users,
            free_at,
            due,
            order: 0,
            late,
            held_up: Arc::default(),
            stays_awake: false,
        }
    }

    fn serve(mut self, stop: &AtomicBool) {
        let mut events = Vec::with_capacity(256);
        while !stop.load(Ordering::Relaxed) {
            let wait = self.sleep();
            events.clear();
            // A signal may interrupt it: then there are no events.
            let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait));
            let now = Instant::now();
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept(),
                    // It need not be read: it is set anew before the next sleep.
                    TIMER => {}
                    key => self.read(key as usize, now),
                }
            }
            self.write_due();
        }
        for key in 0..self.peers.len() {
            self.let_go(key);
        }
    }

    /// Returns the time to wait for events; the timer is one of them.
    fn sleep(&self) -> Timespec {
        if self.stays_awake {
            return AT_ONCE;
        }
        let Some(Reverse((at, ..))) = self.due.peek() else { return LOOK };
        let left = at.saturating_duration_since(Instant::now()).saturating_sub(SPIN);
        if left.is_zero() {
            return AT_ONCE;
        }
        let it_value = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let value = Itimerspec { it_interval: AT_ONCE, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value).expect("a legal time");
        LOOK
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).expect("a socket");
            stream.set_nodelay(true).expect("a TCP socket");
            let key = self.peers.len();
            let data = epoll::EventData::new_u64(key as u64);
            epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN).expect("a socket");
            self.peers.push(Some(Peer { stream, name: None, unfinished: Vec::new(), unsent: VecDeque::new() }));
        }
    }

    fn read(&mut self, key: usize, now: Instant) {
        let Some(peer) = &mut self.peers[key] else { return };
        let mut buffer = [0; 16 * 1024];
        match peer.stream.read(&mut buffer) {
            Ok(count) if count > 0 => peer.unfinished.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            _ => return self.let_go(key),
        }
        let whole = peer.unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = peer.unfinished.split_off(whole);
        let frames = std::mem::replace(&mut peer.unfinished, rest);
        for frame in frames.split(|byte| *byte == b'\n').filter(|frame| !frame.is_empty()) {
            self.hear(key, frame, now);
        }
    }

    fn hear(&mut self, key: usize, frame: &[u8], now: Instant) {
        let Some(peer) = &mut self.peers[key] else { return };
        match (Command::parse(frame), peer.name.clone()) {
            (Ok(Command::Connect { name }), None) => {
                let free = !self.users.contains_key(name);
                if free {
                    peer.name = Some(name.to_owned());
                    self.users.insert(name.to_owned(), key);
                }
                let answer: &[u8] = if free { b"CONNECT_ACK|OK\n" } else { b"CONNECT_ACK|FAIL\n" };
                self.put(now, key, answer.to_vec());
            }
            (Ok(Command::Broadcast { content }), Some(me)) => {
                let at = self.turn(now);
                let frame = format!("BROADCAST|{me}|{content}\n").into_bytes();
                let everybody: Vec<usize> = self.users.values().copied().collect();
                for (place, other) in (1..).zip(everybody) {
                    self.put(at + place * self.timing.spacing, other, frame.clone());
                }
            }
            (Ok(Command::Message { recipient, content }), Some(me)) => {
                let at = self.turn(now);
                match self.users.get(recipient) {
                    Some(&other) => self.put(at, other, format!("MESSAGE|{me}|{content}\n").into_bytes()),
                    None => self.put(at, key, b"ERROR|404|no such user\n".to_vec()),
                }
            }
            (Ok(Command::Disconnect), _) => self.let_go(key),
            _ => self.put(now, key, b"ERROR|400|malformed\n".to_vec()),
        }
    }

    /// Returns the time at which a message that is read now must be written.
    fn turn(&mut self, now: Instant) -> Instant {
        self.first.get_or_insert(now);
        let done = self.thawed(self.thawed(now.max(self.free_at)) + self.timing.work);
        self.free_at = done;
        done + self.timing.delay
    }

    fn thawed(&self, at: Instant) -> Instant {
        let (Some((length, every)), Some(first)) = (self.timing.freeze, self.first) else { return at };
        let into = (at.saturating_duration_since(first) + every / 2).as_nanos() % every.as_nanos();
        at + length.saturating_sub(Duration::from_nanos(into as u64))
    }

    fn put(&mut self, at: Instant, key: usize, bytes: Vec<u8>) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, key, bytes)));
    }

    fn write_due(&mut self) {
        while let Some(Reverse((at, ..))) = self.due.peek() {
            if *at > Instant::now() {
                return;
            }
            let Some(Reverse((at, _, key, bytes))) = self.due.pop() else { return };
            let Some(peer) = &mut self.peers[key] else { continue };
            peer.unsent.extend(bytes);
            // What does not go out now goes with the next frame: it is a server for readers that keep up.
            while let Ok(count @ 1..) = peer.stream.write(peer.unsent.as_slices().0) {
                peer.unsent.drain(..count);
                if peer.unsent.is_empty() {
                    break;
                }
            }
            let late = at.elapsed().as_micros();
            // Nobody else locks it while the server works; what is too great for it was hours.
            let mut taken_down = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            taken_down.saturating_record(u64::try_from(late).unwrap_or(u64::MAX));
        }
    }

    fn let_go(&mut self, key: usize) {
        let Some(peer) = self.peers[key].take() else { return };
        let waited = mychat_os::window_limited(&peer.stream).unwrap_or_default();
        self.held_up.fetch_max(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(name) = peer.name {
            self.users.remove(&name);
        }
    }
}
