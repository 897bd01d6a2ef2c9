//! A small chat server with one fault in its deliveries: a thread a connection, one lock over everything.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mychat_proto::Command;

use super::delivery_faults::{DeliveryFaults, MixedCounts};

/// A fault in deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFault {
    /// Nothing.
    None,
    /// Leaves a delivery out.
    Lose,
    /// Makes a delivery twice.
    Double,
    /// Makes a delivery once more, a while later.
    Repeat,
    /// Makes a delivery after the next one of the same sender to the same recipient.
    Swap,
    /// Delivers to somebody else instead.
    Misroute,
    /// Changes the last byte.
    Change,
    /// Leaves out 1 in 1,000, doubles 1 in 2,000 and swaps 1 in 5,000.
    Mixed,
    /// Says that a talker is not there when it is.
    Deny,
    /// Tells one user nothing of those who come after it.
    Unlist,
}

/// Time between a delivery and its copy.
const LATER: Duration = Duration::from_millis(150);

/// The server. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultyServer {
    address: SocketAddr,
    room: Arc<Mutex<Room>>,
}

#[derive(Debug)]
struct Room {
    users: BTreeMap<String, TcpStream>,
    faults: DeliveryFaults,
    unlists: bool,
    closed: bool,
}

impl FaultyServer {
    /// Starts a server that commits the fault at every `every`-th delivery of a message.
    pub fn start(fault: LoadFault, every: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let room = Room {
            users: BTreeMap::new(),
            faults: DeliveryFaults::new(fault, every),
            unlists: fault == LoadFault::Unlist,
            closed: false,
        };
        let room = Arc::new(Mutex::new(room));
        let served = Arc::clone(&room);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if lock(&served).closed {
                    return;
                }
                let room = Arc::clone(&served);
                std::thread::spawn(move || serve(&room, &stream));
            }
        });
        Self { address, room }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of committed faults.
    pub fn committed(&self) -> u64 {
        lock(&self.room).faults.committed()
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

fn serve(room: &Mutex<Room>, stream: &TcpStream) {
    stream.set_nodelay(true).expect("a TCP socket");
    let mut me = None;
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).split(b'\n');
    while let Some(Ok(frame)) = lines.next() {
        match (Command::parse(&frame), &me) {
            (Ok(Command::Connect { name }), None) => me = connect(&mut lock(room), name, stream),
            (Ok(Command::Message { recipient, content }), Some(sender)) => {
                lock(room).message(sender, recipient, content, stream);
            }
            (Ok(Command::Broadcast { content }), Some(sender)) => lock(room).broadcast(sender, content),
            (Ok(Command::Disconnect), _) => break,
            _ => send(stream, b"ERROR|400|malformed\n"),
        }
    }
    if let Some(me) = me {
        let mut room = lock(room);
        room.users.remove(&me);
        room.lists();
        // A user that left sends no next frame: held frames are sent unchanged.
        for (recipient, frame) in room.faults.release() {
            room.write(&recipient, &frame);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn connect(room: &mut Room, name: &str, stream: &TcpStream) -> Option<String> {
    if room.users.contains_key(name) {
        send(stream, b"CONNECT_ACK|FAIL\n");
        return None;
    }
    send(stream, b"CONNECT_ACK|OK\n");
    room.users.insert(name.to_owned(), stream.try_clone().expect("a descriptor"));
    room.lists();
    Some(name.to_owned())
}

impl Room {
    fn message(&mut self, sender: &str, recipient: &str, content: &str, from: &TcpStream) {
        if !self.users.contains_key(recipient) || self.faults.deny(recipient) {
            send(from, b"ERROR|404|no such user\n");
            return;
        }
        self.deliver(sender, recipient, format!("MESSAGE|{sender}|{content}\n").into_bytes());
    }

    fn broadcast(&mut self, sender: &str, content: &str) {
        let recipients: Vec<String> = self.users.keys().cloned().collect();
        for recipient in recipients {
            self.deliver(sender, &recipient, format!("BROADCAST|{sender}|{content}\n").into_bytes());
        }
    }

    fn deliver(&mut self, sender: &str, recipient: &str, frame: Vec<u8>) {
        let others: Vec<String> =
            self.users.keys().filter(|user| *user != sender && *user != recipient).cloned().collect();
        for (recipient, frame) in self.faults.deliver(sender, (recipient.to_owned(), frame), &others) {
            self.write(&recipient, &frame);
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
        for (place, user) in self.users.keys().enumerate() {
            if self.unlists && place == 0 && !alone {
                continue;
            }
            self.write(user, list.as_bytes());
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
