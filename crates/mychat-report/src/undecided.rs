//! Inconclusive checks by their reason: if the server is down or broken, many have the same one.

use mychat_conformance::{Outcome, Status};

/// The checks that are inconclusive for one reason.
pub(crate) struct Undecided<'c> {
    pub(crate) reason: &'c str,
    pub(crate) checks: Vec<&'c Outcome>,
}

/// Returns the reasons in the order of the checks, each with its checks.
pub(crate) fn by_reason(checks: &[Outcome]) -> Vec<Undecided<'_>> {
    let mut groups: Vec<Undecided<'_>> = Vec::new();
    for check in checks.iter().filter(|check| check.status == Status::Inconclusive) {
        let reason = check.reason.as_deref().unwrap_or_default();
        match groups.iter_mut().find(|group| group.reason == reason) {
            Some(group) => group.checks.push(check),
            None => groups.push(Undecided { reason, checks: vec![check] }),
        }
    }
    groups
}
