//! A server on a free port that stops when it is dropped, and peers that talk to it in whole frames.

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

/// Nothing in a test takes this long unless it has failed.
const PATIENCE: Duration = Duration::from_secs(10);

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
    // Where there are several workers, all of them have users.
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
    let (address, metrics, handle) = start.recv_timeout(PATIENCE).unwrap();
    TestServer { address, metrics, handle, stop: Some(stop), thread: Some(thread) }
}

impl TestServer {
    pub(crate) fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).unwrap())
    }

    /// A connection whose kernel keeps little of what it does not read.
    pub(crate) fn connect_narrow(&self) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Peer::new(socket.into())
    }

    pub(crate) fn join(&self, name: &str) -> Peer {
        self.connect().named(name)
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn start_stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn wait(&mut self) -> Result<(), RunError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.start_stop();
        if self.thread.is_some() && !std::thread::panicking() {
            self.wait().unwrap();
        }
    }
}

pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    buffer: Vec<u8>,
    backlog: VecDeque<String>,
    roster: RosterReader,
    list: Vec<String>,
}

impl Peer {
    pub(crate) fn new(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, buffer: vec![], backlog: VecDeque::new(), roster: RosterReader::default(), list: vec![] }
    }

    /// Logs in and waits for a list that names it.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.say(&format!("CONNECT|{name}"));
        self.hears("CONNECT_ACK|OK");
        self.hears_list_where(|names| names.iter().any(|other| other == name));
        self
    }

    pub(crate) fn say(&mut self, frame: &str) {
        self.send(format!("{frame}\n").as_bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next frame that is no list.
    #[track_caller]
    pub(crate) fn hears(&mut self, frame: &str) {
        assert_eq!(self.next().as_deref(), Some(frame));
    }

    #[track_caller]
    pub(crate) fn hears_error(&mut self, code: &str) {
        let frame = self.next().expect("an error, not the end");
        assert!(frame.len() <= 1024 && frame.starts_with(&format!("ERROR|{code}|")), "ERROR|{code}, not {frame:?}");
    }

    /// `CONNECT_ACK|FAIL` and the error that says why.
    #[track_caller]
    pub(crate) fn is_refused(&mut self, code: &str) {
        self.hears("CONNECT_ACK|FAIL");
        self.hears_error(code);
    }

    #[track_caller]
    pub(crate) fn hears_end(&mut self) {
        assert_eq!(self.next(), None);
    }

    /// Lists until one has these names, in any order.
    #[track_caller]
    pub(crate) fn hears_list(&mut self, names: &[&str]) {
        let mut expected: Vec<_> = names.to_vec();
        expected.sort_unstable();
        self.hears_list_where(|list| list == expected);
    }

    #[track_caller]
    pub(crate) fn hears_list_where(&mut self, wanted: impl Fn(&[String]) -> bool) {
        while !wanted(&self.list) {
            let frame = self.read_frame().unwrap_or_else(|| panic!("the end, and the last list was {:?}", self.list));
            if !self.is_list(&frame) {
                self.backlog.push_back(frame);
            }
        }
    }

    /// The next frame that is no list; `None` at the end of the stream.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<String> {
        if let Some(frame) = self.backlog.pop_front() {
            return Some(frame);
        }
        loop {
            let frame = self.read_frame()?;
            if !self.is_list(&frame) {
                return Some(frame);
            }
        }
    }

    /// The next frame, whatever it is.
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
                Err(error) => panic!("instead of a frame: {error}"),
            }
        }
    }

    /// Whether it is a list; a whole one is kept, sorted.
    fn is_list(&mut self, frame: &str) -> bool {
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

    /// Nothing but lists has come before the answer to a question asked now.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self) {
        self.say("MESSAGE|nobody at all|?");
        self.hears_error("404");
    }

    pub(crate) fn half_close(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
