//! Shortages of the machine, signals, broken pipes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use socket2::{Domain, Socket, Type};

use super::{AttackedServer, TIMEOUT, attack_twice, is_strict, stop_and_check_stderr, wait_until};
use crate::program::{command, command_within, spawn};

impl AttackedServer {
    /// Limits the descriptors of the server from now on.
    fn limit_descriptors(&self, most: usize) {
        let limit = Rlimit { current: Some(most as u64), ..getrlimit(Resource::Nofile) };
        prlimit(Some(Pid::from_child(&self.program.child)), Resource::Nofile, limit).unwrap();
    }
}

#[test]
fn without_descriptors_connections_get_503_and_accepting_pauses_and_recovers() {
    let arena = attack_twice(&[], |arena| {
        arena.limit_descriptors(arena.descriptors() + 10);
        // The spare descriptor lets the server reply to connections above the limit.
        let peers: Vec<TcpStream> = (0..30).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
        let mut last = peers.last().unwrap();
        last.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut output = String::new();
        last.read_to_string(&mut output).unwrap();
        assert!(output.starts_with("ERROR|503|") && output.ends_with('\n'), "{output:?}");
        let busy = arena.ticks();
        arena.limit_descriptors(1024);
        let start = Instant::now();
        // A connection that arrives while the last ones are being refused is refused too.
        wait_until("a login succeeds again", TIMEOUT, || {
            let mut eva = arena.connect();
            let _ = eva.socket.write_all(b"CONNECT|recovered\n");
            eva.next().as_deref() == Some("CONNECT_ACK|OK")
        });
        // The longest pause is a second; the machine may add a delay.
        let limit = if is_strict() { Duration::from_millis(1200) } else { TIMEOUT };
        assert!(start.elapsed() < limit && arena.ticks() - busy < 100);
    });
    let output = stop_and_check_stderr(arena);
    let warnings = output.lines().filter(|line| line.contains("cannot accept")).count();
    assert!((1..=8).contains(&warnings), "one line per second, not one per failure: {output}");
}

#[test]
fn a_full_server_and_a_full_address_reply_503_and_keep_serving() {
    let arena = attack_twice(&["--max-users", "3", "--max-per-address", "6"], |arena| {
        let _third = arena.join("third");
        let mut fourth = arena.connect();
        fourth.send_frame("CONNECT|fourth");
        fourth.expect_connect_fail("503");
        // The pair, the third and the fourth are four connections; two more are allowed.
        let others = [arena.connect(), arena.connect()];
        let mut seventh = arena.connect();
        seventh.expect_error("503");
        seventh.expect_end();
        drop(others);
    });
    stop_and_check_stderr(arena);
}

#[test]
fn a_stop_under_load_is_clean_and_within_its_deadline() {
    let mut arena = AttackedServer::new(&["--shutdown-timeout", "2s"]);
    let mut talkers: Vec<_> = (0..20).map(|k| arena.join(&format!("talker {k}"))).collect();
    for talker in &mut talkers {
        talker.send_bytes("BROADCAST|x\n".repeat(100).as_bytes());
    }
    let start = Instant::now();
    arena.program.signal(Signal::TERM);
    let ends: Vec<Vec<String>> =
        talkers.into_iter().map(|mut talker| std::iter::from_fn(|| talker.next()).collect()).collect();
    assert_eq!(arena.program.code(), Some(0));
    assert!(start.elapsed() < TIMEOUT);
    assert!(ends.iter().all(|frames| frames.last().unwrap().starts_with("ERROR|503|")));
}

/// `readers` users do not read while one broadcasts more than fits into the memory.
fn stall_together(readers: usize) {
    let arena =
        AttackedServer::of(spawn(command_within(60_000, &["--listen", "127.0.0.1:0", "--send-buffer", "4096"])));
    let mut peers: Vec<TcpStream> = (0..readers).map(|_| narrow(arena.address)).collect();
    for (k, reader) in peers.iter_mut().enumerate() {
        writeln!(reader, "CONNECT|reader {k}").unwrap();
    }
    // The rosters alone may exceed the limit of some readers, so there is no moment when all are logged in.
    let mut eva = arena.join("eva");
    for _ in 0..64 {
        eva.send_bytes(format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(32).as_bytes());
        (0..32).for_each(|_| assert!(eva.next().is_some_and(|frame| frame.starts_with("BROADCAST|eva|"))));
    }
    eva.expect_roster(&["eva"]);
    let output = stop_and_check_stderr(arena);
    assert!(output.contains("reason=queue_full"), "{output}");
}

/// Connects with a small receive buffer.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

#[test]
fn three_hundred_stalled_readers_do_not_exhaust_the_memory() {
    stall_together(300);
}

#[test]
#[ignore = "large: just hostile"]
fn three_thousand_stalled_readers_do_not_exhaust_the_memory() {
    stall_together(3000);
}

#[test]
fn broken_pipes_on_both_outputs_do_not_stop_the_program() {
    let (broken, writer) = std::io::pipe().unwrap();
    let second = writer.try_clone().unwrap();
    drop(broken);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let mut child = command(&["--listen", &address.to_string(), "--log-level", "info", "--send-queue", "1KiB"])
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(second)
        .spawn()
        .unwrap();
    let mut eva = std::iter::repeat_with(|| TcpStream::connect(address)).find_map(Result::ok).unwrap();
    eva.write_all(b"CONNECT|eva\nDISCONNECT\n").unwrap();
    eva.read_to_end(&mut Vec::new()).unwrap();
    drop(eva);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn sighup_reloads_the_limits_and_keeps_them_if_the_file_is_invalid() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "max-users = 9\n").unwrap();
    let arena = AttackedServer::new(&["--config", file.path().to_str().unwrap(), "--log-level", "info"]);
    let _ana = arena.join("ana");
    let tries = std::cell::Cell::new(0);
    for (text, code) in [
        ("max-users = 1\nkeepalive = \"5s\"\n", "CONNECT_ACK|FAIL"),
        ("max-users = ", "CONNECT_ACK|FAIL"),
        ("", "CONNECT_ACK|OK"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        arena.program.signal(Signal::HUP);
        wait_until("the new limit holds", TIMEOUT, || {
            // A new name each time: one that is not free yet would be refused as well.
            tries.set(tries.get() + 1);
            let mut bob = arena.connect();
            bob.send_frame(&format!("CONNECT|bob{}", tries.get()));
            bob.next().as_deref() == Some(code)
        });
    }
    let output = stop_and_check_stderr(arena);
    assert!(output.contains("limits read again") && output.contains("settings=keepalive"), "{output}");
}

#[test]
fn the_service_manager_is_notified_of_ready_watchdog_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut child = command(&["--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000")
        .spawn()
        .unwrap();
    let receive = || {
        let mut output = [0; 64];
        let count = manager.recv(&mut output).unwrap();
        String::from_utf8(output[..count].to_vec()).unwrap()
    };
    assert_eq!(receive(), "READY=1");
    assert_eq!([receive(), receive()], ["WATCHDOG=1", "WATCHDOG=1"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    while receive() != "STOPPING=1" {}
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[ignore = "takes five seconds: just hostile"]
fn five_seconds_of_sigstop_lose_nothing() {
    let arena = attack_twice(&[], |arena| {
        let mut eva = arena.join("eva");
        arena.program.signal(Signal::STOP);
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        arena.program.signal(Signal::CONT);
        // The pair has waited during the stop as well, and continues.
        (0..1000).for_each(|_| eva.expect_nothing());
    });
    stop_and_check_stderr(arena);
}
