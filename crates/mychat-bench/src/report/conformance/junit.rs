//! The result as JUnit XML: a suite a group of checks, a case a check.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::card;
use super::result::ConformanceResult;
use crate::script::{Outcome, Status};

/// Writes the result.
pub fn junit(result: &ConformanceResult) -> Result<String, String> {
    let mut report = Report::new("mychat-bench conformance");
    report.set_time(Duration::from_secs_f64(result.seconds.max(0.0)));
    let mut groups: Vec<(&str, TestSuite)> = Vec::new();
    for check in &result.checks {
        let group = check.id.split('.').next().unwrap_or("cases");
        if !groups.iter().any(|(name, _)| *name == group) {
            groups.push((group, TestSuite::new(group)));
        }
        if let Some((_, suite)) = groups.iter_mut().find(|(name, _)| *name == group) {
            suite.add_test_case(case(check, result));
        }
    }
    report.add_test_suites(groups.into_iter().map(|(_, suite)| suite));
    report.to_string().map_err(|error| error.to_string())
}

fn case(check: &Outcome, result: &ConformanceResult) -> TestCase {
    let reason = || check.reason.clone().unwrap_or_default();
    let status = match check.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Skipped => skipped(&reason()),
        Status::Fail if check.expected => skipped("a failure that the baseline expects"),
        Status::Inconclusive => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("inconclusive").set_message(clean(&reason())).set_description(text(check, result));
            status
        }
        Status::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let message = format!(
                "{}; got: {}",
                check.want.as_deref().unwrap_or_default(),
                check.got.as_deref().unwrap_or_default()
            );
            status.set_type(check.level.clone()).set_message(clean(&message)).set_description(text(check, result));
            status
        }
    };
    let mut case = TestCase::new(check.id.clone(), status);
    case.set_classname(format!("{}.{}", check.level, check.id.split('.').next().unwrap_or("cases")));
    case.set_time(Duration::from_secs_f64(check.seconds.max(0.0)));
    case
}

fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(clean(reason));
    status
}

fn text(check: &Outcome, result: &ConformanceResult) -> String {
    clean(&card::text(check, result))
}

/// XML has no way to write most control characters, not even escaped.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
