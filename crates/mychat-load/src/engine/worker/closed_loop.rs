//! Closed loops: a user acts, waits until its message is delivered or answered, thinks, and acts again.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::send::SendContext;
use crate::engine::timer_queue::TimerEvent;
use crate::engine::wire::Wire;
use crate::plan::{Nanos, PlannedAction, RunTime};
use crate::record::recorder::Place;

/// Pause before a user draws again whose action was impossible. Without it, a think time of zero would not end.
const IMPOSSIBLE_PAUSE: Nanos = 10_000_000;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Draws the next action of a closed loop. Its think time starts at `from`.
    pub(super) fn start_thinking(&mut self, index: usize, from: RunTime) {
        let plan = &self.recording.shared.plan;
        let user = &mut self.users[index];
        let id = user.id;
        let (Some(closed), Some(start)) = (user.closed_loop_mut(), self.recording.load_start()) else { return };
        let Some(think) = closed.draw(plan).and_then(|planned| planned.think()) else { return };
        match plan.act_after_think(id, from.in_load(start), think) {
            Some(at) => self.timers.push(at.in_run(start), TimerEvent::Act(index)),
            None => closed.next = None,
        }
    }

    /// Performs the action whose think time ended at `due`.
    pub(super) fn run_closed_loop(&mut self, index: usize, planned: PlannedAction, due: RunTime, now: RunTime) {
        let shared = &self.recording.shared;
        let is_stopped = shared.live.stop.load(Ordering::Relaxed);
        let user = &mut self.users[index];
        let (id, group, is_online, conn) = (user.id, user.group, user.is_online(), user.login.conn);
        let Some(closed) = user.closed_loop_mut() else { return };
        closed.next = None;
        // A user that is not online thinks anew after its next login.
        let (Some(conn), Some(start)) = (conn.filter(|_| is_online), self.recording.load_start()) else { return };
        if is_stopped {
            return;
        }
        let action = &shared.plan.group(id).actions[usize::from(planned.action)].action;
        if !self.users[index].can_perform(&shared.plan, action) {
            return self.start_thinking(index, now + IMPOSSIBLE_PAUSE);
        }
        let Some(closed) = self.users[index].closed_loop_mut() else { return };
        closed.awaiting = Some((shared.sent[id.index()].len(), now));
        let sets_timeout = !std::mem::replace(&mut closed.has_timeout, true);
        let stage = shared.plan.stage_at(due.in_load(start));
        let place = Place { stage, group, action: action.kind() as u16 }.closed();
        if sets_timeout {
            self.timers.push(now + self.reply_timeout(), TimerEvent::LoopTimeout(index));
        }
        // A closed loop has no schedule, but its think time ends at a known moment: a later send is the generator's delay.
        self.send_action(index, conn, planned, SendContext { intended: due, now, place });
    }

    /// Ends the waiting for the user's message `sequence`, which was delivered or answered.
    fn confirm(&mut self, index: usize, sequence: u32, now: RunTime) {
        let Some(closed) = self.users[index].closed_loop_mut() else { return };
        if closed.awaiting.is_some_and(|(awaited, _)| awaited == sequence) {
            closed.awaiting = None;
            self.start_thinking(index, now);
        }
    }

    /// Ends the waiting for an action that no message of the user's own will confirm.
    pub(super) fn confirm_any(&mut self, index: usize, now: RunTime) {
        if self.users[index].closed_loop_mut().is_some_and(|closed| closed.awaiting.take().is_some()) {
            self.start_thinking(index, now);
        }
    }

    /// Lets a user go on that has waited for the reply timeout.
    pub(super) fn check_loop_timeout(&mut self, index: usize, now: RunTime) {
        let timeout = self.reply_timeout();
        let Some(closed) = self.users[index].closed_loop_mut() else { return };
        closed.has_timeout = false;
        let Some((_, since)) = closed.awaiting else { return };
        if now < since + timeout {
            closed.has_timeout = true;
            self.timers.push(since + timeout, TimerEvent::LoopTimeout(index));
        } else {
            closed.awaiting = None;
            self.start_thinking(index, now);
        }
    }

    /// Passes confirmations on to the senders: users of this worker at once, others through their worker's queue.
    pub(super) fn send_confirmations(&mut self, now: RunTime) {
        if self.recording.confirmations.is_empty() {
            return;
        }
        let (own, count) = (self.index, self.count);
        let mut confirmations = std::mem::take(&mut self.recording.confirmations);
        for (user, sequence) in confirmations.drain(..) {
            if user.0 % count == own {
                self.confirm((user.0 / count) as usize, sequence, now);
            } else {
                self.recording.shared.confirmations[(user.0 % count) as usize].push((user, sequence));
            }
        }
        self.recording.confirmations = confirmations;
    }

    /// Takes the confirmations that other workers have left.
    pub fn take_confirmations(&mut self) {
        let now = self.clock.now();
        for (user, sequence) in self.recording.shared.confirmations[self.index as usize].take() {
            self.confirm((user.0 / self.count) as usize, sequence, now);
        }
        self.run_timers_if_due(now);
    }
}
