//! The machine runs short, signals come, pipes break.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use socket2::{Domain, Socket, Type};

use super::{Arena, PATIENCE, is_strict, quiet_end, survives, until};
use crate::program::{command, command_within, spawn};

impl Arena {
    /// From now on the server has at most so many descriptors.
    fn limit_descriptors(&self, most: usize) {
        let limit = Rlimit { current: Some(most as u64), ..getrlimit(Resource::Nofile) };
        prlimit(Some(Pid::from_child(&self.program.child)), Resource::Nofile, limit).unwrap();
    }
}

#[test]
fn without_descriptors_it_says_so_backs_off_and_recovers() {
    let arena = survives(&[], |arena| {
        arena.limit_descriptors(arena.descriptors() + 10);
        // The spare descriptor lets it answer those for whom there is none.
        let crowd: Vec<TcpStream> = (0..30).map(|_| TcpStream::connect(arena.address).unwrap()).collect();
        let mut last = crowd.last().unwrap();
        last.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut said = String::new();
        last.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("ERROR|503|") && said.ends_with('\n'), "{said:?}");
        let busy = arena.ticks();
        arena.limit_descriptors(1024);
        let start = Instant::now();
        // Whoever comes while the last are being turned away is turned away with them.
        until("somebody gets in again", PATIENCE, || {
            let mut eva = arena.connect();
            let _ = eva.socket.write_all(b"CONNECT|recovered\n");
            eva.next().as_deref() == Some("CONNECT_ACK|OK")
        });
        // The longest pause is a second; the machine's own delays come on top.
        let limit = if is_strict() { Duration::from_millis(1200) } else { PATIENCE };
        assert!(start.elapsed() < limit && arena.ticks() - busy < 100);
    });
    let said = quiet_end(arena);
    let warnings = said.lines().filter(|line| line.contains("cannot accept")).count();
    assert!((1..=8).contains(&warnings), "a line a second, not one for each failure: {said}");
}

#[test]
fn a_full_server_and_a_full_address_say_so_and_go_on() {
    let arena = survives(&["--max-users", "3", "--max-per-address", "6"], |arena| {
        let _third = arena.join("third");
        let mut fourth = arena.connect();
        fourth.say("CONNECT|fourth");
        fourth.is_refused("503");
        // The pair, the third and the fourth are four connections; two more may come.
        let others = [arena.connect(), arena.connect()];
        let mut seventh = arena.connect();
        seventh.hears_error("503");
        seventh.hears_end();
        drop(others);
    });
    quiet_end(arena);
}

#[test]
fn a_stop_under_load_is_clean_and_within_its_deadline() {
    let mut arena = Arena::new(&["--shutdown-timeout", "2s"]);
    let mut talkers: Vec<_> = (0..20).map(|k| arena.join(&format!("talker {k}"))).collect();
    for talker in &mut talkers {
        talker.send("BROADCAST|x\n".repeat(100).as_bytes());
    }
    let start = Instant::now();
    arena.program.signal(Signal::TERM);
    let ends: Vec<Vec<String>> =
        talkers.into_iter().map(|mut talker| std::iter::from_fn(|| talker.next()).collect()).collect();
    assert_eq!(arena.program.code(), Some(0));
    assert!(start.elapsed() < PATIENCE);
    assert!(ends.iter().all(|frames| frames.last().unwrap().starts_with("ERROR|503|")));
}

/// So many users do not read while one says more than there is memory for.
fn stall_together(readers: usize) {
    let arena = Arena::of(spawn(command_within(60_000, &["--listen", "127.0.0.1:0", "--send-buffer", "4096"])));
    let mut crowd: Vec<TcpStream> = (0..readers).map(|_| narrow(arena.address)).collect();
    for (k, reader) in crowd.iter_mut().enumerate() {
        writeln!(reader, "CONNECT|reader {k}").unwrap();
    }
    // The lists alone may be too much for some of them, so nobody can say when all of them are in.
    let mut eva = arena.join("eva");
    for _ in 0..64 {
        eva.send(format!("BROADCAST|{}\n", "x".repeat(1000)).repeat(32).as_bytes());
        (0..32).for_each(|_| assert!(eva.next().is_some_and(|frame| frame.starts_with("BROADCAST|eva|"))));
    }
    eva.hears_list(&["eva"]);
    let said = quiet_end(arena);
    assert!(said.contains("reason=queue_full"), "{said}");
}

/// A connection for which the kernel keeps little.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

#[test]
fn three_hundred_readers_that_stall_together_do_not_exhaust_what_memory_there_is() {
    stall_together(300);
}

#[test]
#[ignore = "large: just hostile"]
fn three_thousand_readers_that_stall_together_do_not_exhaust_what_memory_there_is() {
    stall_together(3000);
}

#[test]
fn broken_pipes_on_both_outputs_do_not_matter() {
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
fn sighup_reads_the_limits_again_and_keeps_them_where_the_file_is_wrong() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "max-users = 9\n").unwrap();
    let arena = Arena::new(&["--config", file.path().to_str().unwrap(), "--log-level", "info"]);
    let _ana = arena.join("ana");
    let tries = std::cell::Cell::new(0);
    for (text, code) in [
        ("max-users = 1\nkeepalive = \"5s\"\n", "CONNECT_ACK|FAIL"),
        ("max-users = ", "CONNECT_ACK|FAIL"),
        ("", "CONNECT_ACK|OK"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        arena.program.signal(Signal::HUP);
        until("the new limit holds", PATIENCE, || {
            // Another name each time: one that is not free yet is refused as well.
            tries.set(tries.get() + 1);
            let mut bob = arena.connect();
            bob.say(&format!("CONNECT|bob{}", tries.get()));
            bob.next().as_deref() == Some(code)
        });
    }
    let said = quiet_end(arena);
    assert!(said.contains("limits read again") && said.contains("settings=keepalive"), "{said}");
}

#[test]
fn the_service_manager_hears_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut child = command(&["--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000")
        .spawn()
        .unwrap();
    let hear = || {
        let mut said = [0; 64];
        let count = manager.recv(&mut said).unwrap();
        String::from_utf8(said[..count].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!([hear(), hear()], ["WATCHDOG=1", "WATCHDOG=1"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    while hear() != "STOPPING=1" {}
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[ignore = "takes five seconds: just hostile"]
fn five_seconds_of_sigstop_cost_nobody_anything() {
    let arena = survives(&[], |arena| {
        let mut eva = arena.join("eva");
        arena.program.signal(Signal::STOP);
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        arena.program.signal(Signal::CONT);
        // The pair has waited once as well; it goes on meanwhile.
        (0..1000).for_each(|_| eva.hears_nothing());
    });
    quiet_end(arena);
}
