//! Chooses the cause of each failure when all outcomes of a run are known.

use std::collections::BTreeSet;

use super::shared::{SHARED, SharedMistake};
use crate::harness::outcome::{Outcome, Status};

/// Gives each failure the most specific of its possible causes that no other outcome refutes.
pub(crate) fn choose(outcomes: &mut [(usize, Outcome)]) {
    let with = |status: Status| -> BTreeSet<String> {
        outcomes.iter().filter(|(_, outcome)| outcome.status == status).map(|(_, outcome)| outcome.id.clone()).collect()
    };
    let (passed, failed) = (with(Status::Pass), with(Status::Fail));
    let proven: BTreeSet<&str> =
        SHARED.iter().filter(|shared| is_proven(shared, outcomes)).map(|shared| shared.hint).collect();
    for (_, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.status == Status::Fail) {
        let shared = outcome.shared_causes.iter().find(|cause| proven.contains(cause.as_str()));
        let own = || outcome.causes.iter().find(|cause| !is_refuted(cause, &passed, &failed));
        if !outcome.causes.is_empty() || shared.is_some() {
            outcome.likely = shared.or_else(own).cloned();
        }
    }
}

/// Returns true if the check that proves a mistake failed because of it.
fn is_proven(shared: &SharedMistake, outcomes: &[(usize, Outcome)]) -> bool {
    let proof = outcomes.iter().find(|(_, outcome)| outcome.id == shared.proof);
    proof.is_some_and(|(_, outcome)| {
        outcome.status == Status::Fail && outcome.causes.iter().any(|cause| cause == shared.hint)
    })
}

/// Returns true if a cause refers to checks, at least one of them passed, and none of them failed: the server does not have this mistake.
fn is_refuted(cause: &str, passed: &BTreeSet<String>, failed: &BTreeSet<String>) -> bool {
    let checks = || cause.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
    let any = |of: &BTreeSet<String>| checks().any(|word| of.contains(word.trim_end_matches('.')));
    any(passed) && !any(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::shared::ONE_READ;
    use mychat_scenario::model::Case;

    fn outcome(id: &str, status: Status, causes: &[&str]) -> (usize, Outcome) {
        let mut outcome = Outcome::not_run(&Case::untold(id), status, "");
        outcome.causes = causes.iter().map(|cause| (*cause).to_owned()).collect();
        (0, outcome)
    }

    /// Returns the cause that is chosen for a failed check beside these others.
    fn chosen(others: &[(&str, Status)]) -> Option<String> {
        let causes = ["an old entry stays (see list.leave-others and list.leave-fin)", "nothing is sent"];
        let mut outcomes: Vec<_> = others.iter().map(|(id, status)| outcome(id, *status, &[])).collect();
        outcomes.push(outcome("conn.reuse", Status::Fail, &causes));
        choose(&mut outcomes);
        outcomes.pop().unwrap().1.likely
    }

    #[test]
    fn a_hint_at_a_check_that_passed_is_dropped() {
        let cause = |others| chosen(others).unwrap_or_default();
        assert!(cause(&[]).starts_with("an old entry"), "the check was not run");
        assert!(cause(&[("list.leave-fin", Status::Fail)]).starts_with("an old entry"));
        assert!(cause(&[("list.leave-fin", Status::Inconclusive)]).starts_with("an old entry"));
        assert_eq!(cause(&[("list.leave-fin", Status::Pass)]), "nothing is sent");
        assert!(cause(&[("list.leave-others", Status::Pass), ("list.leave-fin", Status::Fail)]).starts_with("an old"));
    }

    #[test]
    fn a_shared_cause_needs_its_proof() {
        let lost = |proof: (usize, Outcome)| {
            let mut lost = outcome("load.no-loss", Status::Fail, &["a queue is full"]);
            lost.1.shared_causes = vec![ONE_READ.to_owned()];
            let mut outcomes = vec![proof, lost];
            choose(&mut outcomes);
            outcomes.pop().unwrap().1.likely.unwrap()
        };
        assert_eq!(lost(outcome("frame.byte-by-byte", Status::Fail, &[ONE_READ])), ONE_READ);
        assert_eq!(lost(outcome("frame.byte-by-byte", Status::Pass, &[])), "a queue is full");
        assert_eq!(lost(outcome("frame.byte-by-byte", Status::Fail, &["the server is down"])), "a queue is full");
        assert_eq!(lost(outcome("msg.deliver", Status::Fail, &[ONE_READ])), "a queue is full");
    }

    #[test]
    fn no_cause_is_left_if_all_are_refuted() {
        let mut outcomes = vec![
            outcome("msg.deliver", Status::Pass, &[]),
            outcome("msg.self", Status::Fail, &["the names are mixed up (see msg.deliver)"]),
        ];
        choose(&mut outcomes);
        assert_eq!(outcomes[1].1.likely, None);
    }
}
