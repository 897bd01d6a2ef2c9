//! Actions: performed when they are due, in open loops by schedule.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::{ConnRole, DuplicateLogin};
use crate::engine::send::{FrameOutput, SendContext, SendOutcome, perform};
use crate::engine::timer_queue::TimerEvent;
use crate::engine::user::{LoadLoop, UserState};
use crate::engine::wire::{ConnId, ReceiveBuffer, Wire};
use crate::plan::{LoadTime, PlannedAction, RunTime, UserId};
use crate::record::recorder::{Count, LatencyMetric, Place};

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Draws the next action of an open loop and sets its timer.
    pub(super) fn schedule_next(&mut self, index: usize) {
        let user = &mut self.users[index];
        let Some(LoadLoop::Open(open)) = &mut user.load else { return };
        let shared = &self.recording.shared;
        let next = open.draw(&shared.plan);
        let is_stopped = shared.live.stop.load(Ordering::Relaxed);
        match (next.and_then(|planned| planned.due()), self.recording.load_start()) {
            (Some(due), Some(start)) if !is_stopped => {
                self.timers.push(due.in_run(start), TimerEvent::Act(index));
            }
            _ => {
                user.load = None;
                shared.live.active_programs.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Performs the action of a user that was due at `due`.
    pub(super) fn run_action(&mut self, index: usize, due: RunTime, now: RunTime) {
        let Some(load) = &self.users[index].load else { return };
        let (Some(planned), Some(start)) = (load.next(), self.recording.load_start()) else { return };
        if let Some(free) = self.busy_until(index, now) {
            return self.timers.push(free, TimerEvent::Act(index));
        }
        match planned.due() {
            None => self.run_closed_loop(index, planned, due, now),
            Some(planned_due) => self.run_open_loop(index, planned, (planned_due, start), now),
        }
    }

    fn run_open_loop(
        &mut self,
        index: usize,
        planned: PlannedAction,
        (due, load_start): (LoadTime, RunTime),
        now: RunTime,
    ) {
        let (user, shared) = (&self.users[index], &self.recording.shared);
        let is_stopped = shared.live.stop.load(Ordering::Relaxed);
        // A user that is away by plan has nothing scheduled, but one that the server evicted has. In the middle of a frame a
        // user can send nothing else.
        let is_scheduled = (user.is_online() && user.second_half.is_none()) || user.login.state == UserState::Evicted;
        let action = &shared.plan.group(user.id).actions[usize::from(planned.action)].action;
        if is_scheduled && !is_stopped && (!user.is_online() || user.can_perform(&shared.plan, action)) {
            let stage = shared.plan.stage_at(due);
            let place = Place { stage, group: user.group, action: action.kind() as u16 };
            let (is_online, conn) = (user.is_online(), user.login.conn);
            self.recording.recorder.count(place, Count::Scheduled);
            if let Some(conn) = conn.filter(|_| is_online) {
                self.send_action(index, conn, planned, SendContext { intended: due.in_run(load_start), now, place });
            }
        }
        self.schedule_next(index);
    }

    /// Returns the time until which a connection in raw framing has to wait with its next message, if it has to.
    pub(super) fn busy_until(&self, index: usize, now: RunTime) -> Option<RunTime> {
        let connection = self.connections.get(self.users[index].login.conn?)?;
        Some(connection.next_send_at(self.recording.shared.protocol.framing)).filter(|free| *free > now)
    }

    pub(super) fn send_action(&mut self, index: usize, conn: ConnId, planned: PlannedAction, at: SendContext) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let user = &mut self.users[index];
        let output = FrameOutput { conn, connection, wire: &mut self.wire, frame: &mut self.frame };
        match perform(user, &mut self.recording, output, planned, at) {
            SendOutcome::Sent => {
                self.recording.shared.live.sent.fetch_add(1, Ordering::Relaxed);
            }
            SendOutcome::Blocked => {}
            SendOutcome::OpenDuplicate(name_holder) => self.open_duplicate(index, name_holder, at),
            SendOutcome::PauseMidFrame(pause) => {
                let session = user.sessions;
                self.timers.push(at.now + pause, TimerEvent::SecondHalf(index, session));
            }
            SendOutcome::Reconnect(leave) => {
                user.login.reconnects = true;
                user.login.leave = leave;
                let session = user.sessions;
                self.log_out(index, session, at.now);
            }
        }
    }

    /// Opens a second connection that asks for a name in use.
    fn open_duplicate(&mut self, index: usize, name_holder: UserId, at: SendContext) {
        self.recording.shared.live.sent.fetch_add(1, Ordering::Relaxed);
        self.recording.recorder.count(at.place, Count::Sent);
        self.recording.recorder.time(at.place, LatencyMetric::Lateness, at.now.since(at.intended));
        let duplicate = DuplicateLogin { user: index, name_holder, intended: at.intended, place: at.place };
        let conn = self.insert_connection(ConnRole::Duplicate(duplicate));
        self.start_connection_timeout(conn, at.now);
        self.wire.open(conn, ReceiveBuffer::Default);
    }

    pub(super) fn send_second_half(&mut self, index: usize, session: u16, now: RunTime) {
        let user = &mut self.users[index];
        if user.sessions != session || !user.is_online() {
            return;
        }
        let (Some(rest), Some(conn)) = (user.second_half.take(), user.login.conn) else { return };
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.send(&mut self.wire, conn, &rest, now);
        }
    }
}
