//! The finding that the server died: the first one of a report, because it hides or causes others.

use crate::model::conformance::SuiteRunInfo;
use mychat_conformance::Outcome;
use mychat_conformance::suite::ServerDeath;

/// Number of checks that are named.
const NAMED: usize = 6;

/// Returns the lines of the finding; none if the server served users to the end.
pub(crate) fn finding(checks: &[Outcome], info: &SuiteRunInfo) -> Vec<String> {
    let deaths: Vec<&ServerDeath> = checks.iter().filter_map(|check| check.death.as_ref()).collect();
    let Some(first) = deaths.first() else { return Vec::new() };
    let verb = if first.hangs { "stopped serving users" } else { "died" };
    let mut lines = vec![format!("The server {verb} in {}: {}", first.check, first.how)];
    lines.extend(first.exception.as_ref().map(|exception| format!("  It printed: {exception}")));
    let others: Vec<&str> = deaths[1..].iter().map(|death| death.check.as_str()).collect();
    if !others.is_empty() {
        let more = others.len().saturating_sub(NAMED);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!(
            "  The same happened in {} checks, also in {}{tail}",
            deaths.len(),
            others[..others.len() - more].join(", ")
        ));
    }
    if !info.target.spawned {
        let advice = "The checks after that are inconclusive. With --spawn 'COMMAND' instead of --target, the tool starts the server \
                      again after each crash.";
        lines.push(format!("  {advice}"));
    }
    lines
}

/// Returns the check that killed the server first.
pub(crate) fn fatal_check(checks: &[Outcome]) -> Option<&Outcome> {
    let first = checks.iter().find_map(|check| check.death.as_ref())?;
    checks.iter().find(|check| check.id == first.check)
}
