//! What was seen into verdicts: was the run itself sound ([`validity`]), and does every expectation hold ([`expect`])?

pub mod expect;
mod abort;
mod measure;
pub mod validity;

pub use abort::Alarm;
pub use measure::{Figure, figure, latency_of, needed, places, samples};

use serde::{Deserialize, Serialize};

use crate::Exit;
use crate::engine::conduct::Observations;
use crate::plan::Plan;
use expect::Expectation;
use validity::{Soundness, Validity};

/// The verdict on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything held.
    Pass,
    /// The server fell short.
    Fail,
    /// Nothing can be concluded.
    Inconclusive,
    /// Stopped before its end.
    Interrupted,
}

impl Verdict {
    /// The verdict that goes with an ending; `None` for one that is none, such as a run that could not begin.
    pub const fn of(exit: Exit) -> Option<Self> {
        match exit {
            Exit::Held => Some(Self::Pass),
            Exit::FellShort => Some(Self::Fail),
            Exit::Inconclusive => Some(Self::Inconclusive),
            Exit::Interrupted => Some(Self::Interrupted),
            Exit::Usage | Exit::CouldNotRun => None,
        }
    }
}

/// All that was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// How the tool ends.
    pub exit: Exit,
    /// Whether the generator kept to its schedule.
    pub soundness: Soundness,
    /// Each expectation.
    pub expectations: Vec<Expectation>,
}

/// Judges a run.
pub fn judge(plan: &Plan, seen: &Observations) -> Judgement {
    let soundness = validity::judge(plan, seen);
    let expectations: Vec<Expectation> =
        plan.scenario.expect.iter().map(|condition| expect::judge(plan, seen, condition)).collect();
    let alarm = seen.aborted.and_then(|index| plan.scenario.abort_if.get(index)).map(Expectation::aborted);
    let deserted = if seen.interrupted { None } else { Expectation::deserted(plan, seen) };
    let expectations: Vec<Expectation> = deserted.into_iter().chain(alarm).chain(expectations).collect();
    let broken = |exact| expectations.iter().any(|e| e.ok == Some(false) && e.exact == exact);
    let undecided = expectations.iter().any(|expectation| expectation.ok.is_none() && !expectation.idle);
    // A count is true however late the generator was; a latency is not.
    let (verdict, exit) = if seen.interrupted {
        (Verdict::Interrupted, Exit::Interrupted)
    } else if broken(true) {
        (Verdict::Fail, Exit::FellShort)
    } else if soundness.validity == Validity::Invalid || undecided && !broken(false) {
        (Verdict::Inconclusive, Exit::Inconclusive)
    } else if broken(false) {
        (Verdict::Fail, Exit::FellShort)
    } else {
        (Verdict::Pass, Exit::Held)
    };
    Judgement { verdict, exit, soundness, expectations }
}
