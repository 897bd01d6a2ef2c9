//! A server on a free port that stops when it is dropped, and peers that send and expect whole frames.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mychat_proto::{Reply, RosterReader};
use mychat_server::config::Spread;
use mychat_server::{Config, Format, Metrics, RunError, Server, ServerHandle};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::sync::oneshot;

/// The time after which a wait in a test has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handle: ServerHandle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

pub(crate) fn serve() -> TestServer {
    serve_with(|_| {})
}

pub(crate) fn serve_with(change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = Config { listen: vec!["127.0.0.1:0".into()], ..Config::default() };
    config.shutdown_timeout = Duration::from_millis(500);
    config.log.format = Format::Off;
    // With several workers, all of them get users from the start.
    config.spread = Spread::Always;
    change(&mut config);
    let (stop, stopped) = oneshot::channel::<()>();
    let (started, start) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::bind(config).await.unwrap();
            started.send((server.local_addrs()[0], server.metrics(), server.handle())).unwrap();
            server.run(async { drop(stopped.await) }).await
        })
    });
    let (address, metrics, handle) = start.recv_timeout(TIMEOUT).unwrap();
    TestServer { address, metrics, handle, stop: Some(stop), thread: Some(thread) }
}

impl TestServer {
    pub(crate) fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).unwrap())
    }

    /// Connects with a small receive buffer, so that little fits into the kernel.
    pub(crate) fn connect_narrow(&self) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Peer::new(socket.into())
    }

    pub(crate) fn join(&self, name: &str) -> Peer {
        self.connect().log_in(name)
    }

    /// Asks the server to stop, without waiting for it.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn wait(&mut self) -> Result<(), RunError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_stop();
        if self.thread.is_some() && !std::thread::panicking() {
            self.wait().unwrap();
        }
    }
}

pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    buffer: Vec<u8>,
    skipped: VecDeque<String>,
    roster: RosterReader,
    list: Vec<String>,
}

impl Peer {
    pub(crate) fn new(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, buffer: vec![], skipped: VecDeque::new(), roster: RosterReader::default(), list: vec![] }
    }

    /// Logs in and waits for a roster with the name.
    pub(crate) fn log_in(mut self, name: &str) -> Self {
        self.send_frame(&format!("CONNECT|{name}"));
        self.expect_frame("CONNECT_ACK|OK");
        self.expect_roster_where(|names| names.iter().any(|other| other == name));
        self
    }

    pub(crate) fn send_frame(&mut self, frame: &str) {
        self.send_bytes(format!("{frame}\n").as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Reads the next frame that is not part of a roster, and checks it.
    #[track_caller]
    pub(crate) fn expect_frame(&mut self, frame: &str) {
        assert_eq!(self.next().as_deref(), Some(frame));
    }

    #[track_caller]
    pub(crate) fn expect_error(&mut self, code: &str) {
        let frame = self.next().expect("an error before the end");
        assert!(frame.len() <= 1024 && frame.starts_with(&format!("ERROR|{code}|")), "ERROR|{code}, not {frame:?}");
    }

    /// Reads `CONNECT_ACK|FAIL` and the error that follows it.
    #[track_caller]
    pub(crate) fn expect_connect_fail(&mut self, code: &str) {
        self.expect_frame("CONNECT_ACK|FAIL");
        self.expect_error(code);
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.next(), None);
    }

    /// Reads rosters until one has exactly these names, in any order.
    #[track_caller]
    pub(crate) fn expect_roster(&mut self, names: &[&str]) {
        let mut expected: Vec<_> = names.to_vec();
        expected.sort_unstable();
        self.expect_roster_where(|list| list == expected);
    }

    #[track_caller]
    pub(crate) fn expect_roster_where(&mut self, wanted: impl Fn(&[String]) -> bool) {
        while !wanted(&self.list) {
            let frame = self.read_frame().unwrap_or_else(|| panic!("the end, and the last list was {:?}", self.list));
            if !self.take_roster(&frame) {
                self.skipped.push_back(frame);
            }
        }
    }

    /// Reads the next frame that is not part of a roster; `None` at the end of the stream.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<String> {
        if let Some(frame) = self.skipped.pop_front() {
            return Some(frame);
        }
        loop {
            let frame = self.read_frame()?;
            if !self.take_roster(&frame) {
                return Some(frame);
            }
        }
    }

    /// Reads the next frame of any kind.
    #[track_caller]
    pub(crate) fn read_frame(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let frame: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(String::from_utf8(frame[..end].to_vec()).unwrap());
            }
            let mut piece = [0; 16384];
            match self.socket.read(&mut piece) {
                Ok(0) => {
                    assert!(self.buffer.is_empty(), "the end inside a frame");
                    return None;
                }
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("reading a frame: {error}"),
            }
        }
    }

    /// Returns true if `frame` is part of a roster. A complete roster is stored, sorted.
    fn take_roster(&mut self, frame: &str) -> bool {
        let Ok(Reply::UserList(list)) = Reply::parse(frame.as_bytes()) else {
            assert!(!self.roster.is_partial(), "{frame:?} inside a list");
            return false;
        };
        assert!(frame.len() <= 1024);
        if let Some(whole) = self.roster.push(list) {
            self.list = whole.names().map(str::to_owned).collect();
            self.list.sort_unstable();
        }
        true
    }

    /// Checks that nothing but rosters arrives before the reply to a frame sent now.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.send_frame("MESSAGE|nobody at all|?");
        self.expect_error("404");
    }

    pub(crate) fn half_close(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
