//! The operation of a server: limits that change, counters that add up, the metrics page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mychat_server::config::{RateAction, RateLimit};
use mychat_server::{Config, Counter, EndReason, MetricsServer};

use crate::support::{TestServer, serve, serve_with};

fn pace(rate: u32, burst: u32, action: RateAction) -> RateLimit {
    RateLimit { rate: rate.try_into().unwrap(), burst: burst.try_into().unwrap(), action }
}

/// Waits until `is_so` returns true; the counters of a turn appear at its end.
#[track_caller]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::yield_now();
    }
}

impl TestServer {
    pub(crate) fn get(&self, count: Counter) -> u64 {
        self.metrics.get(count)
    }

    /// Waits until owed = delivered + dropped, and nothing waits.
    #[track_caller]
    pub(crate) fn expect_balanced_deliveries(&self) {
        let sum = || self.get(Counter::Delivered) + self.metrics.dropped();
        let figures = || {
            (self.get(Counter::Owed), self.get(Counter::Delivered), self.metrics.dropped(), self.get(Counter::Waiting))
        };
        let start = Instant::now();
        while self.get(Counter::Owed) != sum() || self.get(Counter::Waiting) != 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "owed, delivered, dropped, waiting: {:?}", figures());
        }
    }
}

#[test]
fn a_sender_above_the_rate_is_delayed_and_loses_nothing() {
    let server = serve_with(|config| config.rate_limit = Some(pace(200, 20, RateAction::Delay)));
    let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
    let start = Instant::now();
    ana.send_bytes((0..60).map(|k| format!("MESSAGE|bob|{k}\n")).collect::<Vec<_>>().concat().as_bytes());
    (0..60).for_each(|k| bob.expect_frame(&format!("MESSAGE|ana|{k}")));
    // 60 frames and the CONNECT, less the burst of 20, at 200 per second.
    assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
    assert!(server.get(Counter::TooFast) > 0);
}

#[test]
fn rate_action_error_drops_frames_above_the_rate_with_429() {
    let server = serve_with(|config| config.rate_limit = Some(pace(1, 3, RateAction::Error)));
    let mut ana = server.join("ana");
    ana.send_bytes(b"MESSAGE|ana|1\nMESSAGE|ana|2\nMESSAGE|ana|3\nFOO\nCONNECT|x\n\nDISCONNECT\n");
    ana.expect_frame("MESSAGE|ana|1");
    ana.expect_frame("MESSAGE|ana|2");
    ana.expect_error("429");
    ana.expect_error("429");
    ana.expect_connect_fail("429");
    ana.expect_end();
}

#[test]
fn empty_frames_do_not_count_towards_the_rate() {
    let server = serve_with(|config| config.rate_limit = Some(pace(1, 3, RateAction::Error)));
    let mut ana = server.join("ana");
    ana.send_bytes(b"\n\n\n\n\n\n\n\nMESSAGE|ana|1\n\n\n\nMESSAGE|ana|2\n");
    ana.expect_frame("MESSAGE|ana|1");
    ana.expect_frame("MESSAGE|ana|2");
}

#[test]
fn a_user_that_reconnects_keeps_the_rate_it_has_used() {
    // A budget of 20 frames, refilled by one a second.
    let start = Instant::now();
    let server = serve_with(|config| config.rate_limit = Some(pace(1, 20, RateAction::Error)));
    let mut bob = server.join("bob");
    let mut delivered = 0;
    for _ in 0..4 {
        let mut ana = server.connect();
        ana.send_bytes(b"CONNECT|ana\n");
        ana.send_bytes(b"MESSAGE|bob|x\n".repeat(12).as_slice());
        ana.send_bytes(b"DISCONNECT\n");
        ana.expect_frame("CONNECT_ACK|OK");
        let answers = std::iter::from_fn(|| ana.next()).filter(|frame| frame.starts_with("ERROR|429")).count();
        delivered += 12 - answers.min(12);
    }
    (0..delivered).for_each(|_| bob.expect_frame("MESSAGE|ana|x"));
    bob.send_frame("BROADCAST|end");
    bob.expect_frame("BROADCAST|bob|end");
    let budget = 20 + start.elapsed().as_secs() as usize + 1;
    assert!((12..=budget).contains(&delivered), "{delivered} messages with a budget of {budget}");
    // Another name has a budget of its own.
    let mut eva = server.join("eva");
    eva.send_frame("MESSAGE|bob|y");
    bob.expect_frame("MESSAGE|eva|y");
}

#[test]
fn limits_change_while_the_server_runs() {
    let server = serve();
    let mut ana = server.join("ana");
    let mut newer = Config { workers: 2.try_into().unwrap(), ..Config::default() };
    newer.admission.max_users = 1.try_into().ok();
    assert_eq!(server.handle.adopt(&newer), ["listen", "workers", "spread", "log"]);
    // The change takes a moment; a user who still gets in leaves again.
    let refused = (0..1000).find_map(|_| {
        let mut bob = server.connect();
        bob.send_frame("CONNECT|bob");
        (bob.next().unwrap() == "CONNECT_ACK|FAIL").then_some(bob)
    });
    refused.unwrap().expect_error("503");
    ana.expect_nothing();
}

#[test]
fn a_new_limit_per_address_counts_open_connections() {
    let server = serve();
    let _ana = server.join("ana");
    let mut newer = Config::default();
    newer.admission.max_per_address = 1.try_into().ok();
    server.handle.adopt(&newer);
    let refused = (0..1000).find_map(|_| {
        let mut bob = server.connect();
        bob.send_frame("CONNECT|bob");
        bob.next().filter(|frame| frame.starts_with("ERROR|503|"))
    });
    assert!(refused.is_some(), "ana is not counted");
}

#[test]
fn a_shorter_handshake_timeout_applies_to_open_connections() {
    let server = serve_with(|config| config.admission.handshake_timeout = Duration::from_hours(1));
    let mut silent = server.connect();
    eventually("it is let in", || server.get(Counter::Connections) == 1);
    let mut newer = Config::default();
    newer.admission.handshake_timeout = Duration::from_millis(1);
    server.handle.adopt(&newer);
    silent.expect_error("401");
    silent.expect_end();
}

#[test]
fn every_delivery_is_counted_whatever_way_sessions_end() {
    for workers in [1, 2] {
        let server = serve_with(|config| {
            config.workers = workers.try_into().unwrap();
            config.send.queue = 32 * 1024;
        });
        let (mut ana, mut bob) = (server.join("ana"), server.join("bob"));
        let stuck = server.connect_narrow().log_in("stuck");
        let content = "x".repeat(1000);
        let (mut sent, mut extra) = (0, Vec::new());
        while server.metrics.ended(EndReason::QueueFull) == 0 {
            ana.send_bytes(format!("BROADCAST|{content}\nMESSAGE|bob|{content}\n").repeat(16).as_bytes());
            sent += 16;
            extra.push(server.join(&format!("extra {sent}")));
            if extra.len() > 3 {
                extra.remove(0).reset();
            }
            (0..16).for_each(|_| ana.expect_frame(&format!("BROADCAST|ana|{content}")));
            (0..32).for_each(|_| assert!(bob.next().unwrap().ends_with(&content)));
        }
        drop((stuck, extra));
        eventually("the others leave", || server.get(Counter::Users) == 2);
        server.expect_balanced_deliveries();
        assert_eq!((server.get(Counter::Broadcasts), server.get(Counter::Privates)), (sent, sent));
        assert!(server.metrics.dropped() > 0 && server.get(Counter::Owed) >= sent * 4);
        assert_eq!(server.get(Counter::QueueBytes), 0);
        let taken: u64 = (0..=12).map(|bound| server.get(Counter::Took(bound))).sum();
        assert_eq!(taken, sent, "each broadcast is timed once");
    }
}

/// Runs `use_it` with the address of a page about this server.
fn with_page(server: &TestServer, use_it: impl FnOnce(SocketAddr) + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let page = MetricsServer::bind("127.0.0.1:0", server.metrics.clone(), server.handle.clone()).await.unwrap();
        let address = page.address();
        tokio::select! {
            used = tokio::task::spawn_blocking(move || use_it(address)) => used.unwrap(),
            never = page.serve() => match never {},
        }
    });
}

fn fetch(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_metrics_server_shows_counters_and_health_and_refuses_nonsense() {
    let server = serve();
    let mut ana = server.join("ana");
    ana.send_frame("FOO");
    ana.expect_error("400");
    eventually("the error is counted", || server.get(Counter::Error(mychat_proto::ErrorCode::Malformed)) == 1);
    with_page(&server, |address| {
        let page = fetch(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        assert!(
            page.contains("\nmychat_users 1\n") && page.contains("mychat_errors_total{code=\"400\"} 1\n"),
            "{page}"
        );
        assert!(fetch(address, "GET /health HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nok\n"));
        assert!(fetch(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(fetch(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let head = fetch(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
        let lengths = [&page, &head].map(|response| response.lines().find(|line| line.starts_with("Content-Length: ")));
        assert!(head.ends_with("\r\n\r\n") && lengths[0].is_some() && lengths[0] == lengths[1], "{head}");
        for nonsense in ["GET\r\n\r\n", "MESSAGE|ana|hi\n\n"] {
            assert!(fetch(address, nonsense).starts_with("HTTP/1.1 400"), "{nonsense:?}");
        }
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000));
        assert!(fetch(address, &long).starts_with("HTTP/1.1 4"), "a request of 9 kB is refused");
    });
}

#[test]
fn silent_connections_do_not_block_the_metrics_server() {
    let server = serve();
    with_page(&server, |address| {
        let _silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut honest = TcpStream::connect(address).unwrap();
        honest.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        honest.write_all(b"GET /health HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        honest.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
    });
}

#[test]
fn a_stopped_server_is_not_healthy() {
    let mut server = serve();
    server.begin_stop();
    server.wait().unwrap();
    with_page(&server, |address| {
        assert!(fetch(address, "GET /health HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503"));
    });
}
