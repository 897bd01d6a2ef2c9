//! The program as a process: its output, its signals, its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use socket2::SockRef;

pub(crate) struct Program {
    pub(crate) child: Child,
    out: BufReader<ChildStdout>,
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mychat-server"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns the same command, limited to `kib` KiB of address space.
pub(crate) fn command_within(kib: u32, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {kib}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_mychat-server")]);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn start(args: &[&str]) -> Program {
    spawn(command(args))
}

pub(crate) fn spawn(mut command: Command) -> Program {
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    Program { child, out }
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

impl Program {
    pub(crate) fn address(&mut self) -> SocketAddr {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.strip_prefix("listening on ").unwrap().trim_end().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn join(address: SocketAddr, name: &str) -> TcpStream {
    let mut peer = TcpStream::connect(address).unwrap();
    writeln!(peer, "CONNECT|{name}").unwrap();
    let mut ack = [0; 15];
    peer.read_exact(&mut ack).unwrap();
    assert_eq!(&ack, b"CONNECT_ACK|OK\n");
    peer
}

#[test]
fn the_program_prints_the_real_port_of_each_listener() {
    let mut program = start(&["--listen", "127.0.0.1:0", "--listen", "localhost:0"]);
    for address in [program.address(), program.address()] {
        assert_ne!(address.port(), 0);
        join(address, &address.to_string());
    }
}

#[test]
fn a_server_listens_on_ipv6() {
    // Not every machine has IPv6.
    if TcpListener::bind("[::1]:0").is_ok() {
        join(start(&["--listen", "[::1]:0"]).address(), "ana");
    }
}

#[test]
fn sigterm_and_sigint_stop_the_program_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = start(&["--listen", "127.0.0.1:0"]);
        let mut peer = join(program.address(), "ana");
        program.signal(signal);
        let mut rest = String::new();
        peer.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("ERROR|503|") && rest.ends_with('\n'), "{rest:?}");
        drop(peer);
        assert_eq!(program.code(), Some(0));
    }
}

#[test]
fn a_second_signal_aborts() {
    let mut program = start(&["--listen", "127.0.0.1:0", "--shutdown-timeout", "1h", "--send-queue", "64MiB"]);
    let address = program.address();
    // This peer has output waiting and does not read, so the stop waits for it.
    let stuck = join(address, "stuck");
    SockRef::from(&stuck).set_recv_buffer_size(4096).unwrap();
    let mut ana = join(address, "ana");
    let (mut reader, frame) = (BufReader::new(ana.try_clone().unwrap()), format!("BROADCAST|{}\n", "x".repeat(1000)));
    for _ in 0..300 {
        ana.write_all(frame.repeat(32).as_bytes()).unwrap();
        let received =
            reader.by_ref().lines().filter(|line| line.as_ref().unwrap().starts_with("BROADCAST")).take(32).count();
        assert_eq!(received, 32);
    }
    program.signal(Signal::TERM);
    // The end of this connection shows that the stop has begun.
    reader.read_to_end(&mut Vec::new()).unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.code(), Some(130));
}

#[test]
fn check_tells_a_server_that_answers_from_one_that_does_not() {
    let mut program = start(&["--listen", "127.0.0.1:0", "--max-users", "1"]);
    let address = program.address();
    let mut ana = join(address, "ana");
    // The environment of a container is that of the server. The server is full, and answers.
    let check = |args: &[&str]| {
        let Output { status, stdout, stderr } = command(args).env("MYCHAT_LISTEN", "0.0.0.0:1").output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    };
    let (code, output) = check(&["check", &address.to_string()]);
    assert!(code == Some(0) && output.contains("answers"), "{code:?} {output}");
    writeln!(ana, "MESSAGE|ana|hi").unwrap();
    let frames: Vec<_> = BufReader::new(ana).lines().map(Result::unwrap).take(2).collect();
    assert_eq!(frames, ["USER_LIST|ana", "MESSAGE|ana|hi"], "no user sees a check");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, output) = check(&["check", &silent.local_addr().unwrap().to_string(), "--timeout", "200ms"]);
    assert!(code == Some(1) && output.contains("no answer within 200ms"), "{code:?} {output}");
    let gone = silent.local_addr().unwrap().to_string();
    drop(silent);
    let (code, output) = check(&["check", &gone]);
    assert!(code == Some(1) && output.contains(&gone) && output.contains("cannot connect"), "{code:?} {output}");
}

#[test]
fn the_log_tells_who_joins_and_who_leaves() {
    let mut program = start(&["--listen", "127.0.0.1:0", "--log-level", "info"]);
    let mut ana = join(program.address(), "ana");
    let peer = ana.local_addr().unwrap().to_string();
    ana.write_all(b"MESSAGE|ana|a secret\nDISCONNECT\n").unwrap();
    ana.read_to_end(&mut Vec::new()).unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.code(), Some(0));
    let mut log = String::new();
    program.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let line = |event: &str| log.lines().find(|line| line.contains(event)).unwrap_or_else(|| panic!("{event}: {log}"));
    assert!(line("user joined").contains("user=ana") && line("user joined").contains(&peer), "{log}");
    assert!(line("user left").contains("user=ana reason="), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, output) = run(&["--listen", &address]);
    assert_eq!(code, Some(1));
    for part in [&address, "in use", "--listen"] {
        assert!(output.contains(part), "{part:?} is not in {output:?}");
    }
    assert!(!output.contains("panicked"));
}

#[test]
fn an_invalid_address_is_a_clear_error() {
    for address in ["nowhere", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999"] {
        let (code, output) = run(&["--listen", address]);
        assert_eq!(code, Some(2));
        assert!(output.contains(address) && !output.contains("panicked"), "{output:?}");
    }
}

#[test]
fn unsupported_option_values_are_errors() {
    for args in [&["--framing", "crlf"][..], &["--rate", "-5"], &["--send-queue", "lots"]] {
        let (code, output) = run(args);
        assert_eq!(code, Some(2), "{output}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_default_send_total_follows_from_the_available_memory() {
    let print = |kib: u32, more: &[&str]| {
        let args = [&["--print-config"], more].concat();
        let text = String::from_utf8(command_within(kib, &args).output().unwrap().stdout).unwrap();
        let row = text.lines().find_map(|row| row.strip_prefix("send-total = ")).unwrap().to_owned();
        row.trim_matches('"').trim_end_matches("KiB").parse::<u32>().unwrap()
    };
    // The program itself takes some of the memory.
    assert!((256..=15_000).contains(&print(60_000, &[])));
    assert_eq!(print(60_000, &["--send-total", "77777KiB"]), 77_777);
}

#[test]
fn a_closed_standard_output_does_not_stop_the_program() {
    // Nobody reads standard output, so the first line cannot be written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    drop(taken);
    let mut child = command(&["--listen", &address]).stdout(writer).spawn().unwrap();
    let peer = std::iter::repeat_with(|| TcpStream::connect(&address)).find_map(Result::ok).unwrap();
    assert!(child.try_wait().unwrap().is_none());
    drop(peer);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
