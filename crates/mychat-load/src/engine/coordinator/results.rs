//! Adds up the results of all workers and reconciles them: sent messages with deliveries, logins with user lists.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::Observations;
use crate::engine::observations::{GeneratorUsage, Liveness};
use crate::engine::shared::SharedState;
use crate::engine::worker::WorkerResult;
use crate::plan::{Nanos, Plan, RunTime, StageId, UserId, nanos};
use crate::reconcile::{Accounting, Disorder, FinalRosters, Reconciliation, ShardExchange, record_fanout};
use crate::record::example::{Example, Examples, ViolationKind};
use crate::record::failed_login::FailedLogin;
use crate::record::fanout::FanOut;
use crate::record::local_failures::LocalFailures;
use crate::record::order_log::OrderLog;
use crate::record::receive_figures::ReceiveFigures;
use crate::record::recorder::{Count, Latency, LatencyMetric, Place, Recorder, Shape};
use crate::record::roster::RosterLog;
use crate::record::session::UserSession;
use mychat_scenario::model::{ReadPolicy, Verify};

/// The results of all workers, added up.
#[derive(Debug, Default)]
pub struct RunResults {
    /// Sessions of all users.
    pub sessions: Vec<UserSession>,
    /// Logins that failed for good.
    pub failed_logins: Vec<FailedLogin>,
    /// The last user list of every user that was online at the end.
    pub last_lists: FinalRosters,
    /// Processor time that the workers spent spinning.
    pub busy_wait: Duration,
    /// Time for which connections refused bytes, summed over all connections.
    pub blocked: Nanos,
    /// Longest delay of a timer.
    pub stall: Nanos,
    examples: Examples,
    errors: BTreeMap<String, u64>,
    local_failures: LocalFailures,
    unreachable: FxHashMap<UserId, u64>,
    fanout: FanOut,
    order: OrderLog,
    rosters: RosterLog,
    receive_lag: Latency,
    arrival_error: Latency,
    receive: Option<ReceiveFigures>,
}

/// Maps an event outside any action to the recorder's cell for it.
struct Cells<'p> {
    plan: &'p Plan,
    load_start: Option<RunTime>,
    join: StageId,
}

impl RunResults {
    /// Adds one worker's result, except its recorder, which belongs to an interval of the timeline.
    pub fn add(&mut self, result: WorkerResult) {
        self.sessions.extend(result.sessions);
        self.failed_logins.extend(result.failed_logins);
        self.last_lists.merge(result.last_lists);
        self.busy_wait += result.busy_wait;
        self.blocked += result.blocked;
        self.stall = self.stall.max(result.stall);
        self.examples.merge(result.examples);
        for (code, count) in result.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.local_failures.merge(result.local_failures);
        self.unreachable.extend(result.unreachable);
        self.fanout.merge(result.fanout);
        self.order.merge(result.order);
        self.rosters.merge(result.rosters);
        self.receive_lag.merge(&result.receive_lag);
        self.arrival_error.merge(&result.arrival_error);
        self.receive = Some(self.receive.map_or(result.receive, |receive| receive.merge(result.receive)));
    }

    /// Reconciles what was sent with what arrived, and completes `recorder` with the latencies and counts that only the end
    /// of the run, at `end`, shows. The timeline and the coordinator's own figures are left
    /// empty.
    pub fn assemble(mut self, shared: &SharedState, mut recorder: Recorder, end: RunTime) -> Observations {
        let plan = &shared.plan;
        let load_start = shared.load_start.get().copied();
        let cells = Cells { plan, load_start, join: recorder.shape().join() };
        self.record_rosters(shared, &cells, &mut recorder, end);
        for failed in &self.failed_logins {
            // The login would have taken at least until now. Without the sample, refusals would improve the percentiles.
            recorder.time(failed.place, LatencyMetric::Connect, end.since(failed.due_at));
        }
        self.failed_logins.sort_unstable_by_key(|failed| (failed.due_at, failed.user));
        let accounting = Accounting::new(plan, &shared.sent);
        let reconciliation = accounting.reconcile(plan, &shared.sent, self.sessions.iter(), shared.rules);
        reconciliation.lost_latency.record(end, |sender, index| self.fanout.has(sender, index), &mut recorder);
        let lost = (&reconciliation.lost_latency, end);
        record_fanout(&self.fanout, plan, load_start.unwrap_or_default(), lost, &mut recorder);
        for (place, duplicated) in &reconciliation.duplicated {
            recorder.add(*place, Count::Duplicated, *duplicated);
        }
        self.record_disorder(plan, &mut recorder);
        self.record_unfounded_404s(&cells, &reconciliation, &mut recorder);
        let share = plan.shard.is_part().then(|| ShardExchange::new(plan, &shared.sent, &self.sessions));
        Observations {
            recorder,
            timeline: Vec::new(),
            sessions: self.sessions,
            failed_logins: self.failed_logins,
            liveness: Liveness::default(),
            reconciliation,
            examples: self.examples,
            blocked: self.blocked,
            stall: self.stall,
            receive_lag: self.receive_lag,
            arrival_error: self.arrival_error,
            receive: self.receive.unwrap_or_default(),
            errors: self.errors,
            local_failures: self.local_failures,
            aborted: None,
            interrupted: false,
            end,
            generator: GeneratorUsage::default(),
            server: None,
            cases_failed: 0,
            share,
        }
    }

    /// Records how long each join took to reach the user lists, and the users that some last list lacks.
    fn record_rosters(&mut self, shared: &SharedState, cells: &Cells<'_>, recorder: &mut Recorder, end: RunTime) {
        let due_before = end.minus(nanos(shared.protocol.reply_timeout));
        // A slow reader may have been disconnected without having read that far.
        let reads_fast = |user| cells.plan.group(user).read == ReadPolicy::Fast;
        let missing = self.last_lists.missing(&self.sessions, due_before).into_iter();
        for missing in missing.filter(|missing| reads_fast(missing.user)) {
            recorder.count(cells.at(missing.user, missing.online_at), Count::MissingInRoster);
            // The latency is at least this long. Without the sample the percentiles would look better than they are.
            self.rosters.note((missing.user, missing.online_at), end);
            self.examples.push(missing.example(cells.plan, end));
        }
        for ((user, joined), last) in self.rosters.joins() {
            recorder.time(cells.at(user, joined), LatencyMetric::Roster, last.since(joined));
        }
    }

    /// Counts the deliveries in an order that another recipient contradicts.
    fn record_disorder(&mut self, plan: &Plan, recorder: &mut Recorder) {
        let Disorder { deliveries, examples } = Disorder::new(plan, &self.order, &self.sessions);
        for (place, count) in deliveries {
            recorder.add(place, Count::Disordered, count);
        }
        self.examples.merge(examples);
    }

    /// Counts the `ERROR|404` replies that no undeliverable message explains as errors.
    fn record_unfounded_404s(&mut self, cells: &Cells<'_>, reconciliation: &Reconciliation, recorder: &mut Recorder) {
        let plan = cells.plan;
        for (user, count) in unfounded_404s(plan, &self.unreachable, reconciliation) {
            let stage = plan.last_stage();
            recorder.add(Place { stage, ..cells.at(user, RunTime::ZERO) }, Count::Errors, count);
            *self.errors.entry("404".to_owned()).or_default() += count;
            if self.examples.wants(ViolationKind::Error) {
                self.examples.push(example_404(plan, user, count));
            }
        }
    }
}

impl Cells<'_> {
    /// Returns the cell of something that `user` did at `at`.
    fn at(&self, user: UserId, at: RunTime) -> Place {
        let stage = match self.load_start.filter(|start| at >= *start) {
            Some(start) => self.plan.stage_at(at.in_load(start)),
            None => self.join,
        };
        Place { stage, group: self.plan.users[user.index()].group, action: Shape::NO_ACTION }
    }
}

/// Returns the users that got more `ERROR|404` than they sent undeliverable messages, with the difference. Only full
/// verification on a single machine knows every message and delivery.
fn unfounded_404s(
    plan: &Plan,
    unreachable: &FxHashMap<UserId, u64>,
    reconciliation: &Reconciliation,
) -> Vec<(UserId, u64)> {
    if plan.verify != Verify::Full || plan.shard.is_part() {
        return Vec::new();
    }
    let undeliverable = |user| reconciliation.undeliverable.get(user).copied().unwrap_or(0);
    let excess = unreachable.iter().map(|(user, replies)| (*user, replies.saturating_sub(undeliverable(user))));
    excess.filter(|(_, count)| *count > 0).collect()
}

fn example_404(plan: &Plan, user: UserId, count: u64) -> Example {
    let name = &plan.users[user.index()].name;
    Example {
        kind: ViolationKind::Error,
        sender: None,
        recipient: Some(name.to_string()),
        sequence: None,
        what: format!("{name} received ERROR|404 for a user who was online, {count} times"),
        frames: Vec::new(),
    }
}
