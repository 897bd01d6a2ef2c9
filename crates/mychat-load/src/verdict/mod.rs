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
    let validity_check = validity::assess(plan, seen);
    let expectations: Vec<Expectation> =
        plan.scenario.expect.iter().map(|condition| expect::assess(plan, seen, condition)).collect();
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
