//! A run's cases as the conformance suite sees its checks, so that a failed one is the same card in every writing.

use super::RunResult;
use super::conformance::{ConformanceResult, SuiteRunInfo, build};
use mychat_conformance::probe::Profile;
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;

/// The cases of a run as a conformance result of their own.
pub(crate) fn as_conformance_result(result: &RunResult) -> ConformanceResult {
    let about = SuiteRunInfo {
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
pub(crate) const fn needs_card(case: &Outcome) -> bool {
    matches!(case.status, Status::Fail | Status::Inconclusive)
}

/// What there is to say on one line beside the title.
pub(crate) fn remark(case: &Outcome) -> &str {
    let remark = match case.status {
        Status::Pass => case.observed.as_deref(),
        Status::Fail => case.got.as_deref(),
        Status::Inconclusive | Status::Skipped => case.reason.as_deref(),
    };
    remark.unwrap_or_default()
}
