//! A run's cases as the conformance suite sees its checks, so that a failed one is the same card in every writing.

use super::conformance::ConformanceResult;
use super::conformance::result::{About, build};
use super::result::RunResult;
use mychat_conformance::script::{Outcome, Status};
use mychat_conformance::suite::probe::Profile;
use mychat_load::verdict::Verdict;

/// The cases of a run as a conformance result of their own.
pub(super) fn view(result: &RunResult) -> ConformanceResult {
    let about = About {
        suite: result.scenario.file.clone(),
        target: result.target.clone(),
        profile: Profile::default(),
        notes: Vec::new(),
        seed: result.scenario.seed,
        started: result.started.clone(),
        seconds: result.cases.iter().map(|case| case.seconds).sum(),
        strict: false,
    };
    build(result.cases.clone(), about, result.verdict == Verdict::Interrupted)
}

/// Whether there is more to say of a case than that it ended as it should.
pub(super) const fn has_card(case: &Outcome) -> bool {
    matches!(case.status, Status::Fail | Status::Inconclusive)
}

/// What there is to say on one line beside the title.
pub(super) fn remark(case: &Outcome) -> &str {
    let remark = match case.status {
        Status::Pass => case.observed.as_deref(),
        Status::Fail => case.got.as_deref(),
        Status::Inconclusive | Status::Skipped => case.reason.as_deref(),
    };
    remark.unwrap_or_default()
}
