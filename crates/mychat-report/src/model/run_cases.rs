//! View of a run's cases as a conformance result, so that all reports show the same failure cards.

use super::RunResult;
use super::conformance::{ConformanceResult, SuiteRunInfo, build};
use mychat_conformance::probe::Profile;
use mychat_conformance::{Outcome, Status};
use mychat_load::verdict::Verdict;

/// Returns the cases of a run as a conformance result.
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
        options: Vec::new(),
    };
    build(result.cases.clone(), about, result.verdict == Verdict::Interrupted)
}

/// Returns true if the case has a failure card.
pub(crate) const fn needs_card(case: &Outcome) -> bool {
    matches!(case.status, Status::Fail | Status::Inconclusive)
}

/// Returns the one-line note beside the title.
pub(crate) fn remark(case: &Outcome) -> &str {
    let remark = match case.status {
        Status::Pass => case.observed.as_deref(),
        Status::Fail => case.got.as_deref(),
        Status::Inconclusive | Status::Skipped => case.reason.as_deref(),
    };
    remark.unwrap_or_default()
}
