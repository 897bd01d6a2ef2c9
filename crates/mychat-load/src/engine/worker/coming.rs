//! How users come: the connection, the name, the welcome or the refusal.

use std::sync::atomic::Ordering;

use mychat_proto::Command;

use super::{RETRY, Worker, find};
use crate::engine::clock::Clock;
use crate::engine::connection::{Connection, Role};
use crate::engine::desk::{Due, Finding};
use crate::engine::user::State;
use crate::engine::wire::{Line, Wire};
use crate::plan::{Nanos, nanos};
use crate::record::example::ViolationKind;
use crate::record::inbox::Inbox;
use crate::record::recorder::{Count, LatencyMetric as Timed};
use crate::record::session::{SessionEnd, UserSession};

impl<W: Wire, C: Clock> Worker<W, C> {
    pub(super) fn connect(&mut self, index: usize, meant: Nanos) {
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
        let room = self.room(index);
        self.wire.open(line, room);
    }

    pub(super) fn open(&mut self, role: Role) -> Line {
        self.generations = self.generations.wrapping_add(1);
        let framing = self.desk.shared.replies;
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

    pub(super) fn refuse(&mut self, index: usize, why: &dyn Fn() -> String, frames: &[&[u8]]) {
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
        let finding = Finding {
            kind: ViolationKind::Refused,
            sender: None,
            recipient: Some(id),
            sequence: None,
            what: why,
            frames,
        };
        self.desk.violation(place, Count::Refused, &finding);
    }

    pub(super) fn settle(&mut self) {
        self.unsettled -= 1;
        self.desk.shared.live.settled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn welcome(&mut self, index: usize, now: Nanos) {
        let user = &mut self.users[index];
        user.state = State::Online;
        user.visits = user.visits.wrapping_add(1);
        let next = self.desk.shared.sent[user.id as usize].len();
        user.visit = Some(Box::new(UserSession {
            user: user.id,
            asked: user.asked,
            online: now,
            leaving: None,
            ended: None,
            end: SessionEnd::Stayed,
            sequences: next..next,
            inbox: Inbox::new(self.desk.shared.plan.verify),
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
        if let Some(line) = self.users[index].line {
            self.begin_reading(index, line, now);
        }
        if let Some(start) = self.desk.load_start() {
            self.plan_leave(index, now.max(start));
            let user = &self.users[index];
            if user.next.is_none() && self.desk.shared.plan.is_closed_loop(user.id) {
                self.think(index, now.max(start));
            }
        }
    }
}
