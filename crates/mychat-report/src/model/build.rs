//! Builds the result of a run from the observations and the verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::histogram;
use super::{
    Counts, ExpectationResult, GeneratorInfo, LatencyBlock, LatencyBreakdown, LatencyResult, MissingDeliveries,
    RunResult, SCHEMA, ScenarioInfo, ShardInfo, TargetInfo, TimelinePoint, ToolInfo, UnsentMessages, UserLosses,
};
use mychat_load::engine::coordinator::{Observations, TimelineSlice};
use mychat_load::plan::{Plan, UserId};
use mychat_load::reconcile::Reconciliation;
use mychat_load::reconcile::ShardExchange;
use mychat_load::record::recorder::{Count, Latency};
use mychat_load::verdict::{Assessment, latency_of, samples};
use mychat_scenario::model::{Action, Metric, Selector, Value};

/// Provenance of a result.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Path of the scenario file, as given.
    pub file: String,
    /// SHA-256 digest of the file, in hexadecimal.
    pub sha256: String,
    /// Server under test.
    pub target: TargetInfo,
    /// Start of the run, RFC 3339.
    pub started: String,
    /// Text of the scenario.
    pub text: String,
    /// Description of the machine.
    pub machine: String,
}

/// Latency metrics and their names in results.
const METRICS: [(&str, Metric); 9] = [
    ("connect", Metric::Connect),
    ("ack", Metric::Ack),
    ("delivery", Metric::Delivery),
    ("delivery_first", Metric::DeliveryFirst),
    ("delivery_last", Metric::DeliveryLast),
    ("delivery_spread", Metric::DeliverySpread),
    ("service", Metric::Service),
    ("roster", Metric::Roster),
    ("lateness", Metric::Lateness),
];

/// Builds the result of a run.
pub fn build(plan: &Plan, seen: Observations, assessment: Assessment, info: RunInfo) -> RunResult {
    let source = Source { plan, seen: &seen };
    let latency = METRICS.iter().map(|(name, metric)| ((*name).to_owned(), source.block(*metric))).collect();
    let counts = counts(plan, &seen);
    let timeline = seen.timeline.iter().map(|slice| timeline_point(plan, slice)).collect();
    let lost_by_user = lost_by_user(plan, &seen);
    let shard = seen.share.as_ref().map(|share| shard(plan, share, &seen.reconciliation));
    let mut examples = seen.examples;
    examples.merge(seen.reconciliation.examples);
    RunResult {
        schema: SCHEMA.to_owned(),
        tool: ToolInfo { version: env!("CARGO_PKG_VERSION").to_owned() },
        scenario: ScenarioInfo {
            name: plan.scenario.name.clone(),
            file: info.file,
            sha256: info.sha256,
            plan_sha256: plan.sha256(),
            seed: plan.seed,
            verify: plan.verify,
            verify_note: plan.verify_note.clone(),
            text: info.text,
        },
        target: info.target,
        started: info.started,
        seconds: seen.end.seconds(),
        verdict: assessment.verdict,
        exit_code: assessment.exit.code(),
        validity: assessment.validity_check.validity,
        validity_reasons: assessment.validity_check.reasons,
        expectations: assessment
            .expectations
            .into_iter()
            .map(|e| ExpectationResult {
                text: e.text,
                line: e.line,
                actual: e.actual,
                unit: e.unit.into(),
                ok: e.ok,
                note: e.note,
            })
            .collect(),
        cases: Vec::new(),
        latency,
        counts,
        examples: examples.into_sorted(),
        timeline,
        capacity: None,
        shard,
        whole_runs: None,
        server: seen.server,
        server_end: seen.liveness.process_end,
        generator: GeneratorInfo {
            machine: info.machine,
            cpu_seconds: seen.generator.cpu_seconds,
            busy_wait_seconds: seen.generator.busy_wait_seconds,
            rss_peak: seen.generator.rss_peak,
            threads: seen.generator.threads,
            read_lag_p99: seen.receive_lag.histogram.value_at_quantile(0.99),
            clock: seen.receive.source,
            clock_steps: seen.receive.clock_steps,
            read_lag: recorded(&seen.receive_lag),
            arrival_error: recorded(&seen.arrival_error),
            unread_bytes: seen.receive.unread,
            fullest_receive_buffer: seen.receive.fullest_buffer,
            stall_max: seen.stall / 1000,
        },
        lost_by_user,
    }
}

/// Returns a latency of the generator, if it has samples.
fn recorded(latency: &Latency) -> Option<LatencyResult> {
    (latency.count() > 0).then(|| LatencyResult::new(&latency.histogram, latency.count(), latency.overflow))
}

/// Returns the deliveries to reconcile with other shards, by the names of users.
fn shard(plan: &Plan, share: &ShardExchange, reconciliation: &Reconciliation) -> ShardInfo {
    let name = |user: UserId| plan.users[user.index()].name.to_string();
    let missing = reconciliation.missing.iter().map(|missing| MissingDeliveries {
        sender: name(missing.sender),
        recipient: name(missing.recipient),
        broadcasts: missing.broadcasts.into(),
        privates: missing.privates.into(),
    });
    let unsent = share.unsent.iter().map(|&(sender, to, count)| UnsentMessages {
        sender: name(sender),
        to: to.user(plan.users.len()).map(name),
        count: count.into(),
    });
    ShardInfo {
        index: plan.shard.index + 1,
        of: plan.shard.of,
        missing: missing.collect(),
        unsent: unsent.collect(),
        unconfirmed: share.unconfirmed.iter().map(|user| name(*user)).collect(),
    }
}

fn lost_by_user(plan: &Plan, seen: &Observations) -> Vec<UserLosses> {
    let lost = seen.reconciliation.lost_by_user.iter();
    let mut lost_by_user: Vec<UserLosses> =
        lost.map(|(&user, &lost)| UserLosses { user: plan.users[user.index()].name.to_string(), lost }).collect();
    lost_by_user.sort_by(|one, other| other.lost.cmp(&one.lost).then_with(|| one.user.cmp(&other.user)));
    lost_by_user
}

struct Source<'s> {
    plan: &'s Plan,
    seen: &'s Observations,
}

impl Source<'_> {
    fn block(&self, metric: Metric) -> LatencyBlock {
        let plan = self.plan;
        let part = |selector: Selector| {
            let result = self.result(metric, &selector);
            (result.count > 0).then_some(result)
        };
        let mut by = LatencyBreakdown::default();
        let stages = plan.stages.iter().map(|stage| stage.name.as_str()).chain(["join"]);
        for (index, stage) in stages.enumerate() {
            let found = part(Selector { stage: Some(index), ..Selector::default() });
            by.stage.extend(found.map(|result| (stage.to_owned(), result)));
        }
        for (index, group) in plan.scenario.groups.iter().enumerate() {
            let found = part(Selector { group: Some(index), ..Selector::default() });
            by.group.extend(found.map(|result| (group.name.clone(), result)));
        }
        for (index, action) in Action::NAMES.into_iter().enumerate() {
            let found = part(Selector { action: Some(index), ..Selector::default() });
            by.action.extend(found.map(|result| (action.to_owned(), result)));
        }
        for selector in self.combinations(metric) {
            by.selector.insert(self.names(&selector), self.result(metric, &selector));
        }
        LatencyBlock { whole: self.result(metric, &Selector::default()), by }
    }

    /// Selectors with more than one part that expectations use.
    fn combinations(&self, metric: Metric) -> Vec<Selector> {
        let conditions = self.plan.scenario.expect.iter();
        let measures = conditions.flat_map(|condition| {
            let other = if let Value::Times(_, other) = &condition.value { Some(other) } else { None };
            std::iter::once(&condition.measure).chain(other)
        });
        let parts = |s: &Selector| [s.group, s.action, s.stage].iter().flatten().count();
        let mut seen = BTreeSet::new();
        measures
            .filter(|measure| measure.metric == metric && parts(&measure.selector) > 1)
            .filter(|measure| seen.insert(self.names(&measure.selector)))
            .map(|measure| measure.selector.clone())
            .collect()
    }

    fn names(&self, selector: &Selector) -> String {
        let group = selector.group.map(|group| self.plan.scenario.groups[group].name.as_str());
        let action = selector.action.map(|action| Action::NAMES[action]);
        let stage = selector.stage.map(|stage| self.plan.stages.get(stage).map_or("join", |stage| stage.name.as_str()));
        [group, action, stage].into_iter().flatten().collect::<Vec<_>>().join(",")
    }

    fn result(&self, metric: Metric, selector: &Selector) -> LatencyResult {
        let latency = latency_of(self.plan, self.seen, metric, selector);
        let independent = samples(self.plan, self.seen, metric, selector, latency.count());
        LatencyResult::new(&latency.histogram, independent, latency.overflow)
    }
}

fn counts(plan: &Plan, seen: &Observations) -> Counts {
    let total = |count| seen.recorder.total(count, |_| true);
    // Lateness of hostile users is their own doing.
    let innocent = |place: mychat_load::record::recorder::Place| !plan.scenario.groups[place.group.index()].hostile;
    let (sent, scheduled) = (total(Count::Sent), total(Count::Scheduled));
    // Closed loops have no schedule, so they have no lateness.
    let on_time = seen.recorder.total(Count::Sent, |place| !place.is_closed());
    Counts {
        users: u64::from(plan.own_users()),
        connected: total(Count::Connected),
        refused: total(Count::Refused),
        disconnects: seen.recorder.total(Count::Disconnects, innocent),
        unlisted: total(Count::MissingInRoster),
        sent,
        scheduled,
        achieved: (scheduled > 0).then(|| 100.0 * on_time as f64 / scheduled as f64),
        expected_deliveries: seen.reconciliation.owed,
        delivered: seen.recorder.total(Count::Delivered, innocent),
        lost: seen.reconciliation.lost(innocent),
        duplicated: seen.recorder.total(Count::Duplicated, innocent),
        reordered: seen.recorder.total(Count::Reordered, innocent),
        disordered: seen.recorder.total(Count::Disordered, innocent),
        misrouted: total(Count::Misrouted),
        corrupted: seen.recorder.total(Count::Corrupted, innocent),
        uncertain: seen.reconciliation.uncertain,
        refused_returns: total(Count::RefusedReturns),
        blocked_seconds: seen.blocked as f64 / 1e9,
        wrong_replies: total(Count::WrongReplies),
        errors: seen.errors.clone().into_iter().collect::<BTreeMap<_, _>>(),
    }
}

/// Converts an interval of the timeline into its stored form.
pub fn timeline_point(plan: &Plan, slice: &TimelineSlice) -> TimelinePoint {
    let value =
        |latency: &Latency, quantile: f64| (latency.count() > 0).then(|| latency.histogram.value_at_quantile(quantile));
    let (delivery, lateness) = (slice.delivery.unpack(), slice.lateness.unpack());
    TimelinePoint {
        t: slice.at.seconds(),
        stage: slice.part.name(plan).to_owned(),
        connected: slice.connected,
        sent: slice.sent,
        delivered: slice.delivered,
        errors: slice.errors,
        p50: value(&delivery, 0.5),
        p99: value(&delivery, 0.99),
        max: value(&delivery, 1.0),
        lateness_p99: value(&lateness, 0.99),
        server_rss: None,
        server_cpu: None,
        server_threads: None,
        server_fds: None,
        hdr: histogram::encode(&delivery.histogram),
    }
}
