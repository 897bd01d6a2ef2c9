//! How users go: by their own plan, or because the server closed the connection; and how they come back.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::Role;
use crate::engine::desk::{Due, Finding};
use crate::engine::hear;
use crate::engine::user::State;
use crate::engine::wire::{Ended, Hangup, Line, Wire};
use crate::plan::{Nanos, nanos};
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, LatencyMetric as Timed};
use crate::record::roster::RosterState;
use crate::record::session::SessionEnd;
use mychat_scenario::model::Leave;

impl<W: Wire, C: Clock> Worker<W, C> {
    pub(super) fn plan_leave(&mut self, index: usize, from: Nanos) {
        let user = &mut self.users[index];
        let Some(stays) = &mut user.stays else { return };
        let (stay, leave) = stays.next(&self.desk.shared.plan);
        user.leave = leave;
        let visit = user.visits;
        let at = from + stay;
        // Who would leave after the load is over stays for the accounts.
        if self.desk.load_start().is_some_and(|start| at < start + self.desk.shared.plan.end()) {
            self.put(at, Due::Leave(index, visit));
        }
    }

    pub(super) fn leave(&mut self, index: usize, visit: u16, now: Nanos) {
        if let Some(free) = self.busy_until(index, now) {
            return self.put(free, Due::Leave(index, visit));
        }
        let user = &mut self.users[index];
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        let (State::Online, Some(line)) = (user.state, user.line) else { return };
        if user.visits != visit || stop {
            return;
        }
        user.state = State::Leaving;
        if let Some(visit) = &mut user.visit {
            visit.leaving = Some(now);
            visit.end = SessionEnd::Left(user.leave);
        }
        self.desk.shared.presence[user.id as usize].set(false, now);
        self.desk.shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        let leave = user.leave;
        let Some(connection) = self.lines.get_mut(line.key) else { return };
        match leave {
            Leave::Disconnect => {
                let mut frame = b"DISCONNECT".to_vec();
                self.desk.shared.framing.end(&mut frame, 0);
                connection.hand_over(&mut self.wire, line, &frame, now);
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

    pub(super) fn thrown_out(&mut self, index: usize, line: Line, now: Nanos, how: &dyn Fn() -> String) {
        let user = &mut self.users[index];
        // Refused, or about to be: rule F5 lets a server close after what is much too long, terse ones close at any error.
        let patience = crate::plan::nanos(self.desk.shared.timeout);
        let provoked = user.owed.iter().any(|owed| user.is_answered_by_the_end(owed, &self.desk.shared))
            || user.rebuked.is_some_and(|at| now < at + patience);
        let (id, place) = (user.id, self.desk.place(user.group, now));
        if let Some(visit) = &mut user.visit {
            visit.leaving = Some(now);
            visit.end = if provoked { SessionEnd::Provoked } else { SessionEnd::Closed };
        }
        self.desk.shared.presence[id as usize].set(false, now);
        self.desk.shared.live.connected.fetch_sub(1, Ordering::Relaxed);
        if !provoked {
            let finding = Finding {
                kind: ViolationKind::Disconnect,
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
    pub(super) fn over(&mut self, line: Line, now: Nanos) {
        let Some(Role::Own(index)) = self.forget(line) else { return };
        self.end_visit(index, now);
        let user = &mut self.users[index];
        user.state = State::Away;
        user.meant = now;
        let provoked = self.desk.visits.last().is_some_and(|visit| visit.end == SessionEnd::Provoked);
        let returns = std::mem::take(&mut user.returns);
        if user.stays.is_some() || provoked || returns {
            self.put(now, Due::Join(index));
        } else {
            user.state = State::Done;
        }
    }

    pub(super) fn end_visit(&mut self, index: usize, now: Nanos) {
        self.miss_answers(index, now);
        let user = &mut self.users[index];
        user.awaiting = None;
        user.rebuked = None;
        user.listed = RosterState::default();
        user.rest = None;
        user.line = None;
        hear::settle(user, &self.desk);
        if let Some(mut visit) = user.visit.take() {
            visit.ended = (visit.end != SessionEnd::Stayed).then_some(now);
            visit.sequences.end = self.desk.shared.sent[user.id as usize].len();
            user.past.push(self.desk.visits.len() as u32);
            self.desk.visits.push(*visit);
        }
    }

    /// Takes a connection off the table.
    pub(super) fn forget(&mut self, line: Line) -> Option<Role> {
        let connection = self.lines.get(line.key).filter(|c| c.generation == line.generation)?;
        let now = self.clock.now();
        self.desk.blocked += connection.blocked_for(now);
        let role = self.lines.remove(line.key).role;
        if let Role::Twin { user, .. } = role {
            self.answered_otherwise(user, now);
        }
        Some(role)
    }

    pub(super) fn drop_line(&mut self, line: Line, how: Hangup) {
        if self.forget(line).is_some() {
            self.wire.hang_up(line, how);
        }
    }

    pub(super) fn lose_patience(&mut self, line: Line, now: Nanos) {
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
                // The connection's own patience, from before it began to leave, is none of this.
                State::Leaving if now < self.users[index].left_at() + nanos(self.desk.shared.timeout) => {}
                State::Leaving => {
                    let user = &self.users[index];
                    let since = user.visit.as_ref().and_then(|visit| visit.leaving).unwrap_or(0);
                    if now < since + crate::plan::nanos(self.desk.shared.timeout) {
                        // Patience with the connecting, long over: the one with the leaving comes later.
                        return;
                    }
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
}
