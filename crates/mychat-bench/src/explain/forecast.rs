//! What a scenario asks for, as averages: how much is sent and delivered in each stage, and what the accounts take.

use mychat_load::record::recorder::Latency;
use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Content, Group, Pace, Size, Stage, StageKind, To, Verify};

/// `BROADCAST|name|content` and `MESSAGE|name|content` around the name and the content, with the terminator.
const BROADCAST: f64 = 12.0;
const MESSAGE: f64 = 10.0;
/// The longest frame that `size: max` makes, with its terminator.
const LONGEST: f64 = 1024.0;
/// Bytes of the accounts: a message in the log and again when it is reckoned up, and one pair of users that heard of
/// each other, with the spare room of a table.
const ENTRY: f64 = 8.0 + 16.0;
const PAIR: f64 = 80.0;
/// What a user takes beside that: its state, its socket, its inbox.
const USER: f64 = 4096.0;
/// Bytes of a message in accounts that only count.
const SUMMED: f64 = 16.0;
/// Bytes that accounts message by message may take; above that, deliveries are counted (`verify: counts`).
const BUDGET: f64 = 2.0 * 1024.0 * 1024.0 * 1024.0;
/// What the program takes without any users.
const PROGRAM: f64 = 10.0 * 1024.0 * 1024.0;
/// How long systems keep the port of a connection that is over.
const PORT_REST: f64 = 60.0;

/// What happens in one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The stage.
    pub stage: String,
    /// Seconds from the start of the load.
    pub start: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Actions in all.
    pub sends: f64,
    /// Deliveries in all.
    pub deliveries: f64,
    /// Bytes that users send.
    pub out: f64,
    /// Bytes that users receive.
    pub received: f64,
    /// How much higher than the average the rate becomes.
    pub peak: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Users.
    pub users: f64,
    /// Seconds until all have joined.
    pub joining: f64,
    /// The stages.
    pub parts: Vec<Part>,
    /// Connections that are replaced each second, because users leave and come back.
    pub returns: f64,
    /// Ports: one a user, and those that rest.
    pub ports: f64,
    /// Bytes that it takes, with the accounts that it will have.
    pub memory: f64,
    /// How exactly deliveries are accounted for.
    pub verify: Verify,
    /// Why not message by message, where the scenario asks for that.
    pub reduced: Option<String>,
    /// Whether somebody acts in a closed loop: what it sends depends on the server, and is not in the sums.
    pub loops: bool,
}

/// What one action of a group makes on average.
#[derive(Debug, Default, Clone, Copy)]
struct Effect {
    deliveries: f64,
    out: f64,
    received: f64,
}

impl Forecast {
    /// Looks ahead. Everybody is taken to be there all the time.
    pub fn new(scenario: &Scenario) -> Self {
        let users: f64 = scenario.groups.iter().map(|group| f64::from(group.count)).sum();
        let mut start = 0.0;
        let parts: Vec<Part> = scenario
            .stages
            .iter()
            .map(|stage| {
                let part = part(scenario, stage, start, users);
                start += part.seconds;
                part
            })
            .collect();
        let returns = scenario.groups.iter().filter_map(|group| {
            let session = group.session?;
            Some(f64::from(group.count) / (session.from + session.to).as_secs_f64().max(0.002) * 2.0)
        });
        let returns: f64 = returns.sum();
        let sends: f64 = parts.iter().map(|part| part.sends).sum();
        let pairs: f64 =
            scenario.groups.iter().map(|group| f64::from(group.count) * peers(scenario, group, users)).sum();
        let deliveries: f64 = parts.iter().map(|part| part.deliveries).sum();
        let loops = scenario.groups.iter().any(|group| matches!(group.pace, Pace::Closed { .. }));
        // Who hardly says anything is not heard of by all, in the end.
        let pairs = if loops { pairs } else { pairs.min(deliveries) };
        let full = sends * ENTRY + pairs * PAIR;
        let (verify, reduced) = verify(scenario, full);
        let accounts = if verify == Verify::Full { full } else { sends * SUMMED };
        Self {
            users,
            joining: scenario.groups.iter().map(|group| f64::from(group.count) / group.join).fold(0.0, f64::max),
            parts,
            returns,
            ports: users + returns * PORT_REST.min(start),
            memory: PROGRAM + users * USER + accounts + histograms(scenario),
            verify,
            reduced,
            loops,
        }
    }

    /// The most deliveries per second.
    pub fn most_deliveries(&self) -> f64 {
        self.parts.iter().map(|part| part.deliveries / part.seconds.max(0.001) * part.peak).fold(0.0, f64::max)
    }
}

fn verify(scenario: &Scenario, full: f64) -> (Verify, Option<String>) {
    let gib = |bytes: f64| bytes / 1024.0 / 1024.0 / 1024.0;
    if scenario.verify != Verify::Full || full <= BUDGET || scenario.groups.iter().any(Group::may_come_back) {
        return (scenario.verify, None);
    }
    let reason = format!(
        "deliveries are counted (verify: counts): message by message they would take {:.1} GiB of memory, and {:.0} GiB is \
         the limit",
        gib(full),
        gib(BUDGET)
    );
    (Verify::Counts, Some(reason))
}

fn part(scenario: &Scenario, stage: &Stage, start: f64, users: f64) -> Part {
    let seconds = stage.duration.as_secs_f64();
    let average = f64::midpoint(stage.from, stage.to);
    let mut part = Part {
        stage: stage.name.clone(),
        start,
        seconds,
        sends: 0.0,
        deliveries: 0.0,
        out: 0.0,
        received: 0.0,
        peak: if average > 0.0 { stage.from.max(stage.to) / average } else { 1.0 },
    };
    for (index, group) in scenario.groups.iter().enumerate() {
        let acts = stage.only.as_ref().is_none_or(|only| only.contains(&index));
        let Pace::Open { rate, .. } = group.pace else { continue };
        if !acts || matches!(stage.kind, StageKind::Pause) {
            continue;
        }
        let sends = rate.per_user(group.count) * f64::from(group.count) * average / 100.0 * seconds;
        let effect = effect(group, users);
        part.sends += sends;
        part.deliveries += sends * effect.deliveries;
        part.out += sends * effect.out;
        part.received += sends * effect.received;
    }
    part
}

fn effect(group: &Group, users: f64) -> Effect {
    let weights: f64 = group.actions.iter().map(|weighted| f64::from(weighted.weight)).sum();
    let name = group.name_pattern.name(&group.name, group.count).len() as f64;
    let mut sum = Effect::default();
    for weighted in &group.actions {
        let share = f64::from(weighted.weight) / weights;
        let (deliveries, out) = match &weighted.action {
            Action::Broadcast { content } => (users, bytes(content, BROADCAST + name)),
            Action::Private { to, content } => {
                let answered = f64::from(u8::from(!matches!(to, To::Nobody)));
                (answered, bytes(content, MESSAGE + name))
            }
            Action::Oversize { size } | Action::Garbage { size } => {
                (0.0, f64::from(size.from).midpoint(f64::from(size.to)))
            }
            Action::Frame { text, .. } => (0.0, text.len() as f64),
            Action::HalfFrame { .. } => (0.0, 64.0),
            Action::DuplicateName { .. } | Action::Reconnect { .. } => (0.0, 10.0 + name),
        };
        sum.deliveries += share * deliveries;
        sum.out += share * out;
        sum.received += share * deliveries * out;
    }
    sum
}

fn bytes(content: &Content, around: f64) -> f64 {
    match content.size {
        Size::Bytes(span) => f64::from(span.from).midpoint(f64::from(span.to)) + around,
        Size::Max => LONGEST,
    }
}

/// Bytes of all histograms: what is timed is kept by stage, group and action, in whole and of the present interval, by the
/// worker and by the conductor.
fn histograms(scenario: &Scenario) -> f64 {
    let each = (Latency::default().histogram.distinct_values() * size_of::<u64>()) as f64;
    let shouted = scenario.groups.iter().any(|group| does(group, |action| matches!(action, Action::Broadcast { .. })));
    let of_stage = |stage: &Stage| -> f64 {
        let acts = |index: &usize| stage.only.as_ref().is_none_or(|only| only.contains(index));
        let timed = scenario.groups.iter().enumerate().filter(|(index, _)| acts(index)).map(|(_, group)| timed(group));
        // Everybody hears: when it was due, and when it was really sent.
        let heard = if shouted { 2 * scenario.groups.len() } else { 0 };
        if matches!(stage.kind, StageKind::Pause) { 0.0 } else { (timed.sum::<usize>() + heard) as f64 }
    };
    let stages = scenario.stages.iter().map(of_stage);
    let most = stages.clone().fold(0.0, f64::max);
    // Everybody's connect and ack while joining; of the present stage, what a worker fills and the conductor adds up.
    (stages.sum::<f64>() + 2.0 * most + 2.0 * scenario.groups.len() as f64) * each
}

fn does(group: &Group, wanted: impl Fn(&Action) -> bool) -> bool {
    !matches!(group.pace, Pace::Silent) && group.actions.iter().any(|weighted| wanted(&weighted.action))
}

/// How many things are timed of what a group does, but for broadcasts as they are heard.
fn timed(group: &Group) -> usize {
    let broadcasts = does(group, |action| matches!(action, Action::Broadcast { .. }));
    let messages = does(group, |action| matches!(action, Action::Private { to, .. } if !matches!(to, To::Nobody)));
    let answered = does(group, |action| matches!(action, Action::Private { to: To::Nobody, .. }));
    // Lateness, first, last and spread; delivery, service and lateness; ack.
    4 * usize::from(broadcasts) + 3 * usize::from(messages) + usize::from(answered)
}

/// How many others one user of a group is heard by.
fn peers(scenario: &Scenario, group: &Group, users: f64) -> f64 {
    let heard = group.actions.iter().map(|weighted| match &weighted.action {
        Action::Broadcast { .. } => users,
        Action::Private { to: To::Group(other), .. } => f64::from(scenario.groups[*other].count),
        Action::Private { to: To::Partner, .. } => 1.0,
        _ => 0.0,
    });
    if matches!(group.pace, Pace::Silent) { 0.0 } else { heard.fold(0.0, f64::max) }
}
