//! The users of one thread: how they come, act, and go. No sockets and no clock of its own: a [`Wire`] carries the bytes
//! and a [`Clock`] tells the time, both real in a run and simulated in tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mychat_proto::{Command, Inbound, Status};
use slab::Slab;

use super::act::{self, Done, Moment};
use super::clock::Clock;
use super::connection::{Connection, Handed, Role};
use super::desk::{Desk, Due, Finding};
use super::hear::{self, Heard};
use super::shared::Shared;
use super::user::{Answer, State, User};
use super::wire::{Ended, Hangup, Line, Wire};
use crate::observe::example::{Examples, Kind};
use crate::observe::inbox::Inbox;
use crate::observe::ledger::{Dispatch, Reading, reckon};
use crate::observe::recorder::{Clock as Timed, Count, Place, Recorder};
use crate::observe::visit::{End, Visit};
use crate::plan::{Nanos, Planned, nanos};
use crate::scenario::model::Leave;

/// The users of one thread.
pub struct Worker<W, C> {
    /// Carries the bytes.
    pub wire: W,
    /// Tells the time.
    pub clock: C,
    desk: Desk,
    users: Vec<User>,
    lines: Slab<Connection>,
    generations: u32,
    /// Users who have not been let in or refused yet.
    unsettled: usize,
    awake_at: Nanos,
}

/// What a worker saw, at the end.
#[derive(Debug)]
pub struct Seen {
    /// What it recorded since the last interval.
    pub recorder: Box<Recorder>,
    /// All visits of its users.
    pub visits: Vec<Visit>,
    /// The first violations.
    pub examples: Examples,
    /// For how long its connections did not take what was to be sent, summed up.
    pub blocked: Nanos,
    /// The latest that anything was done after its time.
    pub stall: Nanos,
    /// ERROR frames that no action wants, by code.
    pub errors: BTreeMap<String, u64>,
}

/// A worker does something at least so often, so that a stall of its thread is always seen.
const BEAT: Nanos = 20_000_000;

/// How long a user waits that came back and found its name still taken.
const RETRY: Nanos = 20_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Worker `index` of `count`: every `count`-th user is its own.
    pub fn new(shared: Arc<Shared>, wire: W, clock: C, index: u32, count: u32) -> Self {
        let ids = (index..shared.plan.users.len() as u32).step_by(count as usize);
        let users: Vec<User> = ids.map(|id| User::new(&shared.plan, id)).collect();
        let unsettled = users.len();
        let desk = Desk::new(shared);
        Self { wire, clock, desk, users, lines: Slab::new(), generations: 0, unsettled, awake_at: Nanos::MAX }
    }

    /// Lets the users join, each group at its own rate from `start` on.
    pub fn join(&mut self, start: Nanos) {
        self.put(self.clock.now(), Due::Beat);
        for index in 0..self.users.len() {
            let (user, plan) = (&self.users[index], &self.desk.shared.plan);
            let place = user.id - plan.members[usize::from(user.group)].start;
            let at = start + (f64::from(place) / plan.group(user.id).join * 1e9) as Nanos;
            self.put(at, Due::Join(index));
        }
    }

    /// Begins the load: from `start` on, users follow their programs.
    pub fn load(&mut self, start: Nanos) {
        self.desk.load_start = Some(start);
        for index in 0..self.users.len() {
            if self.users[index].program.is_some() {
                self.desk.shared.live.acting.fetch_add(1, Ordering::Relaxed);
                self.draw(index);
            }
            if self.users[index].state == State::Online {
                self.plan_leave(index, start);
            }
        }
    }

    /// Does what is due, and asks to be woken for the next.
    pub fn run_due(&mut self) {
        let mut now = self.clock.now();
        while let Some((at, due)) = self.desk.take_due(now) {
            self.desk.stall = self.desk.stall.max(now - at);
            match due {
                Due::Beat => self.put(now + BEAT, Due::Beat),
                Due::Join(user) => self.connect(user, at),
                Due::Act(user) => self.act(user, now),
                Due::Leave(user, visit) => self.leave(user, visit, now),
                Due::Patience { key, generation } => self.lose_patience(Line { key, generation }, now),
            }
            now = self.clock.now();
        }
        self.awake_at = Nanos::MAX;
        if let Some(next) = self.desk.next_due() {
            self.wake_at(next);
        }
    }

    /// Whether something is due.
    pub fn is_due(&self, now: Nanos) -> bool {
        self.desk.next_due().is_some_and(|at| at <= now)
    }

    /// Whether this connection is still wanted.
    pub fn has(&self, line: Line) -> bool {
        self.lines.get(line.key).is_some_and(|connection| connection.generation == line.generation)
    }

    /// Users who have not been let in or refused yet.
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }

    fn put(&mut self, at: Nanos, due: Due) {
        self.desk.put(at, due);
        self.wake_at(at);
    }

    fn wake_at(&mut self, at: Nanos) {
        if at < self.awake_at {
            self.awake_at = at;
            self.wire.wake_at(at);
        }
    }

    // ---- coming

    fn connect(&mut self, index: usize, meant: Nanos) {
        if self.desk.shared.live.stop.load(Ordering::Relaxed) {
            return;
        }
        let now = self.clock.now();
        let line = self.open(Role::Own(index));
        let user = &mut self.users[index];
        // A return that is tried again counts from the first try.
        if user.state == State::Away && user.meant == 0 {
            user.meant = meant;
        }
        user.state = State::Connecting;
        user.line = Some(line);
        self.desk.patience(line, now);
        self.wire.open(line);
    }

    fn open(&mut self, role: Role) -> Line {
        self.generations = self.generations.wrapping_add(1);
        let framing = self.desk.shared.framing;
        let key = self.lines.insert(Connection::new(self.generations, role, framing));
        Line { key, generation: self.generations }
    }

    /// A connection was made.
    pub fn opened(&mut self, line: Line) {
        let now = self.clock.now();
        let Some(connection) = find(&mut self.lines, line) else { return };
        let name = match connection.role {
            Role::Own(index) => {
                let user = &mut self.users[index];
                user.state = State::Asking;
                user.asked = now;
                user.id
            }
            Role::Twin { victim, .. } => victim,
        };
        let mut frame = std::mem::take(&mut self.desk.frame);
        frame.clear();
        let command = Command::Connect { name: self.desk.name(name) };
        command.write(&mut frame).expect("the scenario's checks let no illegal name through");
        self.desk.shared.framing.end(&mut frame, 0);
        connection.hand_over(&mut self.wire, line, &frame, now);
        self.desk.frame = frame;
    }

    /// A connection could not be made.
    pub fn failed(&mut self, line: Line, reason: &str) {
        let Some(role) = self.forget(line) else { return };
        match role {
            Role::Own(index) => self.refuse(index, &|| format!("cannot connect: {reason}"), &[]),
            Role::Twin { place, victim, .. } => {
                let what = format!("a second connection could not be made: {reason}");
                self.wrong_reply(place, victim, &|| what.clone(), &[]);
            }
        }
    }

    fn refuse(&mut self, index: usize, why: &dyn Fn() -> String, frames: &[&[u8]]) {
        let now = self.clock.now();
        let user = &mut self.users[index];
        user.line = None;
        let (id, place) = (user.id, self.desk.place(user.group, now));
        let patience = nanos(self.desk.shared.timeout);
        if user.visits > 0 && now < user.meant + patience {
            // It was here before, and its name may not be free yet.
            user.state = State::Away;
            self.desk.recorder.count(place, Count::RefusedReturns);
            self.put(now + RETRY, Due::Join(index));
            return;
        }
        user.state = State::Out;
        if user.visits == 0 {
            self.settle();
        }
        let finding =
            Finding { kind: Kind::Refused, sender: None, recipient: Some(id), sequence: None, what: why, frames };
        self.desk.violation(place, Count::Refused, &finding);
    }

    fn settle(&mut self) {
        self.unsettled -= 1;
        self.desk.shared.live.settled.fetch_add(1, Ordering::Relaxed);
    }

    fn welcome(&mut self, index: usize, now: Nanos) {
        let user = &mut self.users[index];
        user.state = State::Online;
        user.visits = user.visits.wrapping_add(1);
        let next = self.desk.shared.sent[user.id as usize].len();
        user.visit = Some(Box::new(Visit {
            user: user.id,
            asked: user.asked,
            online: now,
            leaving: None,
            ended: None,
            end: End::Stayed,
            sequences: next..next,
            inbox: Inbox::default(),
        }));
        self.desk.shared.presence[user.id as usize].set(true, now);
        self.desk.shared.live.connected.fetch_add(1, Ordering::Relaxed);
        let place = self.desk.place(user.group, now);
        self.desk.recorder.count(place, Count::Connected);
        self.desk.recorder.time(place, Timed::Connect, now.saturating_sub(user.meant));
        self.desk.recorder.time(place, Timed::Ack, now.saturating_sub(user.asked));
        user.meant = 0;
        if user.visits == 1 {
            self.settle();
        }
        if let Some(start) = self.desk.load_start {
            self.plan_leave(index, now.max(start));
        }
    }

    // ---- acting

    /// Draws the next action of a user and puts it on the agenda.
    fn draw(&mut self, index: usize) {
        let user = &mut self.users[index];
        let Some(program) = &mut user.program else { return };
        user.next = program.next(&self.desk.shared.plan);
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        match (user.next, self.desk.load_start) {
            (Some(planned), Some(start)) if !stop => self.put(start + planned.at, Due::Act(index)),
            _ => {
                user.program = None;
                self.desk.shared.live.acting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn act(&mut self, index: usize, now: Nanos) {
        let user = &mut self.users[index];
        let (Some(planned), Some(start)) = (user.next, self.desk.load_start) else { return };
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        // A user that is away by its own plan has nothing scheduled; one that the server keeps out has.
        let scheduled = user.state == State::Online || user.state == State::Out;
        if scheduled && !stop {
            let action = &self.desk.shared.plan.group(user.id).actions[usize::from(planned.action)].action;
            let stage = self.desk.shared.plan.stage_at(planned.at) as u16;
            let place = Place { stage, group: user.group, action: action.kind() as u16 };
            self.desk.recorder.count(place, Count::Scheduled);
            let moment = Moment { intended: start + planned.at, now, place };
            if let (State::Online, Some(line)) = (user.state, user.line) {
                self.perform(index, line, planned, moment);
            }
        }
        self.draw(index);
    }

    fn perform(&mut self, index: usize, line: Line, planned: Planned, at: Moment) {
        let Some(connection) = self.lines.get_mut(line.key) else { return };
        let user = &mut self.users[index];
        match act::act(user, &mut self.desk, connection, &mut self.wire, line, planned, at) {
            Done::Sent => {
                self.desk.shared.live.sent.fetch_add(1, Ordering::Relaxed);
            }
            Done::Blocked => {}
            Done::OpenTwin(victim) => {
                self.desk.shared.live.sent.fetch_add(1, Ordering::Relaxed);
                self.desk.recorder.count(at.place, Count::Sent);
                self.desk.recorder.time(at.place, Timed::Lateness, at.now.saturating_sub(at.intended));
                let twin = self.open(Role::Twin { user: index, victim, intended: at.intended, place: at.place });
                self.desk.patience(twin, at.now);
                self.wire.open(twin);
            }
        }
    }

    // ---- hearing

    /// Bytes arrived, and were read at `now`.
    pub fn received(&mut self, line: Line, now: Nanos, bytes: &[u8]) {
        let Some(connection) = find(&mut self.lines, line) else { return };
        let mut deframer = std::mem::take(&mut connection.deframer);
        let role = connection.role;
        let mut feed = deframer.feed(bytes);
        let mut delivered = 0;
        while let Some(inbound) = feed.next() {
            let heard = match (inbound, role) {
                (Inbound::Frame(frame), Role::Own(index)) => {
                    hear::frame(&mut self.users[index], &mut self.desk, now, frame)
                }
                (Inbound::Frame(frame), Role::Twin { .. }) => {
                    self.twin_heard(line, role, now, frame);
                    Heard::Nothing
                }
                (Inbound::Oversize | Inbound::Overrun, _) => {
                    self.endless(role, now);
                    Heard::Nothing
                }
            };
            match heard {
                Heard::Nothing => {}
                Heard::Delivery => delivered += 1,
                Heard::Answered(status) => self.answered(line, role, status, now),
            }
        }
        if delivered > 0 {
            self.desk.shared.live.delivered.fetch_add(delivered, Ordering::Relaxed);
        }
        if let Some(connection) = find(&mut self.lines, line) {
            connection.deframer = deframer;
        }
    }

    fn answered(&mut self, line: Line, role: Role, status: Status, now: Nanos) {
        let Role::Own(index) = role else { return };
        match (self.users[index].state, status) {
            (State::Asking, Status::Ok) => self.welcome(index, now),
            (State::Asking, Status::Fail) => {
                self.drop_line(line, Hangup::Close);
                self.refuse(index, &|| "the server answered CONNECT_ACK|FAIL".to_owned(), &[b"CONNECT_ACK|FAIL"]);
            }
            _ => {
                let user = &self.users[index];
                let (place, id) = (self.desk.place(user.group, now), user.id);
                self.wrong_reply(place, id, &|| "a CONNECT_ACK that nobody asked for".to_owned(), &[b"CONNECT_ACK"]);
            }
        }
    }

    fn twin_heard(&mut self, line: Line, role: Role, now: Nanos, frame: &[u8]) {
        let Role::Twin { victim, intended, place, .. } = role else { return };
        if frame == b"CONNECT_ACK|FAIL" {
            self.desk.recorder.time(place, Timed::Ack, now.saturating_sub(intended));
            self.drop_line(line, Hangup::Close);
        } else if frame == b"CONNECT_ACK|OK" {
            // Where the name's holder was just leaving, the name was free.
            if self.desk.shared.presence[victim as usize].was_online_since(intended) {
                self.wrong_reply(place, victim, &|| "a name in use was given away again".to_owned(), &[frame]);
            }
            self.drop_line(line, Hangup::Close);
        }
    }

    fn endless(&mut self, role: Role, now: Nanos) {
        let (Role::Own(index) | Role::Twin { user: index, .. }) = role;
        let user = &self.users[index];
        let (place, id) = (self.desk.place(user.group, now), user.id);
        let finding = Finding {
            kind: Kind::Corrupted,
            sender: None,
            recipient: Some(id),
            sequence: None,
            what: &|| "more than 64 KiB without the end of a frame".to_owned(),
            frames: &[],
        };
        self.desk.violation(place, Count::Corrupted, &finding);
    }

    fn wrong_reply(&mut self, place: Place, user: u32, what: &dyn Fn() -> String, frames: &[&[u8]]) {
        let finding =
            Finding { kind: Kind::WrongReply, sender: None, recipient: Some(user), sequence: None, what, frames };
        self.desk.violation(place, Count::WrongReplies, &finding);
    }

    /// A connection takes bytes again.
    pub fn writable(&mut self, line: Line) {
        let now = self.clock.now();
        let Some(connection) = find(&mut self.lines, line) else { return };
        if let Some(blocked) = connection.flush(&mut self.wire, line, now) {
            self.desk.blocked += blocked;
            if connection.half_close {
                self.wire.hang_up(line, Hangup::Half);
            }
        }
    }

    // ---- going

    fn plan_leave(&mut self, index: usize, from: Nanos) {
        let user = &mut self.users[index];
        let Some(stays) = &mut user.stays else { return };
        let (stay, leave) = stays.next(&self.desk.shared.plan);
        user.leave = leave;
        let visit = user.visits;
        let at = from + stay;
        // Who would leave after the load is over stays for the accounts.
        if self.desk.load_start.is_some_and(|start| at < start + self.desk.shared.plan.end()) {
            self.put(at, Due::Leave(index, visit));
        }
    }

    fn leave(&mut self, index: usize, visit: u16, now: Nanos) {
        let user = &mut self.users[index];
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        let (State::Online, Some(line)) = (user.state, user.line) else { return };
        if user.visits != visit || stop {
            return;
        }
        user.state = State::Leaving;
        if let Some(visit) = &mut user.visit {
            visit.leaving = Some(now);
            visit.end = End::Left(user.leave);
        }
        self.desk.shared.presence[user.id as usize].set(false, now);
        self.desk.shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        let leave = user.leave;
        let Some(connection) = self.lines.get_mut(line.key) else { return };
        match leave {
            Leave::Disconnect => {
                let mut frame = b"DISCONNECT".to_vec();
                self.desk.shared.framing.end(&mut frame, 0);
                if connection.hand_over(&mut self.wire, line, &frame, now) == Handed::Blocked {
                    self.over(line, now);
                    return;
                }
            }
            Leave::Fin if connection.is_blocked() => connection.half_close = true,
            Leave::Fin => self.wire.hang_up(line, Hangup::Half),
            Leave::Rst => {
                self.wire.hang_up(line, Hangup::Reset);
                self.over(line, now);
                return;
            }
        }
        self.desk.patience(line, now);
    }

    /// A connection is over.
    pub fn ended(&mut self, line: Line, why: &Ended) {
        let now = self.clock.now();
        let Some(connection) = self.lines.get(line.key).filter(|c| c.generation == line.generation) else { return };
        let index = match connection.role {
            Role::Own(index) => index,
            Role::Twin { intended, place, .. } => {
                // Rule U3 lets a server close after a refusal, and RST is a close.
                self.desk.recorder.time(place, Timed::Ack, now.saturating_sub(intended));
                self.forget(line);
                return;
            }
        };
        let how = || match why {
            Ended::Eof => "the server closed the connection".to_owned(),
            Ended::Broken(error) => format!("the connection broke: {error}"),
        };
        match self.users[index].state {
            State::Connecting | State::Asking => {
                self.forget(line);
                self.refuse(index, &|| format!("{} before it answered CONNECT", how()), &[]);
            }
            State::Online => self.thrown_out(index, line, now, &how),
            State::Leaving | State::Away | State::Done | State::Out => self.over(line, now),
        }
    }

    fn thrown_out(&mut self, index: usize, line: Line, now: Nanos, how: &dyn Fn() -> String) {
        let user = &mut self.users[index];
        let provoked = user.owed.iter().any(|owed| owed.answer == Answer::Refusal);
        let (id, place) = (user.id, self.desk.place(user.group, now));
        if let Some(visit) = &mut user.visit {
            visit.leaving = Some(now);
            visit.end = if provoked { End::Provoked } else { End::Closed };
        }
        self.desk.shared.presence[id as usize].set(false, now);
        self.desk.shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        if !provoked {
            let finding = Finding {
                kind: Kind::Disconnect,
                sender: None,
                recipient: Some(id),
                sequence: None,
                what: how,
                frames: &[],
            };
            self.desk.violation(place, Count::Disconnects, &finding);
        }
        self.over(line, now);
        if !provoked {
            self.users[index].state = State::Out;
        }
    }

    /// Ends the present visit, and lets the user come back if that is its plan.
    fn over(&mut self, line: Line, now: Nanos) {
        let Some(Role::Own(index)) = self.forget(line) else { return };
        self.end_visit(index, now);
        let user = &mut self.users[index];
        user.state = State::Away;
        user.meant = now;
        let provoked = self.desk.visits.last().is_some_and(|visit| visit.end == End::Provoked);
        if user.stays.is_some() || provoked {
            self.put(now, Due::Join(index));
        } else {
            user.state = State::Done;
        }
    }

    fn end_visit(&mut self, index: usize, now: Nanos) {
        let user = &mut self.users[index];
        user.owed.clear();
        user.line = None;
        if let Some(mut visit) = user.visit.take() {
            visit.ended = (visit.end != End::Stayed).then_some(now);
            visit.sequences.end = self.desk.shared.sent[user.id as usize].len();
            self.desk.visits.push(*visit);
        }
    }

    /// Takes a connection off the table.
    fn forget(&mut self, line: Line) -> Option<Role> {
        let connection = self.lines.get(line.key).filter(|c| c.generation == line.generation)?;
        self.desk.blocked += connection.blocked_for(self.clock.now());
        Some(self.lines.remove(line.key).role)
    }

    fn drop_line(&mut self, line: Line, how: Hangup) {
        if self.forget(line).is_some() {
            self.wire.hang_up(line, how);
        }
    }

    fn lose_patience(&mut self, line: Line, now: Nanos) {
        let Some(connection) = self.lines.get(line.key).filter(|c| c.generation == line.generation) else { return };
        let seconds = self.desk.shared.timeout.as_secs_f64();
        match connection.role {
            Role::Twin { victim, place, .. } => {
                self.drop_line(line, Hangup::Close);
                self.wrong_reply(place, victim, &|| format!("no CONNECT_ACK|FAIL within {seconds} s"), &[]);
            }
            Role::Own(index) => match self.users[index].state {
                State::Connecting | State::Asking => {
                    self.drop_line(line, Hangup::Close);
                    self.refuse(index, &|| format!("no answer to CONNECT within {seconds} s"), &[]);
                }
                State::Leaving => {
                    let user = &self.users[index];
                    let (id, place) = (user.id, self.desk.place(user.group, now));
                    if user.leave == Leave::Disconnect {
                        let what = format!("the server did not close within {seconds} s of DISCONNECT");
                        self.wrong_reply(place, id, &|| what.clone(), &[]);
                    }
                    self.wire.hang_up(line, Hangup::Close);
                    self.over(line, now);
                }
                State::Away | State::Online | State::Done | State::Out => {}
            },
        }
    }

    // ---- accounts

    /// Hands over what was recorded since the last time, for an empty recorder.
    pub fn swap_recorder(&mut self, empty: Box<Recorder>) -> Box<Recorder> {
        std::mem::replace(&mut self.desk.recorder, empty)
    }

    /// An empty recorder of this worker's shape.
    pub fn empty_recorder(&self) -> Box<Recorder> {
        Box::new(Recorder::new(self.desk.recorder.shape()))
    }

    /// Deliveries and answers that are owed to this worker's users and have not come.
    pub fn outstanding(&self, dispatch: &Dispatch, reading: Reading) -> u64 {
        let plan = &self.desk.shared.plan;
        let present = self.users.iter().filter_map(|user| user.visit.as_deref());
        let counted = |visit: &&Visit| !plan.group(visit.user).hostile;
        let missing = reckon(plan, dispatch, present.filter(counted), reading).lost(|_| true);
        let unanswered: usize = self.users.iter().map(|user| user.owed.len()).sum();
        let twins = self.lines.iter().filter(|(_, line)| matches!(line.role, Role::Twin { .. })).count();
        let moving =
            self.users.iter().filter(|user| matches!(user.state, State::Leaving | State::Connecting | State::Asking));
        missing + (unanswered + twins + moving.count()) as u64
    }

    /// Ends everything and gives what was seen.
    pub fn finish(&mut self) -> Seen {
        let now = self.clock.now();
        for index in 0..self.users.len() {
            let unanswered: Vec<Place> = self.users[index].owed.iter().map(|owed| owed.place).collect();
            let id = self.users[index].id;
            for place in unanswered {
                self.wrong_reply(place, id, &|| "an answer was due and never came".to_owned(), &[]);
            }
            self.end_visit(index, now);
        }
        let keys: Vec<Line> = self.lines.iter().map(|(key, line)| Line { key, generation: line.generation }).collect();
        for line in keys {
            self.drop_line(line, Hangup::Close);
        }
        let empty = self.empty_recorder();
        Seen {
            recorder: self.swap_recorder(empty),
            visits: std::mem::take(&mut self.desk.visits),
            examples: std::mem::take(&mut self.desk.examples),
            blocked: self.desk.blocked,
            stall: self.desk.stall,
            errors: std::mem::take(&mut self.desk.errors),
        }
    }
}

/// The connection, if the line still means the same one.
fn find(lines: &mut Slab<Connection>, line: Line) -> Option<&mut Connection> {
    lines.get_mut(line.key).filter(|connection| connection.generation == line.generation)
}
