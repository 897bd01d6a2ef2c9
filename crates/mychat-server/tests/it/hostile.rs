//! Hostile input and hostile peers, against the program as a process of its own.
//!
//! Each attack is made twice. After each, [`attack_twice`] checks that the process is alive and wrote no panic, that two
//! healthy users could exchange messages all the time, that no descriptor is left open, that the process is idle, and that
//! its resident memory is within 10 % of the value before the first attack, when it had served one pair.
//! With `HOSTILE_STRICT=1`, which needs a quiet machine, the pair's 99th percentile must be under 50 ms and the process
//! idle within 2 s; otherwise both have 10 s.

mod many_connections;
mod input;
mod machine;
mod misbehaving_peers;
mod raw;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::program::{Program, start};
use crate::support::Peer;

const TIMEOUT: Duration = Duration::from_secs(10);

fn is_strict() -> bool {
    std::env::var_os("HOSTILE_STRICT").is_some()
}

/// A server under attack.
pub(crate) struct AttackedServer {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    stderr: Option<JoinHandle<String>>,
}

impl AttackedServer {
    pub(crate) fn new(args: &[&str]) -> Self {
        Self::of(start(&[&["--listen", "127.0.0.1:0"], args].concat()))
    }

    pub(crate) fn of(mut program: Program) -> Self {
        let address = program.address();
        let mut stderr = program.child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut output = String::new();
            stderr.read_to_string(&mut output).unwrap();
            output
        });
        Self { program, address, stderr: Some(reader) }
    }

    pub(crate) fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).unwrap())
    }

    pub(crate) fn join(&self, name: &str) -> Peer {
        self.connect().log_in(name)
    }

    pub(crate) fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.program.child.id())).unwrap()
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.program.child.id())).unwrap().count()
    }

    /// Returns the resident memory in KiB.
    fn resident_kib(&self) -> u64 {
        let status = self.proc("status");
        let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).unwrap();
        row.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until the resident memory is at most 10 % above `before` KiB.
    #[track_caller]
    fn wait_for_memory_return(&self, before: u64) {
        let start = Instant::now();
        while self.resident_kib() > before + before / 10 {
            let now = self.resident_kib();
            assert!(
                start.elapsed() < TIMEOUT,
                "{now} KiB are resident, {before} were before: {}",
                self.proc("smaps_rollup")
            );
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Returns the processor time so far, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Kills the server and returns its standard error.
    pub(crate) fn end(mut self) -> String {
        self.program.child.kill().unwrap();
        self.program.child.wait().unwrap();
        self.stderr.take().unwrap().join().unwrap()
    }
}

/// Waits until `is_so` returns true, at most for `within`.
#[track_caller]
pub(crate) fn wait_until(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Two users who exchange messages until they are told to stop, and the round-trip times they saw.
struct HealthyPair {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Duration>>,
}

impl HealthyPair {
    fn new(arena: &AttackedServer) -> Self {
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
    // Lines, not frames: the many rosters of an attack are skipped.
    let mut writer = ana.socket.try_clone().unwrap();
    let mut reader = BufReader::new(leo.socket.try_clone().unwrap());
    let (mut times, mut line) = (Vec::new(), String::new());
    let mut unread = BufReader::new(ana.socket.try_clone().unwrap());
    std::thread::scope(|scope| {
        // The frames for ana have to be read, or she would be a slow reader.
        scope.spawn(move || std::io::copy(&mut unread, &mut std::io::sink()));
        // At least enough for a 99th percentile.
        while times.len() < 100 || stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            let sent_at = Instant::now();
            writeln!(writer, "MESSAGE|healthy leo|{}", times.len()).unwrap();
            let wanted = format!("MESSAGE|healthy ana|{}\n", times.len());
            while line != wanted {
                line.clear();
                assert!(reader.read_line(&mut line).unwrap() > 0, "the healthy pair lost its connection");
            }
            times.push(sent_at.elapsed());
        }
        writer.shutdown(std::net::Shutdown::Both).unwrap();
    });
    times
}

/// Attacks a fresh server twice and checks that it stays healthy; see the [module](self).
#[track_caller]
pub(crate) fn attack_twice(args: &[&str], attack: impl Fn(&AttackedServer)) -> AttackedServer {
    let arena = AttackedServer::new(args);
    HealthyPair::new(&arena).end();
    let mut last = arena.join("last");
    last.expect_roster(&["last"]);
    let descriptors = arena.descriptors() - 1;
    drop(last);
    wait_until("the first users are gone", TIMEOUT, || arena.descriptors() <= descriptors);
    let before = arena.resident_kib();
    for _ in 0..2 {
        let pair = HealthyPair::new(&arena);
        attack(&arena);
        let worst = pair.end();
        let limit = if is_strict() { Duration::from_millis(50) } else { TIMEOUT };
        assert!(worst < limit, "the healthy pair waited {worst:?}");
        wait_until("descriptors back", TIMEOUT, || arena.descriptors() <= descriptors);
        wait_until_idle(&arena);
        arena.wait_for_memory_return(before);
    }
    assert!(arena.proc("status").contains("State:\tS"), "asleep, neither spinning nor dead");
    arena
}

/// Waits until 100 ms pass without a tick of processor time.
#[track_caller]
fn wait_until_idle(arena: &AttackedServer) {
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
        let limit = if is_strict() { Duration::from_secs(2) } else { TIMEOUT };
        assert!(start.elapsed() < limit, "the server is still busy");
    }
}

/// Kills the server of an attack, and returns its standard error if that has no panic.
pub(crate) fn stop_and_check_stderr(arena: AttackedServer) -> String {
    let output = arena.end();
    assert!(!output.contains("panicked"), "{output}");
    output
}
