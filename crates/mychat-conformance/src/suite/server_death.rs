//! The end of the server during a check, and what the server printed meanwhile.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::end_of_run::ALIVE;
use crate::diagnosis::exception::{last_exception, telling_lines};
use crate::harness::TestEnv;
use crate::harness::liveness::NO_CONNECTION;
use crate::harness::outcome::{Outcome, Status};
use mychat_target::spawn::OutputMark;

/// The end of the server: from then on it served no user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDeath {
    /// The check that caused it.
    pub check: String,
    /// The way in which it ended, such as `its process ended with exit status 1`.
    pub how: String,
    /// True if the server is still there, but serves nobody.
    pub hangs: bool,
    /// The exception that it printed, in one line.
    pub exception: Option<String>,
}

impl ServerDeath {
    /// Describes the state of a server that serves no user. `what` is the part that does not work.
    pub(super) fn of(check: &str, what: &str, env: &TestEnv) -> Self {
        let status = env.watch.as_ref().map(mychat_target::spawn::SpawnedServer::exit_status);
        let (how, hangs) = match status {
            None => (what.to_owned(), what != NO_CONNECTION),
            Some(Some(status)) => (format!("its process ended with {status}"), false),
            Some(None) => (format!("its process still runs, but {what}"), true),
        };
        Self { check: check.to_owned(), how, hangs, exception: None }
    }
}

/// Returns the place up to which the server has written its output.
pub(super) fn output_mark(env: &TestEnv) -> OutputMark {
    env.watch.as_ref().map(mychat_target::spawn::SpawnedServer::output_mark).unwrap_or_default()
}

/// Adds to an outcome what the server has printed since `mark`: the exception, and lines if the check did not pass.
pub(super) fn attach_server_output(mut outcome: Outcome, env: &TestEnv, mark: OutputMark) -> Outcome {
    let Some(watch) = env.watch.as_ref().filter(|_| !outcome.has_server_output) else { return outcome };
    outcome.has_server_output = true;
    let lines = watch.lines_since(mark);
    let exception = last_exception(&lines);
    if matches!(outcome.status, Status::Fail | Status::Inconclusive) || outcome.death.is_some() {
        outcome.server_output = telling_lines(&lines, exception.as_ref());
    }
    outcome.exception = exception.map(|exception| exception.summary);
    if let Some(death) = &mut outcome.death {
        death.exception.clone_from(&outcome.exception);
    }
    outcome
}

/// Puts the exceptions that the server printed before all other causes of failures. An exception that it also printed during
/// checks that passed explains nothing.
pub(super) fn rank_exceptions(outcomes: &mut [(usize, Outcome)]) {
    let passed: BTreeSet<String> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.status == Status::Pass && outcome.death.is_none())
        .filter_map(|(_, outcome)| outcome.exception.clone())
        .collect();
    let fatal =
        outcomes.iter().find_map(|(_, outcome)| outcome.death.clone()).filter(|death| death.exception.is_some());
    for (_, outcome) in outcomes.iter_mut().filter(|(_, outcome)| outcome.status == Status::Fail) {
        let exception = outcome.exception.as_ref().filter(|exception| !passed.contains(*exception));
        let cause = match (exception, &fatal) {
            (Some(exception), _) => format!("the server printed an exception during this check: {exception}"),
            (None, Some(ServerDeath { check, exception: Some(exception), .. })) if outcome.id == ALIVE => {
                format!("the server printed an exception in {check}: {exception}")
            }
            _ => continue,
        };
        if outcome.causes.is_empty() {
            outcome.causes.extend(outcome.likely.clone());
        }
        outcome.causes.insert(0, cause.clone());
        outcome.likely = Some(cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mychat_scenario::model::Case;

    fn outcome(status: Status, exception: Option<&str>) -> (usize, Outcome) {
        let mut outcome = Outcome::not_run(&Case::untold("t"), status, "");
        outcome.exception = exception.map(str::to_owned);
        outcome.likely = Some("a guess".to_owned());
        (0, outcome)
    }

    #[test]
    fn a_printed_exception_outranks_a_guess_unless_it_is_usual() {
        let mut outcomes = [
            outcome(Status::Pass, Some("BrokenPipeError")),
            outcome(Status::Fail, Some("BrokenPipeError")),
            outcome(Status::Fail, Some("IndexError: 1")),
            outcome(Status::Fail, None),
        ];
        rank_exceptions(&mut outcomes);
        let likely = |index: usize| outcomes[index].1.likely.as_deref();
        assert_eq!(likely(1), Some("a guess"));
        assert_eq!(likely(2), Some("the server printed an exception during this check: IndexError: 1"));
        assert_eq!(outcomes[2].1.causes[1], "a guess");
        assert_eq!(likely(3), Some("a guess"));
    }
}
