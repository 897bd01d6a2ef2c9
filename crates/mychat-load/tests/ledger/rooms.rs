//! The accounting of messages in a chat room against a naive implementation of its definition, over random histories of
//! joins and leaves, and a server with one order that sometimes leaves a member out.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use mychat_load::plan::stamp::Stamp;
use mychat_load::plan::{LoadTime, Nanos, Plan, RoomId, RunTime, StageId, UserId};
use mychat_load::reconcile::{DeliveryRules, SentIndex, reconcile};
use mychat_load::record::inbox::UserInbox;
use mychat_load::record::room_stay::RoomStay;
use mychat_load::record::sent::{Sent, SentLog};
use mychat_load::record::session::{UserSession, UserSessionEnd};
use proptest::prelude::*;

use crate::USERS;

/// An event of one user.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Sends `JOIN`, if it is in no room.
    Join,
    /// Sends `LEAVE`, if it is a member.
    Leave,
    /// Says something, if it is a member.
    Say,
    /// The server reads its next command. `Some`: it leaves this user out of the recipients.
    Serve(Option<u32>),
    /// Reads this many frames.
    Read(usize),
}

/// The user, the time since the previous step in half microseconds (so that rounding is tested), and the event.
type Step = (u32, u64, Event);

/// A command on its way, or a frame that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Join,
    Leave,
    /// A message, by sender and index.
    Say(u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    Joining,
    In,
    Leaving,
}

struct Client {
    state: State,
    commands: VecDeque<Frame>,
    arrived: VecDeque<Frame>,
    stays: Vec<RoomStay>,
    /// The messages received: the stay, the sender, the index.
    read: BTreeSet<(usize, u32, u32)>,
    inbox: UserInbox,
}

struct History {
    now: RunTime,
    plan: Plan,
    clients: Vec<Client>,
    members: Vec<u32>,
    logs: Vec<SentLog>,
    omitted: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let event = prop_oneof![
        2 => Just(Event::Join),
        1 => Just(Event::Leave),
        5 => Just(Event::Say),
        7 => prop::option::weighted(0.1, 0..USERS).prop_map(Event::Serve),
        5 => (1usize..6).prop_map(Event::Read),
    ];
    prop::collection::vec((0..USERS, 0u64..6, event), 0..200)
}

impl History {
    fn new() -> Self {
        let text = "name: t\nusers: { u: { count: 5, rooms: { count: 1 } } }\nload: [ { hold: 1s } ]";
        let plan = Plan::new(Arc::new(mychat_scenario::parse("t.yaml", text).expect("valid").scenario), 1);
        let client = |_| Client {
            state: State::Out,
            commands: VecDeque::new(),
            arrived: VecDeque::new(),
            stays: Vec::new(),
            read: BTreeSet::new(),
            inbox: UserInbox::default().with_rooms(plan.room_addressee(RoomId(0))),
        };
        let clients = (0..USERS).map(client).collect();
        let logs = (0..USERS).map(|_| SentLog::default()).collect();
        Self { now: RunTime::ZERO, plan, clients, members: Vec::new(), logs, omitted: 0 }
    }

    fn play(steps: &[Step]) -> Self {
        let mut history = Self::new();
        for (user, delay, event) in steps {
            history.now += delay * 500;
            history.apply(*user, *event);
        }
        history.now += 5000;
        for user in 0..USERS {
            while !history.clients[user as usize].commands.is_empty() {
                history.serve(user, None);
            }
        }
        (0..USERS).for_each(|user| history.read(user, usize::MAX));
        history
    }

    fn apply(&mut self, user: u32, event: Event) {
        let room = self.plan.room_addressee(RoomId(0));
        let (now, client) = (self.now, &mut self.clients[user as usize]);
        match (event, client.state) {
            (Event::Join, State::Out) => {
                client.state = State::Joining;
                client.stays.push(RoomStay::new(room, now));
                client.commands.push_back(Frame::Join);
            }
            (Event::Leave, State::In) => {
                client.state = State::Leaving;
                client.stays.last_mut().expect("a stay").leaving_at = Some(now);
                client.commands.push_back(Frame::Leave);
            }
            (Event::Say, State::In) => {
                let log = &self.logs[user as usize];
                client.commands.push_back(Frame::Say(user, log.len()));
                log.push(Sent { at: now.floor_to_micros(), to: room, stage: StageId(0) });
            }
            (Event::Serve(left_out), _) => self.serve(user, left_out),
            (Event::Read(count), _) => self.read(user, count),
            _ => {}
        }
    }

    /// The server processes the next command of a user.
    fn serve(&mut self, user: u32, left_out: Option<u32>) {
        let Some(command) = self.clients[user as usize].commands.pop_front() else { return };
        match command {
            Frame::Join => {
                self.members.push(user);
                self.clients[user as usize].arrived.push_back(Frame::Join);
            }
            Frame::Leave => {
                self.members.retain(|member| *member != user);
                self.clients[user as usize].arrived.push_back(Frame::Leave);
            }
            Frame::Say(..) => {
                for member in &self.members {
                    if left_out == Some(*member) {
                        self.omitted += 1;
                    } else {
                        self.clients[*member as usize].arrived.push_back(command);
                    }
                }
            }
        }
    }

    fn read(&mut self, user: u32, count: usize) {
        let (now, to, client) = (self.now, self.plan.room_addressee(RoomId(0)), &mut self.clients[user as usize]);
        for frame in client.arrived.drain(..count.min(client.arrived.len())) {
            let at = client.stays.len() - 1;
            match frame {
                Frame::Join => (client.state, client.stays[at].joined_at) = (State::In, Some(now)),
                Frame::Leave => (client.state, client.stays[at].left_at) = (State::Out, Some(now)),
                Frame::Say(sender, index) => {
                    client.read.insert((at, sender, index));
                    let (sender, sequence, intended) = (UserId(sender), index, LoadTime::ZERO);
                    client.inbox.note_in_stay(&Stamp { run: 0, sender, session: 0, sequence, index, intended, to }, at);
                }
            }
        }
    }

    /// Returns true if message `index` of `sender` is owed to the stay `at` of a client.
    fn is_owed(&self, client: &Client, at: usize, (sender, index): (u32, u32)) -> bool {
        let (stay, log) = (&client.stays[at], &self.logs[sender as usize]);
        let sent = |index: u32| log.get(index).expect("sent").at;
        let micros = |time: RunTime| time.nanos() / (1000 as Nanos);
        let is_after_echo = stay.joined_at.is_some_and(|joined| micros(sent(index)) > micros(joined));
        let is_before_leave = |index: u32| stay.leaving_at.is_none_or(|at| micros(sent(index)) < micros(at));
        let is_followed = || {
            let mut received = (index..log.len()).filter(|later| client.read.contains(&(at, sender, *later)));
            received.any(is_before_leave)
        };
        is_after_echo && is_before_leave(index) && (stay.leaving_at.is_none() || is_followed())
    }

    /// Returns the numbers of owed and of lost deliveries, by the definition.
    fn expected(&self) -> (u64, u64) {
        let (mut owed, mut lost) = (0, 0);
        for client in &self.clients {
            for (at, sender) in (0..client.stays.len()).flat_map(|at| (0..USERS).map(move |sender| (at, sender))) {
                for index in (0..self.logs[sender as usize].len()).filter(|i| self.is_owed(client, at, (sender, *i))) {
                    owed += 1;
                    lost += u64::from(!client.read.contains(&(at, sender, index)));
                }
            }
        }
        (owed, lost)
    }
}

proptest! {
    #[test]
    fn a_stay_is_owed_what_the_definition_says(steps in steps()) {
        let history = History::play(&steps);
        let (owed, lost) = history.expected();
        let omitted = history.omitted;
        let session = |(user, client): (u32, Client)| UserSession {
            user: UserId(user),
            requested_at: RunTime::ZERO,
            online_at: RunTime::ZERO,
            leaving_at: None,
            ended_at: None,
            end: UserSessionEnd::Stayed,
            sequences: 0..history.logs[user as usize].len(),
            rooms: client.stays,
            inbox: client.inbox,
        };
        let sessions: Vec<UserSession> = (0..).zip(history.clients).map(session).collect();
        let index = SentIndex::new(&history.logs);
        let result = reconcile(&history.plan, &index, sessions.iter(), DeliveryRules::default());
        prop_assert_eq!((result.owed, result.lost(|_| true)), (owed, lost));
        prop_assert!(lost <= omitted, "{} lost, {} omitted", lost, omitted);
    }
}
