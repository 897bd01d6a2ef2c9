//! Random histories: users that log in, send, read and leave, and a server with random faults.

use std::collections::{BTreeMap, BTreeSet};

use mychat_load::plan::stamp::Stamp;
use mychat_load::plan::{Addressee, LoadTime, RunTime, StageId, UserId};
use mychat_load::record::inbox::UserInbox;
use mychat_load::record::sent::{Sent, SentLog};
use mychat_load::record::session::{UserSession, UserSessionEnd};
use mychat_scenario::model::Leave;
use proptest::prelude::*;

use crate::USERS;

/// An event of one user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// Sends a broadcast, or a private message to one user.
    Send(Option<u32>),
    /// Logs in; the welcome arrives at the next event.
    Join,
    /// Starts to leave; the server notices at the next event.
    Leave(Leave),
    /// The server closes its connection.
    Closed { provoked: bool },
    /// Reads this many of the frames that have arrived.
    Read(usize),
    /// Swaps the first two frames that have arrived.
    Swap,
}

/// The faults of the server with one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerFault {
    /// It omits every other recipient.
    pub(crate) omits: bool,
    /// It processes the message only together with the sender's next one.
    delays: bool,
}

/// The user, the time since the previous step in half microseconds (so that rounding is tested), the event, and the
/// server's fault.
pub(crate) type Step = (u32, u64, Event, ServerFault);

pub(crate) fn events() -> impl Strategy<Value = Vec<Step>> {
    let leave = prop_oneof![Just(Leave::Disconnect), Just(Leave::Fin), Just(Leave::Rst)];
    let event = prop_oneof![
        6 => prop::option::of(0..USERS).prop_map(Event::Send),
        4 => Just(Event::Join),
        2 => leave.prop_map(Event::Leave),
        1 => any::<bool>().prop_map(|provoked| Event::Closed { provoked }),
        5 => (1usize..8).prop_map(Event::Read),
        1 => Just(Event::Swap),
    ];
    let fault = (prop::bool::weighted(0.15), prop::bool::weighted(0.2));
    let fault = fault.prop_map(|(omits, delays)| ServerFault { omits, delays });
    prop::collection::vec((0..USERS, 0u64..6, event, fault), 0..160)
}

/// A message in flight.
#[derive(Debug, Clone, Copy)]
struct Message {
    sender: u32,
    sequence: u32,
    index: u32,
    to: Addressee,
}

/// One user's connection.
#[derive(Debug)]
struct Client {
    session: UserSession,
    welcomed: bool,
    leaving: bool,
    /// Arrived, but not read.
    in_flight: Vec<Message>,
    read: BTreeSet<(u32, u32)>,
    /// Sent, but not processed by the server; true if it will omit recipients.
    undelivered: Vec<(Message, bool)>,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    now: RunTime,
    clients: BTreeMap<u32, Client>,
    pub(crate) finished: Vec<(UserSession, BTreeSet<(u32, u32)>)>,
    pub(crate) logs: Vec<SentLog>,
    broadcasts: BTreeMap<u32, u32>,
    privates: BTreeMap<(u32, u32), u32>,
    /// Deliveries that the server omitted: sender, sequence, recipient.
    pub(crate) omitted: BTreeSet<(u32, u32, u32)>,
}

impl History {
    fn apply(&mut self, user: u32, event: Event, fault: ServerFault) {
        // Completes what the previous event started: welcomes arrive, the server notices users that leave.
        self.complete();
        match event {
            Event::Send(to) => self.send(user, to, fault),
            Event::Join => {
                let now = self.now;
                self.clients.entry(user).or_insert_with(|| Client {
                    session: UserSession {
                        user: UserId(user),
                        requested_at: now,
                        online_at: now,
                        leaving_at: None,
                        ended_at: None,
                        end: UserSessionEnd::Stayed,
                        sequences: 0..0,
                        rooms: Vec::new(),
                        inbox: UserInbox::default(),
                    },
                    welcomed: false,
                    leaving: false,
                    in_flight: Vec::new(),
                    read: BTreeSet::new(),
                    undelivered: Vec::new(),
                });
            }
            Event::Leave(how) => {
                let now = self.now;
                if let Some(client) = self.clients.get_mut(&user).filter(|client| client.welcomed) {
                    client.session.leaving_at = Some(now);
                    client.session.end = UserSessionEnd::Left(how);
                    client.leaving = true;
                }
            }
            Event::Closed { provoked } => {
                let now = self.now;
                if let Some(client) = self.clients.get_mut(&user).filter(|client| client.welcomed) {
                    // The user reads all that the server wrote before the close.
                    client.session.leaving_at = Some(now);
                    client.session.end = if provoked { UserSessionEnd::Provoked } else { UserSessionEnd::Closed };
                    let count = client.in_flight.len();
                    self.read(user, count);
                    self.end(user);
                }
            }
            Event::Read(count) => self.read(user, count),
            Event::Swap => {
                if let Some([first, second, ..]) = self.clients.get_mut(&user).map(|client| &mut client.in_flight[..]) {
                    std::mem::swap(first, second);
                }
            }
        }
    }

    fn complete(&mut self) {
        let now = self.now;
        let leaving: Vec<u32> =
            self.clients.iter().filter(|(_, client)| client.leaving).map(|(user, _)| *user).collect();
        for user in leaving {
            if self.clients[&user].session.end != UserSessionEnd::Left(Leave::Rst) {
                let count = self.clients[&user].in_flight.len();
                self.read(user, count);
            }
            self.end(user);
        }
        for (user, client) in self.clients.iter_mut().filter(|(_, client)| !client.welcomed) {
            client.welcomed = true;
            client.session.online_at = now;
            let next = self.logs[*user as usize].len();
            client.session.sequences = next..next;
        }
    }

    fn send(&mut self, user: u32, to: Option<u32>, fault: ServerFault) {
        if !self.clients.get(&user).is_some_and(|client| client.welcomed) {
            return;
        }
        let log = &self.logs[user as usize];
        let sequence = log.len();
        let next = match to {
            None => self.broadcasts.entry(user).or_default(),
            Some(other) => self.privates.entry((user, other)).or_default(),
        };
        let message = Message {
            sender: user,
            sequence,
            index: *next,
            to: to.map_or(Addressee::EVERYBODY, |to| UserId(to).into()),
        };
        *next += 1;
        log.push(Sent { at: self.now.floor_to_micros(), to: message.to, stage: StageId(0) });
        if let Some(client) = self.clients.get_mut(&user) {
            client.undelivered.push((message, fault.omits));
        }
        // A delayed message is dropped if the connection is reset first.
        if !fault.delays {
            self.deliver(user);
        }
    }

    fn deliver(&mut self, user: u32) {
        let messages =
            self.clients.get_mut(&user).map(|client| std::mem::take(&mut client.undelivered)).unwrap_or_default();
        for (message, omits) in messages {
            for (&other, client) in &mut self.clients {
                if message.to.user(USERS as usize).is_some_and(|to| to.0 != other) {
                    continue;
                }
                if omits && (message.sequence + other) % 2 == 0 {
                    self.omitted.insert((message.sender, message.sequence, other));
                } else {
                    client.in_flight.push(message);
                }
            }
        }
    }

    fn read(&mut self, user: u32, count: usize) {
        let Some(client) = self.clients.get_mut(&user).filter(|client| client.welcomed) else { return };
        for message in client.in_flight.drain(..count.min(client.in_flight.len())) {
            let Message { sender, sequence, index, to } = message;
            client.read.insert((sender, sequence));
            client.session.inbox.note(&Stamp {
                run: 0,
                sender: UserId(sender),
                session: 0,
                sequence,
                index,
                intended: LoadTime::ZERO,
                to,
            });
        }
    }

    fn end(&mut self, user: u32) {
        // The server processes what was sent before an orderly close, but not before a reset or before it closed itself.
        if let Some(UserSessionEnd::Left(Leave::Disconnect | Leave::Fin)) =
            self.clients.get(&user).map(|client| client.session.end)
        {
            self.deliver(user);
            let count = self.clients[&user].in_flight.len();
            self.read(user, count);
        }
        if let Some(mut client) = self.clients.remove(&user) {
            client.session.ended_at = (client.session.end != UserSessionEnd::Stayed).then_some(self.now);
            client.session.sequences.end = self.logs[user as usize].len();
            self.finished.push((client.session, client.read));
        }
    }

    pub(crate) fn play(events: &[Step]) -> Self {
        let mut history = Self { logs: (0..USERS).map(|_| SentLog::default()).collect(), ..Self::default() };
        for (user, delay, event, fault) in events {
            history.now += delay * 500;
            history.apply(*user, *event, *fault);
        }
        history.now += 5000;
        history.complete();
        for user in 0..USERS {
            history.deliver(user);
        }
        for user in 0..USERS {
            history.read(user, usize::MAX);
            history.end(user);
        }
        history
    }
}
