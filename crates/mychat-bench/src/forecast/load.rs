//! The resources that a scenario needs: users, ports, memory, and the expected work of each stage.

use mychat_load::plan::Workload;
use mychat_load::record::recorder::Latency;
use mychat_scenario::Scenario;
use mychat_scenario::model::{Action, Group, Pace, Stage, StageKind, To};

/// Bytes per user: its state, its socket, its inbox.
const USER: f64 = 4096.0;
/// Bytes of the program without users.
const PROGRAM: f64 = 10.0 * 1024.0 * 1024.0;
/// Seconds for which the system keeps the port of a closed connection (`TIME_WAIT`).
const TIME_WAIT: f64 = 60.0;

/// The resources that a run of a scenario needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Number of users.
    pub users: f64,
    /// Seconds until all users have joined.
    pub joining: f64,
    /// Expected work of the load.
    pub load: Workload,
    /// Connections per second that replace closed ones, because users leave and return.
    pub returns: f64,
    /// Number of ports: one per user, and those in `TIME_WAIT`.
    pub ports: f64,
    /// Memory in bytes, accounting included.
    pub memory: f64,
}

impl Forecast {
    /// Estimates the needs of `scenario`. All users are assumed to be online all the time.
    pub fn new(scenario: &Scenario) -> Self {
        let users: f64 = scenario.groups.iter().map(|group| f64::from(group.count)).sum();
        let load = Workload::new(scenario);
        let returns = scenario.groups.iter().filter_map(|group| {
            let session = group.session?;
            Some(f64::from(group.count) / (session.from + session.to).as_secs_f64().max(0.002) * 2.0)
        });
        let returns: f64 = returns.sum();
        Self {
            users,
            joining: scenario.groups.iter().map(|group| f64::from(group.count) / group.join).fold(0.0, f64::max),
            returns,
            ports: users + returns * TIME_WAIT.min(load.seconds()),
            memory: PROGRAM + users * USER + load.accounting_bytes + histograms(scenario),
            load,
        }
    }

    /// Returns the highest number of deliveries per second.
    pub fn most_deliveries(&self) -> f64 {
        let stages = self.load.stages.iter();
        stages.map(|stage| stage.deliveries / stage.seconds.max(0.001) * stage.peak).fold(0.0, f64::max)
    }
}

/// Returns the bytes of all histograms. Samples are kept by stage, group and action, for the whole run and for the current
/// interval, by each worker and by the coordinator.
fn histograms(scenario: &Scenario) -> f64 {
    let each = (Latency::default().histogram.distinct_values() * size_of::<u64>()) as f64;
    let shouted = scenario.groups.iter().any(|group| does(group, |action| matches!(action, Action::Broadcast { .. })));
    let of_stage = |stage: &Stage| -> f64 {
        let acts = |index: &usize| stage.only.as_ref().is_none_or(|only| only.contains(index));
        let timed = scenario.groups.iter().enumerate().filter(|(index, _)| acts(index)).map(|(_, group)| timed(group));
        // Each broadcast is timed from its due time and from its actual sending.
        let heard = if shouted { 2 * scenario.groups.len() } else { 0 };
        if matches!(stage.kind, StageKind::Pause) { 0.0 } else { (timed.sum::<usize>() + heard) as f64 }
    };
    let stages = scenario.stages.iter().map(of_stage);
    let most = stages.clone().fold(0.0, f64::max);
    // Connect and ack during login; of the current stage, both the workers and the coordinator keep histograms.
    (stages.sum::<f64>() + 2.0 * most + 2.0 * scenario.groups.len() as f64) * each
}

fn does(group: &Group, wanted: impl Fn(&Action) -> bool) -> bool {
    !matches!(group.pace, Pace::Silent) && group.actions.iter().any(|weighted| wanted(&weighted.action))
}

/// Returns the number of timed metrics of a group's actions, without the delivery of broadcasts.
fn timed(group: &Group) -> usize {
    let broadcasts = does(group, |action| matches!(action, Action::Broadcast { .. }));
    let messages = does(group, |action| matches!(action, Action::Private { to, .. } if !matches!(to, To::Nobody)));
    let answered = does(group, |action| matches!(action, Action::Private { to: To::Nobody, .. }));
    // Lateness, first, last and spread; delivery, service and lateness; ack.
    4 * usize::from(broadcasts) + 3 * usize::from(messages) + usize::from(answered)
}
