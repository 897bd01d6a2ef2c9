//! The expected amount of work of a scenario, as averages: messages, deliveries, bytes, and the memory that accounting for
//! every delivery would take. It decides the precision of the accounting.

use rustc_hash::FxHashMap;

use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Content, FindMax, Group, Pace, Size, Stage, StageKind, To, Verify};

/// Bytes of `BROADCAST|name|content` beside name and content, terminator included.
const BROADCAST_OVERHEAD: f64 = 12.0;
/// Bytes of `MESSAGE|name|content` beside name and content, terminator included.
const PRIVATE_OVERHEAD: f64 = 10.0;
/// Bytes of `SAY|room|name|content` beside room, name and content, terminator included.
const SAY_OVERHEAD: f64 = 7.0;
/// Bytes of the longest frame (`size: max`), terminator included.
const LONGEST_FRAME: f64 = 1024.0;
/// Bytes per message with full accounting: its entry in the sender's log, and in the index of the reconciliation.
const FULL_PER_MESSAGE: f64 = 8.0 + 16.0;
/// Bytes per pair of users of which one received from the other: an entry of the inbox, with the table's spare room.
const FULL_PER_PAIR: f64 = 80.0;
/// Bytes per message with checksum accounting.
const COUNTS_PER_MESSAGE: f64 = 16.0;
/// Memory limit of full accounting in bytes. Above it deliveries are counted (`verify: counts`).
const FULL_LIMIT: f64 = 2.0 * 1024.0 * 1024.0 * 1024.0;

/// The expected work of one run of a scenario. All users are assumed to be online all the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The stages in order. A `find_max` stage stands for its largest probe.
    pub stages: Vec<StageWorkload>,
    /// Memory of the accounting in bytes, at the precision of `verify`.
    pub accounting_bytes: f64,
    /// Precision of the accounting: that of the scenario, or `counts` if `full` would take too much memory.
    pub verify: Verify,
    /// The reason in words if `verify` is less precise than the scenario asks for.
    pub verify_note: Option<String>,
    /// True if there is a closed loop. Its sends depend on the server and are not included.
    pub has_closed_loops: bool,
}

/// The expected work of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageWorkload {
    /// Name of the stage.
    pub name: String,
    /// Start in seconds since the start of the load.
    pub start: f64,
    /// Length in seconds. For `find_max`: length of its largest probe.
    pub seconds: f64,
    /// Number of actions.
    pub sends: f64,
    /// Number of deliveries.
    pub deliveries: f64,
    /// Bytes that users send.
    pub sent_bytes: f64,
    /// Bytes that users receive.
    pub received_bytes: f64,
    /// Highest rate as a factor of the average rate.
    pub peak: f64,
}

/// The average effect of one action of a group.
#[derive(Debug, Default, Clone, Copy)]
struct ActionEffect {
    deliveries: f64,
    sent_bytes: f64,
    received_bytes: f64,
}

impl Workload {
    /// Estimates the work of `scenario`.
    pub fn new(scenario: &Scenario) -> Self {
        let users: f64 = scenario.groups.iter().map(|group| f64::from(group.count)).sum();
        let mut start = 0.0;
        let mut stages = Vec::with_capacity(scenario.stages.len());
        for stage in &scenario.stages {
            let work = stage_workload(scenario, stage, start, users);
            start += work.seconds;
            stages.push(work);
        }
        let sends: f64 = stages.iter().map(|stage| stage.sends).sum();
        let deliveries: f64 = stages.iter().map(|stage| stage.deliveries).sum();
        let has_closed_loops = scenario.groups.iter().any(|group| matches!(group.pace, Pace::Closed { .. }));
        let pairs: f64 =
            scenario.groups.iter().map(|group| f64::from(group.count) * recipients(scenario, group, users)).sum();
        // Without closed loops there are no more pairs than deliveries: a user that sends little does not reach all others.
        let pairs = if has_closed_loops { pairs } else { pairs.min(deliveries) };
        let full_bytes = sends * FULL_PER_MESSAGE + pairs * FULL_PER_PAIR;
        let (verify, verify_note) = verify(scenario, full_bytes);
        let accounting_bytes = if verify == Verify::Full { full_bytes } else { sends * COUNTS_PER_MESSAGE };
        Self { stages, accounting_bytes, verify, verify_note, has_closed_loops }
    }

    /// Returns the length of the load in seconds.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }
}

fn verify(scenario: &Scenario, full_bytes: f64) -> (Verify, Option<String>) {
    let gib = |bytes: f64| bytes / 1024.0 / 1024.0 / 1024.0;
    let needs_full = |group: &Group| group.may_come_back() || group.rooms.is_some();
    if scenario.verify != Verify::Full || full_bytes <= FULL_LIMIT || scenario.groups.iter().any(needs_full) {
        return (scenario.verify, None);
    }
    let note = format!(
        "deliveries are counted (verify: counts): message by message they would take {:.1} GiB of memory, and {:.0} GiB is \
         the limit",
        gib(full_bytes),
        gib(FULL_LIMIT)
    );
    (Verify::Counts, Some(note))
}

/// Returns the percentages at the start and the end of a stage, and its length in seconds.
fn extent(stage: &Stage) -> (f64, f64, f64) {
    match &stage.kind {
        // Each probe is a run of its own, so one probe bounds what the search needs at a time.
        StageKind::FindMax(FindMax { max, settle, probe, confirm, .. }) => {
            (*max, *max, (*settle + (*probe).max(*confirm)).as_secs_f64())
        }
        _ => (stage.from, stage.to, stage.duration.as_secs_f64()),
    }
}

fn stage_workload(scenario: &Scenario, stage: &Stage, start: f64, users: f64) -> StageWorkload {
    let (from, to, seconds) = extent(stage);
    let average = f64::midpoint(from, to);
    let mut work = StageWorkload {
        name: stage.name.clone(),
        start,
        seconds,
        sends: 0.0,
        deliveries: 0.0,
        sent_bytes: 0.0,
        received_bytes: 0.0,
        peak: if average > 0.0 { from.max(to) / average } else { 1.0 },
    };
    for (index, group) in scenario.groups.iter().enumerate() {
        let acts = stage.only.as_ref().is_none_or(|only| only.contains(&index));
        let Pace::Open { rate, .. } = group.pace else { continue };
        if !acts || matches!(stage.kind, StageKind::Pause) {
            continue;
        }
        let sends = rate.per_user(group.count) * f64::from(group.count) * average / 100.0 * seconds;
        let effect = action_effect(scenario, group, users);
        work.sends += sends;
        work.deliveries += sends * effect.deliveries;
        work.sent_bytes += sends * effect.sent_bytes;
        work.received_bytes += sends * effect.received_bytes;
    }
    work
}

fn action_effect(scenario: &Scenario, group: &Group, users: f64) -> ActionEffect {
    let weights: f64 = group.actions.iter().map(|weighted| f64::from(weighted.weight)).sum();
    let name = group.name_pattern.name(&group.name, group.count).len() as f64;
    let mut sum = ActionEffect::default();
    for weighted in &group.actions {
        let fraction = f64::from(weighted.weight) / weights;
        let (deliveries, bytes) = match &weighted.action {
            Action::Broadcast { content } => (users, frame_bytes(content, BROADCAST_OVERHEAD + name)),
            Action::Private { to, content } => {
                let deliveries = f64::from(u8::from(!matches!(to, To::Nobody)));
                (deliveries, frame_bytes(content, PRIVATE_OVERHEAD + name))
            }
            Action::Oversize { size } | Action::Garbage { size } => {
                (0.0, f64::from(size.from).midpoint(f64::from(size.to)))
            }
            Action::Frame { text, .. } => (0.0, text.len() as f64),
            Action::HalfFrame { .. } => (0.0, 64.0),
            Action::DuplicateName { .. } | Action::Reconnect { .. } => (0.0, 10.0 + name),
            Action::Say { content } => {
                (room_members(scenario, group), frame_bytes(content, SAY_OVERHEAD + name + room_name(group)))
            }
            // The echoes, member lists and notes to other members are no deliveries.
            Action::JoinRoom | Action::LeaveRoom => (0.0, 7.0 + room_name(group)),
        };
        sum.deliveries += fraction * deliveries;
        sum.sent_bytes += fraction * bytes;
        sum.received_bytes += fraction * deliveries * bytes;
    }
    sum
}

fn room_name(group: &Group) -> f64 {
    group.rooms.as_ref().map_or(0.0, |rooms| rooms.name(&group.name, rooms.count).len() as f64)
}

/// Returns the average number of members of a room to which a user of `group` speaks, with all users in their first rooms.
fn room_members(scenario: &Scenario, group: &Group) -> f64 {
    let Some(rooms) = &group.rooms else { return 0.0 };
    let mut members: FxHashMap<String, f64> = FxHashMap::default();
    for other in &scenario.groups {
        let Some(rooms) = &other.rooms else { continue };
        let joins = f64::from(other.count) * f64::from(rooms.each);
        for (number, share) in (1..).zip(rooms.shares()) {
            // Nobody joins a room twice.
            let joined = (joins * share).min(f64::from(other.count));
            *members.entry(rooms.name(&other.name, number)).or_default() += joined;
        }
    }
    let in_room = |(number, share)| share * members.get(&rooms.name(&group.name, number)).copied().unwrap_or(0.0);
    (1..).zip(rooms.shares()).map(in_room).sum()
}

fn frame_bytes(content: &Content, overhead: f64) -> f64 {
    match content.size {
        Size::Bytes(span) => f64::from(span.from).midpoint(f64::from(span.to)) + overhead,
        Size::Max => LONGEST_FRAME,
    }
}

/// Returns how many users receive messages from one user of `group`.
fn recipients(scenario: &Scenario, group: &Group, users: f64) -> f64 {
    let recipients = group.actions.iter().map(|weighted| match &weighted.action {
        Action::Broadcast { .. } => users,
        Action::Private { to: To::Group(other), .. } => f64::from(scenario.groups[*other].count),
        Action::Private { to: To::Partner, .. } => 1.0,
        Action::Say { .. } => {
            room_members(scenario, group) * group.rooms.as_ref().map_or(0.0, |rooms| f64::from(rooms.each))
        }
        _ => 0.0,
    });
    if matches!(group.pace, Pace::Silent) { 0.0 } else { recipients.fold(0.0, f64::max) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::Plan;

    fn scenario(rate: &str, load: &str) -> Scenario {
        let text = format!(
            "name: t\nusers: {{ u: {{ count: 20, rate: {rate}, do: [ {{ broadcast: {{}} }} ] }} }}\nload: [ {load} ]\n\
             expect: [ \"lost == 0\" ]"
        );
        mychat_scenario::parse("t.yaml", &text).unwrap_or_else(|errors| panic!("{errors}")).scenario
    }

    #[test]
    fn a_search_counts_as_its_largest_probe() {
        let search = scenario("100/s", "{ find_max: { start: 100%, max: 400%, settle: 2s, probe: 5s, confirm: 10s } }");
        let work = Workload::new(&search);
        assert!((work.seconds() - 12.0).abs() < 1e-9, "{}", work.seconds());
        assert!((work.stages[0].sends - 4800.0).abs() < 1e-6, "{}", work.stages[0].sends);
        assert!((work.stages[0].deliveries - 96_000.0).abs() < 1e-6, "{}", work.stages[0].deliveries);
        assert!(work.accounting_bytes > 4800.0 * FULL_PER_MESSAGE);
    }

    #[test]
    fn a_plan_counts_deliveries_if_their_ledger_would_not_fit() {
        let plan = |load: &str| Plan::new(Arc::new(scenario("10000/s", load)), 1);
        let short = plan("{ hold: 10s }");
        assert_eq!((short.verify, short.verify_note), (Verify::Full, None));
        // 100 million messages of 24 bytes.
        let long = plan("{ hold: 10000s }");
        assert_eq!(long.verify, Verify::Counts);
        assert!(long.verify_note.is_some_and(|note| note.contains("2.2 GiB")));
    }
}
