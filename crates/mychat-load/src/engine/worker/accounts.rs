//! What is handed over: recorders at each interval, what is outstanding during the drain, everything at the end.

use std::time::Duration;

use super::{Outstanding, Seen, Worker};
use crate::engine::clock::Clock;
use crate::engine::connection::{Connection, Role};
use crate::engine::hear;
use crate::engine::user::State;
use crate::engine::wire::{Hangup, Line, Wire};
use crate::plan::Nanos;
use crate::reconcile::Accounting;
use crate::reconcile::FinalRosters;
use crate::record::recorder::Recorder;
use crate::record::session::UserSession;
use mychat_scenario::model::ReadPolicy;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Something that became readable waited for so long until its turn to be read.
    pub fn note_read_lag(&mut self, lag: Nanos) {
        if self.desk.load_start().is_some() {
            self.desk.read_lag.record(lag);
        }
    }

    /// Hands over what was recorded since the last time, for an empty recorder.
    pub fn swap_recorder(&mut self, empty: Box<Recorder>) -> Box<Recorder> {
        std::mem::replace(&mut self.desk.recorder, empty)
    }

    /// An empty recorder of this worker's shape.
    pub fn empty_recorder(&self) -> Box<Recorder> {
        Box::new(Recorder::new(self.desk.recorder.shape()))
    }

    /// What is owed to this worker's users and has not come.
    pub fn outstanding(&mut self, books: &Accounting) -> Outstanding {
        for user in &mut self.users {
            hear::settle(user, &self.desk);
        }
        let plan = &self.desk.shared.plan;
        let present = self.users.iter().filter_map(|user| user.visit.as_deref());
        let counted = |visit: &&UserSession| !plan.group(visit.user).hostile;
        let missing = books.outstanding(present.filter(counted), self.desk.shared.reading);
        let unanswered: usize = self.users.iter().map(|user| user.owed.len()).sum();
        let twins = self.lines.iter().filter(|(_, line)| matches!(line.role, Role::Twin { .. })).count();
        let moving =
            self.users.iter().filter(|user| matches!(user.state, State::Leaving | State::Connecting | State::Asking));
        let owed = missing + (unanswered + twins + moving.count()) as u64;
        let waited_for = |line: &&Connection| match line.role {
            Role::Own(index) => !self.users[index].hostile,
            Role::Twin { .. } => true,
        };
        let lines = self.lines.iter().map(|(_, line)| line).filter(waited_for);
        Outstanding { owed, pieces: lines.map(|line| line.deframer.pending() as u64).sum() }
    }

    /// Ends all visits and gives what was seen. The connections stay: a server tells others who has gone, and another
    /// worker that still listens would take that for what was true of the run. [`leave_all`](Self::leave_all) ends them.
    pub fn finish(&mut self) -> Seen {
        let now = self.clock.now();
        let mut last_lists = FinalRosters::default();
        for (index, user) in self.users.iter().enumerate() {
            // Who reads slowly may not have come to its last list yet.
            if user.state == State::Online && !user.hostile && self.policy(index) == ReadPolicy::Fast {
                last_lists.add(user.id, &self.desk.rosters, &user.listed);
            }
        }
        for index in 0..self.users.len() {
            self.end_visit(index, now);
        }
        let empty = self.empty_recorder();
        Seen {
            recorder: self.swap_recorder(empty),
            visits: std::mem::take(&mut self.desk.visits),
            examples: std::mem::take(&mut self.desk.examples),
            blocked: self.desk.blocked,
            stall: self.desk.stall,
            read_lag: std::mem::take(&mut self.desk.read_lag),
            // The wire knows.
            unread: 0,
            awake: Duration::ZERO,
            rosters: std::mem::take(&mut self.desk.rosters),
            last_lists,
            fanout: std::mem::take(&mut self.desk.fanout),
            errors: std::mem::take(&mut self.desk.errors),
            unreachable: std::mem::take(&mut self.desk.unreachable),
        }
    }
    /// Hangs up everywhere, once no worker listens any more.
    pub fn leave_all(&mut self) {
        let lines: Vec<Line> = self.lines.iter().map(|(key, line)| Line { key, generation: line.generation }).collect();
        for line in lines {
            self.drop_line(line, Hangup::Close);
        }
    }
}
