//! Turns observations into a verdict: [`validity`] checks that the generator itself was fast enough, [`expect`] checks each
//! expectation of the scenario and those that every run has.

pub mod expect;
mod abort;
mod implicit;
mod measure;
mod percentile;
pub mod validity;

pub use abort::AbortMonitor;
pub use implicit::EVERYBODY_IS_LET_IN;
pub use measure::{MeasuredValue, latency_of, measure, places, samples};
pub use percentile::samples_needed;

use serde::{Deserialize, Serialize};

use crate::Exit;
use crate::engine::coordinator::Observations;
use crate::plan::Plan;
use expect::Expectation;
use mychat_scenario::model::{Condition, Metric, Op, Unit, Value};
use validity::{Validity, ValidityCheck};

/// The verdict on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All expectations hold.
    Pass,
    /// An expectation does not hold.
    Fail,
    /// No conclusion is possible.
    Inconclusive,
    /// The run was stopped before its end.
    Interrupted,
}

impl Verdict {
    /// Returns the verdict of an exit code; `None` if there was no run to judge.
    pub const fn of(exit: Exit) -> Option<Self> {
        match exit {
            Exit::Success => Some(Self::Pass),
            Exit::Failed => Some(Self::Fail),
            Exit::Inconclusive => Some(Self::Inconclusive),
            Exit::Interrupted => Some(Self::Interrupted),
            Exit::Usage | Exit::CouldNotRun | Exit::TooLittleData => None,
        }
    }
}

/// The verdict on a run with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The verdict.
    pub verdict: Verdict,
    /// Exit code of the tool.
    pub exit: Exit,
    /// Validity of the run: could the generator keep its schedule?
    pub validity_check: ValidityCheck,
    /// The result of each expectation.
    pub expectations: Vec<Expectation>,
}

/// Judges a run: validity first, then each expectation.
pub fn assess(plan: &Plan, seen: &Observations) -> Assessment {
    let mut validity_check = validity::assess(plan, seen);
    let expectations: Vec<Expectation> =
        plan.scenario.expect.iter().map(|condition| expect::assess(plan, seen, condition)).collect();
    if plan
        .scenario
        .expect
        .iter()
        .zip(&expectations)
        .any(|(condition, result)| needs_exact_latencies(condition, result))
    {
        validity_check.require_exact_latencies();
    }
    let aborted = seen.aborted.and_then(|index| plan.scenario.abort_if.get(index)).map(Expectation::aborted);
    let implicit = implicit::assess(plan, seen);
    let expectations: Vec<Expectation> = implicit.into_iter().chain(aborted).chain(expectations).collect();
    let is_broken = |exact| expectations.iter().any(|e| e.ok == Some(false) && e.exact == exact);
    let undecided = expectations.iter().any(|expectation| expectation.ok.is_none() && !expectation.idle);
    // A late generator makes latencies wrong, but not counts: a broken count decides even an invalid run. Users that this
    // machine could not connect make counts wrong as well.
    let (verdict, exit) = if seen.interrupted {
        (Verdict::Interrupted, Exit::Interrupted)
    } else if seen.local_failures.count > 0 {
        (Verdict::Inconclusive, Exit::Inconclusive)
    } else if is_broken(true) {
        (Verdict::Fail, Exit::Failed)
    } else if validity_check.validity == Validity::Invalid || undecided && !is_broken(false) {
        (Verdict::Inconclusive, Exit::Inconclusive)
    } else if is_broken(false) {
        (Verdict::Fail, Exit::Failed)
    } else {
        (Verdict::Pass, Exit::Success)
    };
    Assessment { verdict, exit, validity_check, expectations }
}

/// Returns true unless upper limits of latencies prove the result: a latency is below a number if its upper limit is.
fn needs_exact_latencies(condition: &Condition, result: &Expectation) -> bool {
    let is_below_a_number =
        matches!(condition.op, Op::Less | Op::AtMost) && matches!(condition.value, Value::Number(_));
    let ends_at_an_arrival = result.unit == Unit::Latency && condition.measure.metric != Metric::Lateness;
    ends_at_an_arrival && !(is_below_a_number && result.ok == Some(true))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::{GroupId, StageId};
    use crate::record::receive_figures::{ArrivalSource, ReceiveFigures};
    use crate::record::recorder::{Count, Place, Recorder, Shape};

    #[test]
    fn latencies_that_are_upper_limits_prove_that_a_limit_holds_and_nothing_else() {
        let judged = |expect: &str, error: u64| {
            let text = format!(
                "name: t\nusers: {{ u: {{ count: 2, rate: 1/s, do: [ {{ broadcast: {{}} }} ] }} }}\nload: [ {{ hold: 1s }} ]\n\
                 expect: [ \"{expect}\" ]"
            );
            let plan = Plan::new(Arc::new(mychat_scenario::parse("t.yaml", &text).unwrap().scenario), 1);
            let mut recorder = Recorder::new(Shape { stages: 1, groups: 1 });
            let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
            for _ in 0..2 {
                recorder.count(place, Count::Connected);
            }
            for _ in 0..1000 {
                recorder.count(place, Count::Sent);
                recorder.cell(place).delivery(10_000_000, Some(10_000_000));
            }
            let mut seen = Observations::of_interval(recorder);
            seen.receive = ReceiveFigures { source: ArrivalSource::Kernel, ..ReceiveFigures::default() };
            seen.arrival_error.record_all(error, 1000);
            assess(&plan, &seen).verdict
        };
        assert_eq!(judged("delivery.p50 < 20ms", 8_000_000), Verdict::Pass);
        assert_eq!(judged("delivery.p50 < 5ms", 8_000_000), Verdict::Inconclusive, "it may have been 2 ms");
        assert_eq!(judged("delivery.p50 > 5ms", 8_000_000), Verdict::Inconclusive, "it may have been 2 ms");
        assert_eq!(judged("delivery.p50 < 5ms", 0), Verdict::Fail);
        assert_eq!(judged("delivery.p50 > 5ms", 0), Verdict::Pass);
    }
}
