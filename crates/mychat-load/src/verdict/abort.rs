//! `abort_if`: conditions that end a run early, looked at after every interval.

use std::time::Duration;

use super::expect;
use crate::engine::conduct::Observations;
use crate::plan::Plan;
use crate::record::recorder::Recorder;

/// For how long each condition has held so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    held: Vec<Duration>,
    interval: Duration,
}

impl Alarm {
    /// None of them has held yet.
    pub fn new(plan: &Plan, interval: Duration) -> Self {
        Self { held: vec![Duration::ZERO; plan.scenario.abort_if.len()], interval }
    }

    /// Looks at what one interval recorded. Gives the index of a condition that has held for as long as it says; one
    /// without `for` needs a single interval.
    pub fn ring(&mut self, plan: &Plan, recorded: &Recorder) -> Option<usize> {
        if self.held.is_empty() {
            return None;
        }
        let seen = Observations::of_interval(recorded.clone());
        let conditions = plan.scenario.abort_if.iter().zip(&mut self.held);
        let mut rings = None;
        for (index, (condition, held)) in conditions.enumerate() {
            let holds = expect::judge(plan, &seen, condition).ok == Some(true);
            *held = if holds { *held + self.interval } else { Duration::ZERO };
            if holds && *held >= condition.window.unwrap_or(Duration::ZERO) {
                rings = rings.or(Some(index));
            }
        }
        rings
    }
}
