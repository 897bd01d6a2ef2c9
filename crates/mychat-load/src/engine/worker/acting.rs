//! What users do when it is due.

use std::sync::atomic::Ordering;

use super::{Worker, find};
use crate::engine::act;
use crate::engine::act::{Done, Moment};
use crate::engine::clock::Clock;
use crate::engine::connection::Role;
use crate::engine::desk::Due;
use crate::engine::user::State;
use crate::engine::wire::{Line, Room, Wire};
use crate::plan::{Nanos, PlannedAction};
use crate::record::recorder::{Count, LatencyMetric as Timed, Place};

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Draws the next action of a user and puts it on the agenda.
    pub(super) fn draw(&mut self, index: usize) {
        let user = &mut self.users[index];
        let Some(program) = &mut user.program else { return };
        user.next = program.next(&self.desk.shared.plan);
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        match (user.next, self.desk.load_start()) {
            (Some(planned), Some(start)) if !stop => self.put(start + planned.at, Due::Act(index)),
            _ => {
                user.program = None;
                self.desk.shared.live.acting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Does what a user has on the agenda for `due`.
    pub(super) fn act(&mut self, index: usize, due: Nanos, now: Nanos) {
        let user = &mut self.users[index];
        let (Some(planned), Some(start)) = (user.next, self.desk.load_start()) else { return };
        if let Some(free) = self.busy_until(index, now) {
            return self.put(free, Due::Act(index));
        }
        let user = &mut self.users[index];
        if self.desk.shared.plan.is_closed_loop(user.id) {
            self.act_in_loop(index, planned, due, now);
            return;
        }
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        // A user that is away by its own plan has nothing scheduled; one that the server keeps out has.
        // Whoever stalls in the middle of a frame can say nothing else.
        let scheduled = (user.state == State::Online && user.rest.is_none()) || user.state == State::Out;
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

    /// In raw framing messages of one connection keep a distance.
    pub(super) fn busy_until(&self, index: usize, now: Nanos) -> Option<Nanos> {
        let connection = self.lines.get(self.users[index].line?.key)?;
        Some(connection.free_at(self.desk.shared.framing)).filter(|free| *free > now)
    }

    pub(super) fn perform(&mut self, index: usize, line: Line, planned: PlannedAction, at: Moment) {
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
                self.wire.open(twin, Room::Usual);
            }
            Done::Stall(stall) => {
                let visit = user.visits;
                self.put(at.now + stall, Due::Rest(index, visit));
            }
            Done::Reconnect(leave) => {
                user.returns = true;
                user.leave = leave;
                let visit = user.visits;
                self.leave(index, visit, at.now);
            }
        }
    }

    /// Sends the second half of a frame.
    pub(super) fn send_rest(&mut self, index: usize, visit: u16, now: Nanos) {
        let user = &mut self.users[index];
        if user.visits != visit || user.state != State::Online {
            return;
        }
        let (Some(rest), Some(line)) = (user.rest.take(), user.line) else { return };
        if let Some(connection) = find(&mut self.lines, line) {
            connection.hand_over(&mut self.wire, line, &rest, now);
        }
    }
}
