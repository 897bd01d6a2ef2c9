//! A server that dies or hangs, or a tool that is interrupted, in the middle of a run: every report has one outcome for every check.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::formats::{agree, everything, well_formed};
use super::{TOOL, each, faulty_server};

/// A small selection of every kind: with steps, with procedures, slow, exclusive, and at the end.
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
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
}

impl Server {
    pub(super) fn start(fault: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mychat-faulty-server"))
            .args(["0", fault])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut address).expect("the address");
        Self { child, address: address.trim_end().to_owned() }
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

/// Runs the tool and calls `then` after `after` checks were reported. Returns the exit code and the output.
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
    let mut output = Vec::new();
    // Two lines and an empty one stand in front of the first check.
    output.extend(lines.by_ref().take(after + 3));
    then(&tool);
    output.extend(lines);
    (tool.wait().expect("it ends").code().unwrap_or(-1), output.join("\n"))
}

#[test]
fn a_server_that_is_killed_or_stopped_leaves_every_outcome() {
    let cases: Vec<(Signal, usize)> =
        [0, 3, 9, 17, 24].into_iter().flat_map(|after| [(Signal::KILL, after), (Signal::STOP, after)]).collect();
    each(&cases, |(signal, after)| {
        let (server, directory) = (Server::start("none"), tempfile::tempdir().expect("a directory"));
        let arguments = [&["--target", &server.address][..], &SOME].concat();
        let (exit, output) = run(&arguments, directory.path(), *after, |_| server.signal(*signal));
        let checks = agree(directory.path(), &output);
        well_formed(&directory.path().join("result.junit"));
        assert_eq!(exit, 1, "{signal:?} after {after}: {output}");
        assert_eq!(checks["robust.alive"], "fail", "{output}");
        assert_eq!(checks["frame.out-utf8"], "inconclusive", "{output}");
        assert!(
            output.contains("the server has been down since") || output.contains("(see conn.ack-ok and"),
            "{output}"
        );
    });
}

#[test]
fn a_started_server_that_is_killed_is_started_again() {
    let (pids, directory) =
        (tempfile::NamedTempFile::new().expect("a file"), tempfile::tempdir().expect("a directory"));
    let command = format!("echo $$ >> {}; {}", pids.path().display(), faulty_server("none"));
    let arguments = [&["--spawn", &command, "--jobs", "1"][..], &SOME].concat();
    let (exit, output) = run(&arguments, directory.path(), 5, |_| {
        let text = std::fs::read_to_string(pids.path()).expect("the processes");
        send(text.lines().last().and_then(|pid| pid.parse().ok()).expect("a process"), Signal::KILL);
    });
    let checks = agree(directory.path(), &output);
    assert_eq!(exit, 1, "{output}");
    assert_eq!(checks["robust.alive"], "fail", "it was gone once\n{output}");
    let passed = checks.values().filter(|status| *status == "pass").count();
    assert!(passed + 4 > checks.len(), "the rest runs on the new one\n{output}");
    let started = std::fs::read_to_string(pids.path()).expect("the processes").lines().count();
    assert!(started >= 2, "it was started {started} times");
}

#[test]
fn an_interrupted_run_still_writes_all_reports() {
    each(&[0, 4, 20], |after| {
        let directory = tempfile::tempdir().expect("a directory");
        let server = faulty_server("none");
        let arguments = [&["--spawn", &server][..], &SOME].concat();
        let (exit, output) = run(&arguments, directory.path(), *after, |tool| send(tool.id(), Signal::INT));
        let checks = agree(directory.path(), &output);
        assert_eq!(exit, 130, "{output}");
        assert!(checks.values().any(|status| status == "inconclusive"), "{output}");
    });
}
