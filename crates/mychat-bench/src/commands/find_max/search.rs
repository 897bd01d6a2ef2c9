//! Search strategy: growth until a probe fails, bisection, confirmation. It has no clock and no sockets.

use super::evidence::{Deliveries, SearchEvidence};
use mychat_report::model::SearchPhase as Phase;
use mychat_scenario::model::FindMax;

/// Outcome of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeOutcome {
    /// All expectations held.
    Passed,
    /// An expectation failed.
    Failed,
    /// No user could log in, so there was no load.
    NoLogin,
    /// Some users could not log in, so the load was less than planned.
    UsersMissing,
    /// The generator was the limit, so nothing is known about the server.
    GeneratorLimit,
}

/// Next step of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Next {
    /// Run a probe at this percentage.
    Probe(f64, Phase),
    /// End the search.
    Done(End),
}

/// Reason for the end of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The answer is known and confirmed.
    Confirmed,
    /// All probes up to the scenario's `max` passed.
    AtMost,
    /// No probe passed, not even at low rates.
    Nothing,
    /// Every probe lacked users, and no probe passed. Less load would not help.
    UsersMissing,
    /// Violations at every rate, in proportion to what is sent. Less load would not help.
    Proportional,
    /// Probes passed, but they are too short to contain the violations that others showed.
    TooFewDeliveries,
    /// The server accepts no logins. Less load would not help.
    FellOver,
    /// The generator was the limit.
    Generator,
}

/// Search in progress.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    settings: FindMax,
    /// Highest percentage that passed.
    pub(crate) low: Option<f64>,
    /// Lowest percentage that failed.
    pub(crate) high: Option<f64>,
    /// Repetitions of the last percentage because of the generator or failed logins.
    again: (f64, u32),
    evidence: SearchEvidence,
    /// Number of probes that confirmed the answer.
    confirmations: u32,
    /// Set once a longer probe failed where a short one passed: the next step down, as a share of the failed percentage. From
    /// then on all probes are long.
    step: Option<f64>,
    stuck: Option<End>,
}

/// Attempts per percentage before the generator or the server is taken for the limit.
const TRIES: u32 = 3;
/// The search gives up below `start` divided by this.
const LEAST: f64 = 64.0;
/// Largest step down. A server's sustained rate can be far below its short-term rate.
const LARGEST_STEP: f64 = 0.5;

impl Search {
    pub(crate) fn new(settings: &FindMax) -> Self {
        Self {
            settings: settings.clone(),
            low: None,
            high: None,
            again: (0.0, 0),
            evidence: SearchEvidence::default(),
            confirmations: 0,
            step: None,
            stuck: None,
        }
    }

    /// Returns the next step.
    pub(crate) fn next(&self) -> Next {
        if let Some(end) = self.stuck {
            return Next::Done(end);
        }
        let phase = if self.step.is_some() { Phase::Confirm } else { Phase::Bisect };
        match (self.low, self.high) {
            (None, None) => Next::Probe(self.settings.start, Phase::Grow),
            // Halves the rate until a probe passes.
            (None, Some(high)) if high <= self.settings.start / LEAST => Next::Done(End::Nothing),
            (None, Some(high)) => match self.step {
                Some(step) => Next::Probe(high * (1.0 - step), Phase::Confirm),
                None => Next::Probe(high / 2.0, Phase::Grow),
            },
            (Some(low), None) if low < self.settings.max => {
                Next::Probe((low * self.settings.grow).min(self.settings.max), Phase::Grow)
            }
            (Some(low), Some(high)) if (high - low) / high > self.settings.within + 1e-9 => {
                Next::Probe(f64::midpoint(low, high), phase)
            }
            (Some(low), _) if self.confirmations == 0 => Next::Probe(low, Phase::Confirm),
            (Some(low), _) if !self.is_proven(low) && self.confirmations < TRIES => Next::Probe(low, Phase::Confirm),
            (Some(low), _) if !self.is_proven(low) => Next::Done(End::TooFewDeliveries),
            (Some(_), None) => Next::Done(End::AtMost),
            (Some(_), Some(_)) => Next::Done(End::Confirmed),
        }
    }

    /// Returns the percentage of the first probe.
    pub(crate) fn start(&self) -> f64 {
        self.settings.start
    }

    /// Returns the evidence of the probes so far.
    pub(crate) fn evidence(&self) -> &SearchEvidence {
        &self.evidence
    }

    /// Returns true if the probes that passed are long enough for `low` to be the answer.
    fn is_proven(&self, low: f64) -> bool {
        self.evidence.is_long_enough_at(low) && (low >= self.settings.start || self.evidence.is_enough_at(low))
    }

    /// Records the outcome of a probe with its deliveries.
    pub(crate) fn record(&mut self, percent: f64, phase: Phase, outcome: ProbeOutcome, deliveries: Deliveries) {
        if matches!(outcome, ProbeOutcome::Passed | ProbeOutcome::Failed) {
            self.evidence.add(percent, deliveries, outcome == ProbeOutcome::Passed);
        }
        // Users who are missing at a rate above one that passed are a consequence of the rate. Below it, the rate is not
        // the cause.
        let outcome = match outcome {
            ProbeOutcome::UsersMissing if self.low.is_some() => ProbeOutcome::Failed,
            outcome => outcome,
        };
        match (outcome, phase) {
            (ProbeOutcome::GeneratorLimit | ProbeOutcome::NoLogin | ProbeOutcome::UsersMissing, _) => {
                // A single failure may be a disturbance. Repeated failures at one percentage are a limit.
                let before = if self.again.0.to_bits() == percent.to_bits() { self.again.1 } else { 0 };
                self.again = (percent, before + 1);
                let end = match outcome {
                    ProbeOutcome::NoLogin => End::FellOver,
                    ProbeOutcome::UsersMissing => End::UsersMissing,
                    _ => End::Generator,
                };
                self.stuck = (before + 1 >= TRIES).then_some(end);
            }
            (ProbeOutcome::Passed, Phase::Confirm) => {
                self.confirmations += 1;
                self.low = Some(percent);
            }
            (ProbeOutcome::Passed, _) => self.low = Some(percent),
            (ProbeOutcome::Failed, Phase::Confirm) => {
                // A rate that passes only a short probe is no answer. Larger steps down follow until a long probe passes, then
                // bisection with long probes.
                self.high = Some(percent);
                if self.confirmations == 0 || self.low.is_some_and(|low| percent <= low) {
                    self.confirmations = 0;
                    self.low = None;
                    self.step = Some(self.step.map_or(self.settings.within, |step| (step * 2.0).min(LARGEST_STEP)));
                }
            }
            (ProbeOutcome::Failed, _) => self.high = Some(percent),
        }
        if outcome == ProbeOutcome::Failed && self.evidence.is_proportional() {
            self.stuck = Some(End::Proportional);
        }
    }
}

#[cfg(test)]
mod tests;
