//! The end of a run: the workers hand over what they saw, and the accounts are settled.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Crew, Fault, Observations};
use crate::engine::clock::Clock as _;
use crate::engine::observations::usage;
use crate::engine::thread::{Order, Report};
use crate::plan::{Nanos, Plan, nanos};
use crate::reconcile::Accounting;
use crate::reconcile::FinalRosters;
use crate::reconcile::Reconciliation;
use crate::reconcile::ShardExchange;
use crate::record::example::{Example, Examples, ViolationKind};
use crate::record::fanout::FanOut;
use crate::record::recorder::{Count, Latency, LatencyMetric, Place, Shape};
use crate::record::roster::RosterLog;
use mychat_scenario::model::Verify;

impl Crew<'_> {
    /// Ends the workers and takes what they saw.
    pub(super) async fn finish(mut self, interrupted: bool) -> Result<Observations, Fault> {
        let length = self.clock.now();
        self.tell(|| Order::Finish);
        let (mut visits, mut examples) = (Vec::new(), Examples::default());
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        let mut unreachable: FxHashMap<u32, u64> = FxHashMap::default();
        let (mut fanout, mut rosters, mut last_lists) =
            (FanOut::default(), RosterLog::default(), FinalRosters::default());
        let (mut read_lag, mut awake) = (Latency::default(), Duration::ZERO);
        let (mut blocked, mut stall, mut unread, mut left) = (0, 0, 0, self.hands.len());
        while left > 0 {
            match self.reports.recv().await.ok_or(Fault::Died)? {
                Report::Seen(seen) => {
                    self.interval.merge(&seen.recorder);
                    visits.extend(seen.visits);
                    examples.merge(seen.examples);
                    fanout.merge(seen.fanout);
                    rosters.merge(seen.rosters);
                    last_lists.merge(seen.last_lists);
                    read_lag.merge(&seen.read_lag);
                    blocked += seen.blocked;
                    stall = stall.max(seen.stall);
                    unread = unread.max(seen.unread);
                    awake += seen.awake;
                    for (code, count) in seen.errors {
                        *errors.entry(code).or_default() += count;
                    }
                    unreachable.extend(seen.unreachable);
                    left -= 1;
                }
                Report::Interval(recorded) => self.interval.merge(&recorded),
                Report::Outstanding(_) => {}
                Report::Failed(error) => return Err(Fault::Thread(error)),
            }
        }
        self.close_interval(length);
        // Nobody listens any more: now they may hang up.
        self.hands.clear();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| Fault::Died)?;
        }
        let plan = &self.shared.plan;
        let (load_start, join) = (self.load_start(), self.total.shape().join());
        let place = |user: u32, joined: Nanos| {
            let stage = match load_start.filter(|start| joined >= *start) {
                Some(start) => plan.stage_at(joined - start) as u16,
                None => join,
            };
            Place { stage, group: plan.users[user as usize].group, action: Shape::NO_ACTION }
        };
        let unlisted = last_lists.missing(&visits, length.saturating_sub(nanos(self.shared.timeout)));
        for unlisted in &unlisted {
            let place = place(unlisted.user, unlisted.online);
            self.total.count(place, Count::MissingInRoster);
            // It took longer than there was time: what is left out would make the others look better.
            rosters.note((unlisted.user, unlisted.online), length);
            examples.push(unlisted.example(plan, length));
        }
        for ((user, joined), last) in rosters.joins() {
            self.total.time(place(user, joined), LatencyMetric::Roster, last.saturating_sub(joined));
        }
        let books = Accounting::new(plan, &self.shared.sent);
        let reconciliation = books.reconcile(plan, &self.shared.sent, visits.iter(), self.shared.reading);
        reconciliation.lost_latency.record(length, |sender, index| fanout.has(sender, index), &mut self.total);
        crate::reconcile::record_fanout(
            &fanout,
            plan,
            load_start.unwrap_or(0),
            (&reconciliation.lost_latency, length),
            &mut self.total,
        );
        for (place, doubled) in &reconciliation.duplicated {
            self.total.add(*place, Count::Duplicated, *doubled);
        }
        for (user, count) in unfounded(plan, &unreachable, &reconciliation) {
            self.total.add(
                Place { stage: plan.stages.len().saturating_sub(1) as u16, ..place(user, 0) },
                Count::Errors,
                count,
            );
            *errors.entry("404".to_owned()).or_default() += count;
            if examples.wants(ViolationKind::Error) {
                examples.push(denied(plan, user, count));
            }
        }
        let share = plan.shard.is_part().then(|| ShardExchange::new(plan, &self.shared.sent, &visits));
        Ok(Observations {
            recorder: self.total,
            timeline: self.timeline,
            visits,
            reconciliation,
            examples,
            blocked,
            stall,
            read_lag,
            unread,
            errors,
            aborted: self.aborted,
            interrupted,
            length,
            generator: usage(self.conduct.threads, awake),
            server: None,
            cases_failed: 0,
            share,
        })
    }
}

/// Who was told how often, without a reason, that somebody is not there: known where all messages and deliveries are.
fn unfounded(plan: &Plan, unreachable: &FxHashMap<u32, u64>, reconciliation: &Reconciliation) -> Vec<(u32, u64)> {
    if plan.verify != Verify::Full || plan.shard.is_part() {
        return Vec::new();
    }
    let undeliverable = |user| reconciliation.undeliverable.get(user).copied().unwrap_or(0);
    let without = unreachable.iter().map(|(user, answers)| (*user, answers.saturating_sub(undeliverable(user))));
    without.filter(|(_, count)| *count > 0).collect()
}

fn denied(plan: &Plan, user: u32, count: u64) -> Example {
    let name = &plan.users[user as usize].name;
    Example {
        kind: ViolationKind::Error,
        sender: None,
        recipient: Some(name.to_string()),
        sequence: None,
        what: format!("{name} was told ERROR|404 of somebody who was there, {count} times"),
        frames: Vec::new(),
    }
}
