//! `abort_if`: conditions that end a run early, checked after each interval.

use std::time::Duration;

use super::expect;
use crate::engine::coordinator::Observations;
use crate::plan::Plan;
use crate::record::recorder::Recorder;

/// For each condition of `abort_if`: for how long it has held without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortMonitor {
    held_for: Vec<Duration>,
}

impl AbortMonitor {
    /// Returns a monitor for `plan`.
    pub fn new(plan: &Plan) -> Self {
        Self { held_for: vec![Duration::ZERO; plan.scenario.abort_if.len()] }
    }

    /// Checks the records of one interval of the given length. Returns the index of the first condition that has held for as long as its `for`
    /// says; without `for`, one interval is enough.
    pub fn check_interval(&mut self, plan: &Plan, recorded: &Recorder, length: Duration) -> Option<usize> {
        if self.held_for.is_empty() {
            return None;
        }
        let seen = Observations::of_interval(recorded.clone());
        let conditions = plan.scenario.abort_if.iter().zip(&mut self.held_for);
        let mut met = None;
        for (index, (condition, held_for)) in conditions.enumerate() {
            let holds = expect::assess(plan, &seen, condition).ok == Some(true);
            *held_for = if holds { *held_for + length } else { Duration::ZERO };
            if holds && *held_for >= condition.window.unwrap_or(Duration::ZERO) {
                met = met.or(Some(index));
            }
        }
        met
    }
}
