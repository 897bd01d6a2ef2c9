//! A modelled server: correct except for the faults of its [`Behaviour`], with times that are exact to the nanosecond.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use mychat_load::engine::clock::Clock as _;
use mychat_load::engine::wire::CloseMode;
use mychat_load::plan::{Nanos, RunTime};
use mychat_proto::{Command, ExtensionCommand};

use super::chaos::Chaos;
use super::net::{Endpoint, Event, Handled, Net};
use super::room_model::{RoomFault, RoomModel, Written};

/// Delays and faults of a server.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    /// Time from reading a frame to the first write because of it.
    pub(crate) delay: Nanos,
    /// Length and period of freezes: frames that arrive during one are read at its end.
    pub(crate) freeze: Option<(Nanos, Nanos)>,
    /// Processing time per frame; all frames share one queue.
    pub(crate) work: Nanos,
    /// Time from the write to one recipient to that to the next, and before the first.
    pub(crate) spacing: Nanos,
    /// Time during which it reads nothing.
    pub(crate) reads_nothing: Option<Range<RunTime>>,
    /// Numbers of the deliveries that it leaves out, from 0.
    pub(crate) lost: Range<u64>,
    /// Numbers of the deliveries whose stamp it destroys.
    pub(crate) damaged: Range<u64>,
    /// Numbers of the deliveries that it corrupts, and the change.
    pub(crate) corrupted: Option<(Range<u64>, Corruption)>,
    /// It leaves out one in this many replies to messages for unknown users.
    pub(crate) unanswered: Option<u64>,
    /// A user that returns receives the first delivery of its last session again.
    pub(crate) repeats: bool,
    /// Each delivery is made again after this time.
    pub(crate) copied_after: Option<Nanos>,
    /// True if its user lists name the first user twice.
    pub(crate) doubles_a_name: bool,
    /// A name whose login it always refuses.
    pub(crate) refused: Option<&'static str>,
    /// Number of logins after which one is not accepted, and its treatment.
    pub(crate) fails_logins: Option<(u64, LoginFault)>,
    /// Time for which a name stays taken after its holder has left.
    pub(crate) name_kept: Nanos,
    /// Its treatment of `DISCONNECT`.
    pub(crate) disconnect: Logout,
    /// The name of a user that it disconnects, and after how many frames.
    pub(crate) closes: Option<(&'static str, u32)>,
    /// True if it sends a user list to all after each login and logout.
    pub(crate) lists: bool,
    /// The orders in which users receive broadcasts.
    pub(crate) orders: Orders,
    /// A fault of its chat rooms.
    pub(crate) room_fault: Option<RoomFault>,
    /// Random faults of deliveries: a seed, and how rare they are.
    pub(crate) chaos: Option<(u64, u32)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            delay: 0,
            freeze: None,
            work: 0,
            spacing: 0,
            reads_nothing: None,
            lost: 0..0,
            damaged: 0..0,
            corrupted: None,
            unanswered: None,
            repeats: false,
            copied_after: None,
            doubles_a_name: false,
            refused: None,
            fails_logins: None,
            name_kept: 0,
            disconnect: Logout::Closed,
            closes: None,
            lists: false,
            orders: Orders::One,
            room_fault: None,
            chaos: None,
        }
    }
}

/// A treatment of a login that the server does not accept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoginFault {
    /// It answers `CONNECT_ACK|FAIL`.
    Refused,
    /// It answers nothing.
    Unanswered,
    /// It closes the connection.
    Closed,
}

/// The orders in which users receive broadcasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orders {
    /// The same for all users.
    One,
    /// Every second broadcast reaches half of the users only after the next one of another user.
    Two,
}

/// A treatment of `DISCONNECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logout {
    /// It closes the connection.
    Closed,
    /// It does nothing: the user goes on receiving.
    Ignored,
}

/// A change to a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Corruption {
    /// The byte at this index is changed.
    Byte(usize),
    /// It ends at this index.
    Cut(usize),
}

impl Corruption {
    /// Changes a frame that ends with a line feed. Returns true if the frame is long enough.
    fn apply(self, frame: &mut Vec<u8>) -> bool {
        let (Self::Byte(at) | Self::Cut(at)) = self;
        let there = at + 1 < frame.len();
        match self {
            Self::Byte(at) if there => frame[at] ^= 1,
            Self::Cut(at) if there => drop(frame.drain(at..frame.len() - 1)),
            _ => {}
        }
        there
    }
}

#[derive(Debug, Default)]
struct Client {
    name: Option<String>,
    /// True once it has negotiated chat rooms.
    has_rooms: bool,
    unfinished: Vec<u8>,
    frames: u32,
    /// Its first delivery.
    first: Option<Vec<u8>>,
}

/// The state of the server.
#[derive(Debug)]
pub(crate) struct Model {
    behaviour: Behaviour,
    clients: HashMap<Endpoint, Client>,
    /// Names in use; `None` for a name that is cached after its holder has left.
    users: BTreeMap<String, Option<Endpoint>>,
    /// Time at which the queue will be empty.
    free_at: RunTime,
    /// Bytes that arrived while it read nothing.
    unread: Vec<(Endpoint, Vec<u8>)>,
    deliveries: u64,
    /// The first deliveries of users that have left.
    past: HashMap<String, Vec<u8>>,
    /// Messages sent to users who had received them in an earlier session.
    pub(crate) repeated: u64,
    /// Deliveries that were corrupted.
    pub(crate) corrupted: u64,
    unknown_replies: u64,
    logins: u64,
    pub(crate) rooms: RoomModel,
    /// A broadcast that half of the users have received, and its sender.
    held: Option<(String, String)>,
    /// Deliveries after a later broadcast.
    pub(crate) disordered: u64,
    /// Replies that were left out.
    pub(crate) unanswered: u64,
    pub(crate) chaos: Option<Chaos>,
}

impl Model {
    pub(crate) fn new(behaviour: Behaviour, net: &mut Net) -> Self {
        if let Some(reads_nothing) = &behaviour.reads_nothing {
            net.put(reads_nothing.end, Event::ResumeReading);
        }
        Self {
            chaos: behaviour.chaos.map(|(seed, one_in)| Chaos::new(seed, one_in)),
            rooms: RoomModel::new(behaviour.room_fault),
            behaviour,
            clients: HashMap::new(),
            users: BTreeMap::new(),
            free_at: RunTime::ZERO,
            unread: Vec::new(),
            deliveries: 0,
            past: HashMap::new(),
            repeated: 0,
            corrupted: 0,
            unknown_replies: 0,
            logins: 0,
            held: None,
            disordered: 0,
            unanswered: 0,
        }
    }

    /// Handles an event that concerns the server.
    pub(crate) fn handle_event(&mut self, event: Event, net: &mut Net) {
        let now = net.clock.now();
        match event {
            Event::AtServer(end, bytes)
                if self.behaviour.reads_nothing.as_ref().is_some_and(|reads_nothing| reads_nothing.contains(&now)) =>
            {
                self.unread.push((end, bytes));
            }
            Event::AtServer(end, bytes) => self.read(end, &bytes, net),
            Event::ResumeReading => {
                for (end, bytes) in std::mem::take(&mut self.unread) {
                    self.read(end, &bytes, net);
                }
            }
            Event::Handle(end, Handled::Frame(frame)) => self.handle_frame(end, &frame, net),
            Event::Handle(end, Handled::Eof) => self.log_out(end, net),
            Event::ClosedByUser(end, CloseMode::Reset) => {
                net.pipes.remove(&end);
                self.log_out(end, net);
            }
            Event::ClosedByUser(end, how) => {
                if how == CloseMode::Close {
                    net.pipes.remove(&end);
                }
                let at = self.handled_at(now);
                net.put(at, Event::Handle(end, Handled::Eof));
            }
            Event::NameFreed(name) => drop(self.users.remove(&name)),
            _ => {}
        }
    }

    fn read(&mut self, end: Endpoint, bytes: &[u8], net: &mut Net) {
        net.drained(end, bytes.len());
        let client = self.clients.entry(end).or_default();
        client.unfinished.extend_from_slice(bytes);
        let whole = client.unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = client.unfinished.split_off(whole);
        let frames = std::mem::replace(&mut client.unfinished, rest);
        for frame in frames.split_inclusive(|byte| *byte == b'\n') {
            let at = self.handled_at(net.clock.now());
            net.put(at, Event::Handle(end, Handled::Frame(frame[..frame.len() - 1].to_vec())));
        }
    }

    /// Returns the time at which the effects of a frame that is read at `now` begin.
    fn handled_at(&mut self, now: RunTime) -> RunTime {
        let done = self.after_freeze(self.after_freeze(now.max(self.free_at)) + self.behaviour.work);
        self.free_at = done;
        done + self.behaviour.delay
    }

    fn after_freeze(&self, at: RunTime) -> RunTime {
        match self.behaviour.freeze {
            Some((length, every)) if at.nanos() % every < length => at.minus(at.nanos() % every) + length,
            _ => at,
        }
    }

    fn handle_frame(&mut self, end: Endpoint, frame: &[u8], net: &mut Net) {
        let Some(client) = self.clients.get_mut(&end) else { return };
        client.frames += 1;
        let (name, frames) = (client.name.clone(), client.frames);
        match (Command::parse(frame), name) {
            (Ok(Command::Connect { name }), None) => self.log_in(end, name, net),
            (Ok(Command::Broadcast { content }), Some(me)) => {
                let everybody: Vec<Endpoint> = self.users.values().copied().flatten().collect();
                let frame = format!("BROADCAST|{me}|{content}\n");
                if self.behaviour.orders == Orders::Two {
                    self.deliver_in_two_orders(&everybody, me, frame, net);
                } else {
                    self.deliver(&everybody, &frame, net);
                }
            }
            (Ok(Command::Message { recipient, content }), Some(me)) => match self.users.get(recipient) {
                Some(Some(other)) => self.deliver(&[*other], &format!("MESSAGE|{me}|{content}\n"), net),
                _ => self.reply_unknown(end, net),
            },
            (Ok(Command::Disconnect), _) if self.behaviour.disconnect == Logout::Ignored => {}
            (Ok(Command::Disconnect), _) => self.log_out(end, net),
            (_, Some(me)) => self.handle_extension(end, &me, frame, net),
            _ => send(end, "ERROR|400|malformed\n", net),
        }
        let name = self.clients.get(&end).and_then(|client| client.name.as_deref());
        if self.behaviour.closes.is_some_and(|(closed, at)| name == Some(closed) && frames == at) {
            self.log_out(end, net);
        }
    }

    fn handle_extension(&mut self, end: Endpoint, me: &str, frame: &[u8], net: &mut Net) {
        let Some(client) = self.clients.get_mut(&end) else { return };
        let written = match ExtensionCommand::parse(frame) {
            Ok(ExtensionCommand::Capabilities { .. }) if self.rooms.fault != Some(RoomFault::Missing) => {
                client.has_rooms = true;
                vec![(vec![end], "CAPABILITIES|rooms=50\n".to_owned())]
            }
            Ok(ExtensionCommand::Join { room }) if client.has_rooms => self.rooms.join(end, me, room),
            Ok(ExtensionCommand::Leave { room }) if client.has_rooms => self.rooms.leave(end, room),
            Ok(ExtensionCommand::Say { room, content }) if client.has_rooms => self.rooms.say(end, room, content),
            _ => vec![(vec![end], "ERROR|400|malformed\n".to_owned())],
        };
        write_all(written, net);
    }

    fn reply_unknown(&mut self, end: Endpoint, net: &mut Net) {
        self.unknown_replies += 1;
        if self.behaviour.unanswered.is_some_and(|one_in| self.unknown_replies.is_multiple_of(one_in)) {
            self.unanswered += 1;
        } else {
            send(end, "ERROR|404|no such user\n", net);
        }
    }

    fn log_in(&mut self, end: Endpoint, name: &str, net: &mut Net) {
        self.logins += 1;
        let fault = self.behaviour.fails_logins.filter(|(one_in, _)| self.logins.is_multiple_of(*one_in));
        match fault {
            Some((_, LoginFault::Unanswered)) => return,
            Some((_, LoginFault::Closed)) => return self.log_out(end, net),
            Some((_, LoginFault::Refused)) => return send(end, "CONNECT_ACK|FAIL\n", net),
            None => {}
        }
        if self.users.contains_key(name) || self.behaviour.refused == Some(name) {
            // Rule U3: the refusal and its reason, in one write.
            send(end, "CONNECT_ACK|FAIL\nERROR|409|this name is taken\n", net);
            return;
        }
        self.users.insert(name.to_owned(), Some(end));
        self.clients.entry(end).or_default().name = Some(name.to_owned());
        send(end, "CONNECT_ACK|OK\n", net);
        self.list(net);
        if let Some(frame) = self.past.remove(name).filter(|_| self.behaviour.repeats) {
            self.repeated += 1;
            net.put(net.clock.now(), Event::AtUser(end, frame));
        }
    }

    fn deliver(&mut self, recipients: &[Endpoint], frame: &str, net: &mut Net) {
        let now = net.clock.now();
        for (place, end) in (1..).zip(recipients) {
            let number = self.deliveries;
            self.deliveries += 1;
            if !self.behaviour.lost.contains(&number) {
                let mut frame = frame.as_bytes().to_vec();
                if self.behaviour.damaged.contains(&number)
                    && let Some(stamp) = frame.iter().position(|byte| *byte == b'~')
                {
                    frame[stamp + 1..stamp + 9].fill(b'?');
                }
                if let Some((numbers, how)) = &self.behaviour.corrupted
                    && numbers.contains(&number)
                {
                    self.corrupted += u64::from(how.apply(&mut frame));
                }
                if let Some(client) = self.clients.get_mut(end) {
                    client.first.get_or_insert_with(|| frame.clone());
                }
                let frame = self.chaos.as_mut().map_or_else(|| frame.clone(), |chaos| chaos.pass(*end, &frame));
                if let Some(after) = self.behaviour.copied_after {
                    net.put(now + after, Event::AtUser(*end, frame.clone()));
                }
                net.put(now + place * self.behaviour.spacing, Event::AtUser(*end, frame));
            }
        }
    }

    fn deliver_in_two_orders(&mut self, everybody: &[Endpoint], sender: String, frame: String, net: &mut Net) {
        let (first, second) = everybody.split_at(everybody.len() / 2);
        match self.held.take() {
            None => {
                self.deliver(first, &frame, net);
                self.held = Some((sender, frame));
            }
            Some((earlier_sender, earlier)) if earlier_sender == sender => {
                self.deliver(second, &earlier, net);
                self.deliver(everybody, &frame, net);
            }
            Some((_, earlier)) => {
                self.deliver(everybody, &frame, net);
                self.deliver(second, &earlier, net);
                self.disordered += second.len() as u64;
            }
        }
    }

    fn list(&self, net: &mut Net) {
        let there = || self.users.iter().filter_map(|(name, end)| Some((name.as_str(), (*end)?)));
        let doubled = there().map(|(name, _)| name).filter(|_| self.behaviour.doubles_a_name).take(1);
        let names: Vec<&str> = there().map(|(name, _)| name).chain(doubled).collect();
        let list = format!("USER_LIST|{}\n", names.join(","));
        there().filter(|_| self.behaviour.lists).for_each(|(_, end)| send(end, &list, net));
    }

    /// Closes a connection; its user has left.
    fn log_out(&mut self, end: Endpoint, net: &mut Net) {
        let now = net.clock.now();
        let Some(client) = self.clients.remove(&end) else { return };
        write_all(self.rooms.end(end), net);
        if let Some(name) = client.name {
            if let Some(first) = client.first {
                self.past.insert(name.clone(), first);
            }
            self.users.insert(name.clone(), None);
            net.put(now + self.behaviour.name_kept, Event::NameFreed(name));
            self.list(net);
        }
        net.put(now, Event::Over(end));
    }
}

fn write_all(written: Written, net: &mut Net) {
    for (recipients, frame) in written {
        for end in recipients {
            send(end, &frame, net);
        }
    }
}

fn send(end: Endpoint, frame: &str, net: &mut Net) {
    let now = net.clock.now();
    net.put(now, Event::AtUser(end, frame.as_bytes().to_vec()));
}
