//! A small MyChat server whose behavior the tests can change.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// A test that waits longer than this has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Lf,
    Raw,
}

/// A server on a free port. Dropping it stops the server.
pub(crate) struct TestServer {
    addr: SocketAddr,
    room: Arc<Room>,
    frames: Mutex<Receiver<String>>,
}

struct Room {
    wire: Wire,
    /// True if a user may join rooms, each alone in its own.
    has_rooms: bool,
    state: Mutex<State>,
    log: Sender<String>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Mode {
    #[default]
    Up,
    Down,
    Over,
}

#[derive(Default)]
struct State {
    mode: Mode,
    refusals: VecDeque<&'static str>,
    users: Vec<(String, TcpStream)>,
    /// All connections, with and without a name.
    streams: Vec<TcpStream>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::speaking(Wire::Lf, false)
    }

    /// Starts a server with rooms. Each user is alone in its rooms.
    pub(crate) fn with_rooms() -> Self {
        Self::speaking(Wire::Lf, true)
    }

    pub(crate) fn raw() -> Self {
        Self::speaking(Wire::Raw, false)
    }

    fn speaking(wire: Wire, has_rooms: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (log, frames) = mpsc::channel();
        let room = Arc::new(Room { wire, has_rooms, state: Mutex::default(), log });
        let accept = Arc::clone(&room);
        thread::spawn(move || accept.accept(&listener));
        Self { addr, room, frames: Mutex::new(frames) }
    }

    pub(crate) fn addr(&self) -> String {
        self.addr.to_string()
    }

    /// Answers the next `CONNECT` with FAIL and an `ERROR` with this code, or only with FAIL if the code is empty.
    pub(crate) fn refuse_next(&self, code: &'static str) {
        self.room.lock().refusals.push_back(code);
    }

    /// Sends any text to a user who has joined; see [`TestServer::hears`].
    pub(crate) fn tell(&self, name: &str, frame: &str) {
        assert!(self.tell_if_online(name, frame), "the user has joined");
    }

    /// Sends any text to a user, unless it has left. Returns true if it was online.
    pub(crate) fn tell_if_online(&self, name: &str, frame: &str) -> bool {
        let state = self.room.lock();
        let Some((_, stream)) = state.users.iter().find(|(user, _)| user == name) else { return false };
        self.room.send(stream, frame);
        true
    }

    /// Waits until this frame arrives. Ignores other frames.
    pub(crate) fn hears(&self, frame: &str) {
        let frames = self.frames.lock().unwrap();
        let mut others = Vec::new();
        while let Ok(received) = frames.recv_timeout(DEADLINE) {
            if received == frame {
                return;
            }
            others.push(received);
        }
        panic!("waited for {frame:?}, received {others:?}");
    }

    /// Closes all connections but continues to listen.
    pub(crate) fn drop_all(&self) {
        self.room.lock().close_all();
    }

    /// Closes every connection immediately from now on. The port stays in use, so that no other test can get it.
    pub(crate) fn go_down(&self) {
        let mut state = self.room.lock();
        state.mode = Mode::Down;
        state.close_all();
    }

    /// Ends the effect of [`TestServer::go_down`].
    pub(crate) fn come_up(&self) {
        self.room.lock().mode = Mode::Up;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.mode = Mode::Over;
        state.close_all();
        drop(state);
        // Wakes `accept`, which then sees the new mode.
        let _ = TcpStream::connect(self.addr);
    }
}

impl State {
    fn close_all(&mut self) {
        self.users.clear();
        for stream in self.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut state = self.lock();
            match state.mode {
                Mode::Up => {}
                Mode::Down => continue,
                Mode::Over => return,
            }
            stream.set_nodelay(true).unwrap();
            state.streams.push(stream.try_clone().unwrap());
            let room = Arc::clone(&self);
            thread::spawn(move || room.serve(stream));
        }
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut name = None;
        let mut pending = String::new();
        let mut buffer = [0; 4096];
        'reading: while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
            pending.push_str(std::str::from_utf8(&buffer[..bytes]).unwrap());
            while let Some(frame) = self.cut(&mut pending) {
                let _ = self.log.send(frame.clone());
                if !self.handle_frame(&stream, &mut name, &frame) {
                    break 'reading;
                }
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
        let mut state = self.lock();
        let peer = stream.peer_addr().ok();
        let before = state.users.len();
        state.users.retain(|(_, other)| other.peer_addr().ok() != peer);
        if state.users.len() < before {
            self.send_list(&state);
        }
    }

    /// Returns the next complete frame. In raw framing, this is the result of one read.
    fn cut(&self, pending: &mut String) -> Option<String> {
        if self.wire == Wire::Raw {
            return (!pending.is_empty()).then(|| std::mem::take(pending));
        }
        let end = pending.find('\n')?;
        let frame = pending[..end].to_owned();
        pending.drain(..=end);
        Some(frame)
    }

    fn handle_frame(&self, stream: &TcpStream, name: &mut Option<String>, frame: &str) -> bool {
        let mut state = self.lock();
        let fields: Vec<&str> = frame.splitn(3, '|').collect();
        match (&fields[..], name.as_deref()) {
            (["CONNECT", wanted], None) => {
                if let Some(code) = self.refusal(&mut state, wanted) {
                    // One write for both frames, because a client waits only a short time for the reason.
                    let reason = if code.is_empty() { String::new() } else { format!("\nERROR|{code}|no") };
                    self.send(stream, &format!("CONNECT_ACK|FAIL{reason}"));
                    return true;
                }
                *name = Some((*wanted).to_owned());
                state.users.push(((*wanted).to_owned(), stream.try_clone().unwrap()));
                self.send(stream, "CONNECT_ACK|OK");
                self.send_list(&state);
            }
            (["BROADCAST", ..], Some(name)) => {
                let forwarded = format!("BROADCAST|{name}|{}", &frame["BROADCAST|".len()..]);
                state.users.iter().for_each(|(_, user)| self.send(user, &forwarded));
            }
            (["MESSAGE", to, content], Some(name)) => match state.users.iter().find(|(user, _)| user == to) {
                Some((_, user)) => self.send(user, &format!("MESSAGE|{name}|{content}")),
                None if self.wire == Wire::Lf => self.send(stream, "ERROR|404|no such user"),
                None => {}
            },
            (["DISCONNECT", ..], _) => return false,
            (["CAPABILITIES", ..], Some(_)) if self.has_rooms => self.send(stream, "CAPABILITIES|rooms=5"),
            (["JOIN", room], Some(name)) => {
                self.send(stream, &format!("JOIN|{room}|{name}\nMEMBERS|{room}|{name}\nOPERATORS|{room}|{name}"));
            }
            // A server of MyChat/1 alone: it has no rooms.
            (["CAPABILITIES", ..], Some(_)) => self.send(stream, "ERROR|400|unknown command"),
            _ => panic!("a client of this crate sent {frame:?}"),
        }
        true
    }

    fn refusal(&self, state: &mut State, name: &str) -> Option<&'static str> {
        let in_use = if self.wire == Wire::Lf { "409" } else { "" };
        state.refusals.pop_front().or_else(|| state.users.iter().any(|(user, _)| user == name).then_some(in_use))
    }

    fn send_list(&self, state: &State) {
        let names: Vec<_> = state.users.iter().map(|(name, _)| name.as_str()).collect();
        state.users.iter().for_each(|(_, user)| self.send(user, &format!("USER_LIST|{}", names.join(","))));
    }

    fn send(&self, mut stream: &TcpStream, frame: &str) {
        let end = if self.wire == Wire::Lf { "\n" } else { "" };
        // The peer may have closed.
        let _ = stream.write_all(format!("{frame}{end}").as_bytes());
    }
}
