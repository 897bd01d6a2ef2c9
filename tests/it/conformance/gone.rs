//! Whatever becomes of the server or of the tool's user in the middle of a run: one outcome for every check, in all forms.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::formats::{agree, everything, well_formed};
use super::{TOOL, each, liar};

/// Few enough for a test, and of every kind: with steps, with procedures, slow, alone, and at the end.
const SOME: [&str; 16] = [
    "--only",
    "conn.*",
    "--only",
    "msg.d*",
    "--only",
    "frame.o*",
    "--only",
    "list.c*",
    "--only",
    "robust.a*",
    "--only",
    "robust.slow*",
    "--only",
    "load.no-loss",
    "--only",
    "order.fifo-m*",
];

/// A server that the tool did not start, and whose process the test can reach.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
        let child =
            Command::new(env!("CARGO_BIN_EXE_mychat-liar")).args([&port.to_string(), "none"]).spawn().expect("starts");
        let address = format!("127.0.0.1:{port}");
        while std::net::TcpStream::connect(&address).is_err() {
            std::thread::yield_now();
        }
        Self { child, address }
    }

    fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    let _ = kill_process(pid, signal);
}

/// Runs the tool, does something when so many checks have been told, and gives its exit code and what it said.
fn run(arguments: &[&str], directory: &Path, after: usize, then: impl FnOnce(&Child)) -> (i32, String) {
    let mut tool = Command::new(TOOL)
        .args(["conformance", "--timeout", "300ms", "--seed", "5"])
        .args(arguments)
        .args(everything(directory))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    let mut lines = BufReader::new(tool.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut said = Vec::new();
    // Two lines and an empty one stand in front of the first check.
    said.extend(lines.by_ref().take(after + 3));
    then(&tool);
    said.extend(lines);
    (tool.wait().expect("it ends").code().unwrap_or(-1), said.join("\n"))
}

#[test]
fn a_server_that_is_killed_or_stopped_leaves_every_outcome() {
    let cases: Vec<(Signal, usize)> =
        [0, 3, 9, 17, 24].into_iter().flat_map(|after| [(Signal::KILL, after), (Signal::STOP, after)]).collect();
    each(&cases, |(signal, after)| {
        let (server, directory) = (Server::start(), tempfile::tempdir().expect("a directory"));
        let arguments = [&["--target", &server.address][..], &SOME].concat();
        let (exit, said) = run(&arguments, directory.path(), *after, |_| server.signal(*signal));
        let checks = agree(directory.path(), &said);
        well_formed(&directory.path().join("result.junit"));
        assert_eq!(exit, 1, "{signal:?} after {after}: {said}");
        assert_eq!(checks["robust.alive"], "fail", "{said}");
        assert_eq!(checks["frame.out-utf8"], "inconclusive", "{said}");
        assert!(said.contains("the server has been down since") || said.contains("(see conn.ack-ok and"), "{said}");
    });
}

#[test]
fn a_started_server_that_is_killed_is_started_again() {
    let (pids, directory) =
        (tempfile::NamedTempFile::new().expect("a file"), tempfile::tempdir().expect("a directory"));
    let command = format!("echo $$ >> {}; {}", pids.path().display(), liar("none"));
    let arguments = [&["--spawn", &command, "--jobs", "1"][..], &SOME].concat();
    let (exit, said) = run(&arguments, directory.path(), 5, |_| {
        let text = std::fs::read_to_string(pids.path()).expect("the processes");
        send(text.lines().last().and_then(|pid| pid.parse().ok()).expect("a process"), Signal::KILL);
    });
    let checks = agree(directory.path(), &said);
    assert_eq!(exit, 1, "{said}");
    assert_eq!(checks["robust.alive"], "fail", "it was gone once\n{said}");
    let passed = checks.values().filter(|status| *status == "pass").count();
    assert!(passed + 4 > checks.len(), "the rest runs on the new one\n{said}");
    let started = std::fs::read_to_string(pids.path()).expect("the processes").lines().count();
    assert!(started >= 2, "it was started {started} times");
}

#[test]
fn interrupted_it_still_writes_everything() {
    each(&[0, 4, 20], |after| {
        let directory = tempfile::tempdir().expect("a directory");
        let server = liar("none");
        let arguments = [&["--spawn", &server][..], &SOME].concat();
        let (exit, said) = run(&arguments, directory.path(), *after, |tool| send(tool.id(), Signal::INT));
        let checks = agree(directory.path(), &said);
        assert_eq!(exit, 130, "{said}");
        assert!(checks.values().any(|status| status == "inconclusive"), "{said}");
    });
}
