//! Closed loops: a user acts, waits until that was delivered or answered, thinks, and acts again.

use std::sync::atomic::Ordering;

use super::Worker;
use crate::engine::act::Moment;
use crate::engine::clock::Clock;
use crate::engine::desk::Due;
use crate::engine::user::State;
use crate::engine::wire::Wire;
use crate::plan::{Nanos, PlannedAction, nanos};
use crate::record::recorder::Place;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Draws what a user does next, and lets it think from `from` on.
    pub(super) fn think(&mut self, index: usize, from: Nanos) {
        let user = &mut self.users[index];
        let (Some(program), Some(start)) = (&mut user.program, self.desk.load_start()) else { return };
        user.next = program.next(&self.desk.shared.plan);
        let Some(planned) = user.next else { return };
        match self.desk.shared.plan.act_after_think(user.id, from.saturating_sub(start), planned.at) {
            Some(at) => self.put(start + at, Due::Act(index)),
            None => user.next = None,
        }
    }

    pub(super) fn act_in_loop(&mut self, index: usize, planned: PlannedAction, due: Nanos, now: Nanos) {
        let stop = self.desk.shared.live.stop.load(Ordering::Relaxed);
        let user = &mut self.users[index];
        user.next = None;
        // Who is not online begins to think anew when it comes back.
        let (State::Online, Some(line), Some(start)) = (user.state, user.line, self.desk.load_start()) else { return };
        if stop {
            return;
        }
        let sequence = self.desk.shared.sent[user.id as usize].len();
        user.awaiting = Some((sequence, now));
        let action = &self.desk.shared.plan.group(user.id).actions[usize::from(planned.action)].action;
        let stage = self.desk.shared.plan.stage_at(due.saturating_sub(start)) as u16;
        let place = Place { stage, group: user.group, action: action.kind() as u16 }.closed();
        if !user.watched {
            user.watched = true;
            let patience = nanos(self.desk.shared.timeout);
            self.put(now + patience, Due::Overdue(index));
        }
        // The loop has no schedule, but its thinking was over at a known time: what comes after that is the generator's doing.
        self.perform(index, line, planned, Moment { intended: due, now, place });
    }

    /// The user's last message arrived, or was answered: it thinks, and goes on.
    pub(super) fn arrived(&mut self, index: usize, sequence: u32, now: Nanos) {
        let user = &mut self.users[index];
        if user.awaiting.is_some_and(|(awaited, _)| awaited == sequence) {
            user.awaiting = None;
            self.think(index, now);
        }
    }

    /// The user's last action has come to its end, and no message of its own will show it: it thinks, and goes on.
    pub(super) fn answered_otherwise(&mut self, index: usize, now: Nanos) {
        if self.users[index].awaiting.take().is_some() {
            self.think(index, now);
        }
    }

    /// Looks whether a user has waited for so long that it goes on without an answer.
    pub(super) fn overdue(&mut self, index: usize, now: Nanos) {
        let patience = nanos(self.desk.shared.timeout);
        let user = &mut self.users[index];
        user.watched = false;
        let Some((_, since)) = user.awaiting else { return };
        if now < since + patience {
            user.watched = true;
            self.put(since + patience, Due::Overdue(index));
        } else {
            user.awaiting = None;
            self.think(index, now);
        }
    }

    /// Tells senders in closed loops what arrived: those of this worker at once, the others through their mailboxes.
    pub(super) fn tell_senders(&mut self, now: Nanos) {
        if self.desk.arrived.is_empty() {
            return;
        }
        let (me, count) = self.place;
        let mut arrived = std::mem::take(&mut self.desk.arrived);
        for (user, sequence) in arrived.drain(..) {
            if user % count == me {
                self.arrived((user / count) as usize, sequence, now);
            } else {
                self.desk.shared.mail[(user % count) as usize].post((user, sequence));
            }
        }
        self.desk.arrived = arrived;
    }

    /// Takes what other workers have to tell.
    pub fn collect(&mut self) {
        let now = self.clock.now();
        let (me, count) = self.place;
        for (user, sequence) in self.desk.shared.mail[me as usize].take() {
            self.arrived((user / count) as usize, sequence, now);
        }
        self.attend(now);
    }
}
