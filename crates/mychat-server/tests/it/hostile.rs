//! Input and peers that mean harm, against the program as a process of its own.
//!
//! Each attack is made twice. The oracle, [`survives`], holds after each: the process is alive and wrote no panic, a
//! healthy pair exchanged messages all the while, no descriptor is left open, the processor is idle, and the resident
//! memory is back within 10 % of what it was before the first attack, when the server had served one pair.
//! With `HOSTILE_STRICT=1`, which wants a quiet machine, the pair's 99th percentile must be under 50 ms and the processor
//! idle within 2 s; without, both have 10 s.

mod crowds;
mod input;
mod machine;
mod peers;
mod raw;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::kit::Peer;
use crate::program::{Program, start};

const PATIENCE: Duration = Duration::from_secs(10);

fn is_strict() -> bool {
    std::env::var_os("HOSTILE_STRICT").is_some()
}

/// A server under attack.
pub(crate) struct Arena {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    said: Option<JoinHandle<String>>,
}

impl Arena {
    pub(crate) fn new(args: &[&str]) -> Self {
        Self::of(start(&[&["--listen", "127.0.0.1:0"], args].concat()))
    }

    pub(crate) fn of(mut program: Program) -> Self {
        let address = program.address();
        let mut stderr = program.child.stderr.take().unwrap();
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        Self { program, address, said: Some(said) }
    }

    pub(crate) fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).unwrap())
    }

    pub(crate) fn join(&self, name: &str) -> Peer {
        self.connect().named(name)
    }

    pub(crate) fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.program.child.id())).unwrap()
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.program.child.id())).unwrap().count()
    }

    /// Resident memory in KiB.
    fn resident(&self) -> u64 {
        let status = self.proc("status");
        let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).unwrap();
        row.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until resident memory is within 10 % of that many KiB.
    #[track_caller]
    fn has_given_back(&self, before: u64) {
        let start = Instant::now();
        while self.resident() > before + before / 10 {
            let now = self.resident();
            assert!(start.elapsed() < PATIENCE, "{now} KiB are held, {before} were: {}", self.proc("smaps_rollup"));
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Processor time so far, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Ends the server and returns what it wrote to standard error.
    pub(crate) fn end(mut self) -> String {
        self.program.child.kill().unwrap();
        self.program.child.wait().unwrap();
        self.said.take().unwrap().join().unwrap()
    }
}

/// Waits for what must come to pass.
#[track_caller]
pub(crate) fn until(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Two users who talk to each other until they are told to stop, and what they saw.
struct Pair {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Pair {
    fn new(arena: &Arena) -> Self {
        let (ana, leo) = (arena.join("healthy ana"), arena.join("healthy leo"));
        let (stop, stopped) = channel();
        Self { stop, thread: std::thread::spawn(move || talk(&ana, &leo, &stopped)) }
    }

    fn end(self) -> Duration {
        drop(self.stop);
        let mut times = self.thread.join().unwrap();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    }
}

fn talk(ana: &Peer, leo: &Peer, stopped: &Receiver<()>) -> Vec<Duration> {
    // Lines, not frames: lists of a crowd are many, and nobody here looks at them.
    let mut mouth = ana.socket.try_clone().unwrap();
    let mut ear = BufReader::new(leo.socket.try_clone().unwrap());
    let (mut times, mut line) = (Vec::new(), String::new());
    let mut unread = BufReader::new(ana.socket.try_clone().unwrap());
    std::thread::scope(|scope| {
        // Somebody has to take what ana is told, or she is not healthy.
        scope.spawn(move || std::io::copy(&mut unread, &mut std::io::sink()));
        // Enough for a 99th percentile, however short the attack.
        while times.len() < 100 || stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            let said = Instant::now();
            writeln!(mouth, "MESSAGE|healthy leo|{}", times.len()).unwrap();
            let wanted = format!("MESSAGE|healthy ana|{}\n", times.len());
            while line != wanted {
                line.clear();
                assert!(ear.read_line(&mut line).unwrap() > 0, "the healthy pair lost its connection");
            }
            times.push(said.elapsed());
        }
        mouth.shutdown(std::net::Shutdown::Both).unwrap();
    });
    times
}

/// Attacks a fresh server twice and checks that it does not matter; see the [module](self).
#[track_caller]
pub(crate) fn survives(args: &[&str], attack: impl Fn(&Arena)) -> Arena {
    let arena = Arena::new(args);
    Pair::new(&arena).end();
    let mut last = arena.join("last");
    last.hears_list(&["last"]);
    let descriptors = arena.descriptors() - 1;
    drop(last);
    until("the first users are gone", PATIENCE, || arena.descriptors() <= descriptors);
    let before = arena.resident();
    for _ in 0..2 {
        let pair = Pair::new(&arena);
        attack(&arena);
        let worst = pair.end();
        let limit = if is_strict() { Duration::from_millis(50) } else { PATIENCE };
        assert!(worst < limit, "the healthy pair waited {worst:?}");
        until("descriptors back", PATIENCE, || arena.descriptors() <= descriptors);
        is_idle(&arena);
        arena.has_given_back(before);
    }
    assert!(arena.proc("status").contains("State:\tS"), "asleep, neither spinning nor dead");
    arena
}

/// Some 100 ms go by without a tick.
#[track_caller]
fn is_idle(arena: &Arena) {
    let start = Instant::now();
    loop {
        let before = arena.ticks();
        let until = Instant::now() + Duration::from_millis(100);
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        if arena.ticks() <= before {
            return;
        }
        let limit = if is_strict() { Duration::from_secs(2) } else { PATIENCE };
        assert!(start.elapsed() < limit, "the server is still busy");
    }
}

/// Ends the server of an attack and checks what it said.
pub(crate) fn quiet_end(arena: Arena) -> String {
    let said = arena.end();
    assert!(!said.contains("panicked"), "{said}");
    said
}
