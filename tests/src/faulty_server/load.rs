//! A small chat server with one fault that shows under load: a thread a connection, one lock over everything. It blocks
//! when a user does not read, as many beginners' servers do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mychat_proto::{Command, ExtensionCommand};

use super::delivery_faults::{DeliveryFaults, MixedCounts};
use super::load_fault::LoadFault;
use super::rooms::Rooms;

/// Time between a delivery and its copy.
const LATER: Duration = Duration::from_millis(150);
/// Send buffer of each connection.
const SEND_BUFFER: usize = 16 * 1024;
/// Delay of a slow server's deliveries.
const DELAY: Duration = Duration::from_millis(1500);

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultyServer {
    address: SocketAddr,
    room: Arc<Mutex<Room>>,
}

#[derive(Debug)]
struct Room {
    users: BTreeMap<String, TcpStream>,
    /// Names that somebody has had.
    known: BTreeSet<String>,
    /// The name of the user who came last to an empty server.
    first: String,
    faults: DeliveryFaults,
    fault: LoadFault,
    every: u64,
    logins: u64,
    messages: u64,
    unknown: u64,
    /// By room, and by an empty name for broadcasts: the sender and the frame of a message that half of the recipients have
    /// received.
    held: BTreeMap<String, (String, Vec<u8>)>,
    /// Deliveries of held messages after another one, and to users that were no members.
    misplaced: u64,
    /// Messages to many recipients.
    published: u64,
    rooms: Rooms,
    joins: u64,
    address: SocketAddr,
    /// True if it runs in a process of its own, which may die.
    is_process: bool,
    /// Takes the deliveries of a slow server.
    late: Option<Sender<LateFrame>>,
    frozen: bool,
    closed: bool,
}

/// A frame that a slow server sends later.
type LateFrame = (Instant, TcpStream, Vec<u8>);

impl FaultyServer {
    /// Starts a server with a fault; see [`LoadFault`] for the meaning of `every`.
    pub fn start(fault: LoadFault, every: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let room = Arc::new(Mutex::new(Room::new((fault, every), address, false)));
        let served = Arc::clone(&room);
        std::thread::spawn(move || accept(&listener, &served));
        Self { address, room }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of committed faults.
    pub fn committed(&self) -> u64 {
        let room = lock(&self.room);
        room.faults.committed() + room.misplaced
    }

    /// Returns the number of committed faults per kind, for mixed faults.
    pub fn mixed(&self) -> MixedCounts {
        lock(&self.room).faults.mixed()
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        lock(&self.room).closed = true;
        // Wakes the listener; should that fail, nobody is listening any more.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves on a port until the process ends.
pub(super) fn serve_process(port: u16, fault: LoadFault, every: u64) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let address = listener.local_addr()?;
    accept(&listener, &Arc::new(Mutex::new(Room::new((fault, every), address, true))));
    Ok(())
}

fn accept(listener: &TcpListener, room: &Arc<Mutex<Room>>) {
    for stream in listener.incoming().map_while(Result::ok) {
        if lock(room).closed {
            return;
        }
        let room = Arc::clone(room);
        std::thread::spawn(move || serve(&room, &stream));
    }
}

/// Sends the frames of a slow server when they are due.
fn send_late(frames: &Receiver<LateFrame>) {
    for (at, stream, frame) in frames {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        send(&stream, &frame);
    }
}

fn serve(room: &Mutex<Room>, stream: &TcpStream) {
    stream.set_nodelay(true).expect("a TCP socket");
    // The system's own buffer for a connection of this machine would hide for seconds that the server blocks.
    socket2::SockRef::from(stream).set_send_buffer_size(SEND_BUFFER).expect("a TCP socket");
    let mut me = None;
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).split(b'\n');
    while let Some(Ok(frame)) = lines.next() {
        while lock(room).frozen {
            std::thread::sleep(Duration::from_hours(1));
        }
        match (Command::parse(&frame), &me) {
            (Ok(Command::Connect { name }), None) => me = connect(&mut lock(room), name, stream),
            (Ok(Command::Message { recipient, content }), Some(sender)) => {
                lock(room).message(sender, recipient, content, stream);
            }
            (Ok(Command::Broadcast { content }), Some(sender)) => lock(room).broadcast(sender, content),
            (Ok(Command::Disconnect), _) => break,
            (Err(_), Some(me)) => lock(room).extension(me, &frame),
            _ => send(stream, b"ERROR|400|malformed\n"),
        }
    }
    if let Some(me) = me {
        let mut room = lock(room);
        room.users.remove(&me);
        if room.closed {
            return;
        }
        room.lists();
        for (left, others) in room.rooms.end(&me) {
            room.write_all(&others, &format!("LEAVE|{left}|{me}\n"));
        }
        // A user that left sends no next frame: held frames are sent unchanged.
        for (recipient, frame) in room.faults.release() {
            room.write(&recipient, &frame);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn connect(room: &mut Room, name: &str, stream: &TcpStream) -> Option<String> {
    room.logins += 1;
    let is_faulty = room.logins.is_multiple_of(room.every);
    let is_refused = match room.fault {
        LoadFault::Mute if is_faulty => return None,
        LoadFault::HangUp if is_faulty => {
            // The peer sees the end whether this succeeds or not.
            let _ = stream.shutdown(Shutdown::Both);
            return None;
        }
        LoadFault::Refuse => is_faulty,
        LoadFault::Shut => room.messages >= room.every,
        LoadFault::KeepNames => room.known.contains(name),
        LoadFault::AdmitTwice => false,
        _ => room.users.contains_key(name),
    };
    if is_refused {
        send(stream, b"CONNECT_ACK|FAIL\n");
        return None;
    }
    send(stream, b"CONNECT_ACK|OK\n");
    room.users.insert(name.to_owned(), stream.try_clone().expect("a descriptor"));
    room.known.insert(name.to_owned());
    if room.users.len() == 1 {
        name.clone_into(&mut room.first);
    }
    room.lists();
    Some(name.to_owned())
}

impl Room {
    fn new((fault, every): (LoadFault, u64), address: SocketAddr, is_process: bool) -> Self {
        let late = (fault == LoadFault::Slow).then(|| {
            let (sender, frames) = channel();
            std::thread::spawn(move || send_late(&frames));
            sender
        });
        Self {
            users: BTreeMap::new(),
            known: BTreeSet::new(),
            first: String::new(),
            faults: DeliveryFaults::new(fault, every),
            fault,
            every,
            logins: 0,
            messages: 0,
            unknown: 0,
            held: BTreeMap::new(),
            misplaced: 0,
            published: 0,
            rooms: Rooms::default(),
            joins: 0,
            address,
            is_process,
            late,
            frozen: false,
            closed: false,
        }
    }

    /// Counts a message, and commits the fault that is due at this one. Returns false if the message is not handled.
    fn count_message(&mut self) -> bool {
        self.messages += 1;
        if self.messages == self.every {
            match self.fault {
                LoadFault::Crash => self.crash(),
                LoadFault::Freeze => self.frozen = true,
                LoadFault::Evict => {
                    let evicted = self.users.values().step_by(2);
                    // A user that is gone already cannot be disconnected.
                    evicted.for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
                }
                _ => {}
            }
        }
        !self.frozen && !self.closed
    }

    #[expect(clippy::print_stderr, reason = "a server that dies says why on standard error")]
    fn crash(&mut self) {
        if self.is_process {
            eprintln!(
                "Traceback (most recent call last):\n  File \"server.py\", line 41, in broadcast\nKeyError: 'bots3'"
            );
            std::process::exit(1);
        }
        self.closed = true;
        self.users.values().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        // Wakes the listener, which then closes.
        drop(TcpStream::connect(self.address));
    }

    fn message(&mut self, sender: &str, recipient: &str, content: &str, from: &TcpStream) {
        if !self.count_message() {
            return;
        }
        if !self.users.contains_key(recipient) || self.faults.deny(recipient) {
            self.unknown += 1;
            if self.fault == LoadFault::Unanswered && self.unknown.is_multiple_of(self.every) {
                return;
            }
            send(from, b"ERROR|404|no such user\n");
            return;
        }
        self.deliver(sender, recipient, format!("MESSAGE|{sender}|{content}\n").into_bytes());
    }

    fn broadcast(&mut self, sender: &str, content: &str) {
        if !self.count_message() {
            return;
        }
        let recipients: Vec<String> = self.users.keys().cloned().collect();
        self.publish("", sender, &recipients, &format!("BROADCAST|{sender}|{content}\n").into_bytes());
    }

    /// Delivers a message to many recipients: those of the room of this name, or everybody if it is empty.
    fn publish(&mut self, room: &str, sender: &str, recipients: &[String], frame: &[u8]) {
        self.published += 1;
        let is_faulty = self.published.is_multiple_of(self.every);
        let (first, second) = recipients.split_at(recipients.len() / 2);
        match self.held.remove(room) {
            Some((earlier_sender, earlier)) if earlier_sender != sender => {
                self.misplaced += second.len() as u64;
                self.deliver_all(sender, frame, recipients);
                self.deliver_all(&earlier_sender, &earlier, second);
            }
            Some((_, earlier)) => {
                self.deliver_all(sender, &earlier, second);
                self.deliver_all(sender, frame, recipients);
            }
            None if self.fault == LoadFault::TwoOrders && is_faulty => {
                self.held.insert(room.to_owned(), (sender.to_owned(), frame.to_vec()));
                self.deliver_all(sender, frame, first);
            }
            None => self.deliver_all(sender, frame, recipients),
        }
        if let Some(left) = self.rooms.left_last(room).filter(|_| self.fault == LoadFault::KeepMembers && is_faulty) {
            self.misplaced += 1;
            self.write(&left, frame);
        }
    }

    fn deliver_all(&mut self, sender: &str, frame: &[u8], recipients: &[String]) {
        for recipient in recipients {
            self.deliver(sender, recipient, frame.to_vec());
        }
    }

    /// Handles a frame of the extension `rooms`. Any session may use it.
    fn extension(&mut self, me: &str, frame: &[u8]) {
        match ExtensionCommand::parse(frame) {
            Ok(ExtensionCommand::Capabilities { .. }) => self.write(me, b"CAPABILITIES|rooms=50\n"),
            Ok(ExtensionCommand::Join { room }) => self.join_room(me, room),
            Ok(ExtensionCommand::Leave { room }) => match self.rooms.leave(room, me) {
                before if before.is_empty() => self.write(me, b"ERROR|404|no such room, or you are not in it\n"),
                before => self.write_all(&before, &format!("LEAVE|{room}|{me}\n")),
            },
            Ok(ExtensionCommand::Say { room, content }) if self.rooms.members(room).iter().any(|name| name == me) => {
                if self.count_message() {
                    let (members, frame) = (self.rooms.members(room), format!("SAY|{room}|{me}|{content}\n"));
                    self.publish(room, me, &members, frame.as_bytes());
                }
            }
            Ok(ExtensionCommand::Say { .. }) => self.write(me, b"ERROR|404|no such room, or you are not in it\n"),
            _ => self.write(me, b"ERROR|400|malformed\n"),
        }
    }

    fn join_room(&mut self, me: &str, room: &str) {
        if !self.rooms.join(room, me) {
            return self.write(me, b"ERROR|409|a member already\n");
        }
        self.joins += 1;
        let (echo, members) = (format!("JOIN|{room}|{me}\n"), self.rooms.members(room));
        let others: Vec<String> = members.iter().filter(|member| *member != me).cloned().collect();
        if self.fault != LoadFault::SilentJoin || !self.joins.is_multiple_of(self.every) {
            let list = format!("MEMBERS|{room}|{}\nOPERATORS|{room}|{}\n", members[0], members[0]);
            self.write(me, format!("{echo}{list}").as_bytes());
        }
        self.write_all(&others, &echo);
    }

    fn write_all(&self, users: &[String], frame: &str) {
        for user in users {
            self.write(user, frame.as_bytes());
        }
    }

    fn deliver(&mut self, sender: &str, recipient: &str, frame: Vec<u8>) {
        let others: Vec<String> =
            self.users.keys().filter(|user| *user != sender && *user != recipient).cloned().collect();
        for (recipient, frame) in self.faults.deliver(sender, (recipient.to_owned(), frame), &others) {
            self.write_delivery(&recipient, frame);
        }
        for (recipient, frame) in self.faults.again() {
            let Some(stream) = self.users.get(&recipient).and_then(|stream| stream.try_clone().ok()) else { continue };
            std::thread::spawn(move || {
                // The fault itself: the copy arrives after all other messages may have arrived.
                std::thread::sleep(LATER);
                send(&stream, &frame);
            });
        }
    }

    fn lists(&self) {
        let names: Vec<&str> = self.users.keys().map(String::as_str).collect();
        let list = format!("USER_LIST|{}\n", names.join(","));
        let alone = self.users.len() == 1;
        for user in self.users.keys() {
            if self.fault == LoadFault::Unlist && *user == self.first && !alone {
                continue;
            }
            self.write(user, list.as_bytes());
        }
    }

    fn write_delivery(&self, user: &str, frame: Vec<u8>) {
        match (&self.late, self.users.get(user).and_then(|stream| stream.try_clone().ok())) {
            // The thread lives as long as the sender.
            (Some(late), Some(stream)) => drop(late.send((Instant::now() + DELAY, stream, frame))),
            _ => self.write(user, &frame),
        }
    }

    fn write(&self, user: &str, frame: &[u8]) {
        if let Some(stream) = self.users.get(user) {
            send(stream, frame);
        }
    }
}

fn send(mut stream: &TcpStream, bytes: &[u8]) {
    // A peer that is gone is noticed by the thread that reads from it.
    let _ = stream.write_all(bytes);
}
