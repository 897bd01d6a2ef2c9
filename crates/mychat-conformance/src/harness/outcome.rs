//! The outcome of a check.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::harness::failure::{CaseFailure, Control, StepResult};
use crate::harness::wire_log::WireLine;
use crate::suite::ServerDeath;
use mychat_scenario::model::{Case, Level};

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The server did what the check demands.
    Pass,
    /// The server did something else.
    Fail,
    /// The case did not get as far as the rule that it checks.
    Inconclusive,
    /// The check does not apply to this server or this run.
    Skipped,
}

/// The facts about a case that was run, beside its result.
#[derive(Debug, Default)]
pub(crate) struct CaseRecord {
    pub(crate) seconds: f64,
    /// Behaviour that was seen and is reported whatever the result.
    pub(crate) observed: Vec<String>,
    /// A line for the profile that would accept this failure.
    pub(crate) declare: Option<String>,
    /// The hints for a failure, the most specific first.
    pub(crate) hints: Vec<Cow<'static, str>>,
    /// Mistakes that explain the failure if another check proves them.
    pub(crate) shared: Vec<Cow<'static, str>>,
    pub(crate) wire: Vec<WireLine>,
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The id of the check.
    pub id: String,
    /// The title of the check.
    pub title: String,
    /// The weight of a failure.
    pub level: Level,
    /// The ids of the clauses and rules that the check is based on.
    pub sources: Vec<String>,
    /// The result.
    pub status: Status,
    /// The duration of the case in seconds.
    pub seconds: f64,
    /// The demanded behaviour, if the check failed.
    pub want: Option<String>,
    /// The observed behaviour, if the check failed.
    pub got: Option<String>,
    /// The reason, if the check was inconclusive or skipped.
    pub reason: Option<String>,
    /// Observed behaviour that is reported whatever the result.
    pub observed: Option<String>,
    /// The likely mistake behind a failure.
    pub likely: Option<String>,
    /// A profile line that would accept the failure.
    pub declare: Option<String>,
    /// The lines of the wire log, if the check failed or was inconclusive.
    pub wire: Vec<WireLine>,
    /// The result of the liveness check after the case, if it failed.
    pub after: Option<String>,
    /// The last lines that the server wrote during the check, or its last exception.
    pub server_output: Vec<String>,
    /// True if a baseline expects this failure.
    pub expected: bool,
    /// The end of the server during the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death: Option<ServerDeath>,
    /// The exception that the server printed during the check.
    #[serde(skip)]
    pub(crate) exception: Option<String>,
    /// True if the server's output has been attached.
    #[serde(skip)]
    pub(crate) has_server_output: bool,
    /// The ability that the server lacked when the check began, if that is the reason.
    #[serde(skip)]
    pub(crate) failed_control: Option<Control>,
    /// The possible causes of a failure, the most specific first.
    #[serde(skip)]
    pub(crate) causes: Vec<String>,
    /// Mistakes that explain the failure if another check proves them.
    #[serde(skip)]
    pub(crate) shared_causes: Vec<String>,
}

impl Outcome {
    /// Returns the outcome of a case that was not run.
    pub fn not_run(case: &Case, status: Status, reason: &str) -> Self {
        Self {
            id: case.id.clone(),
            title: case.title.clone(),
            level: case.level,
            sources: case.spec.iter().chain(&case.rule).cloned().collect(),
            status,
            seconds: 0.0,
            want: None,
            got: None,
            reason: Some(reason.to_owned()),
            observed: None,
            likely: None,
            declare: None,
            wire: Vec::new(),
            after: None,
            server_output: Vec::new(),
            expected: false,
            death: None,
            exception: None,
            has_server_output: false,
            failed_control: None,
            causes: Vec::new(),
            shared_causes: Vec::new(),
        }
    }

    /// Returns the outcome of a case that was run.
    pub(crate) fn of(case: &Case, result: StepResult, record: CaseRecord) -> Self {
        let mut outcome = Self::not_run(case, Status::Pass, "");
        outcome.reason = None;
        outcome.seconds = record.seconds;
        outcome.observed = (!record.observed.is_empty()).then(|| record.observed.join("; "));
        outcome.wire = record.wire;
        match result {
            Ok(()) => {}
            Err(CaseFailure::Skipped(reason)) => {
                outcome.status = Status::Skipped;
                outcome.reason = Some(reason);
            }
            Err(CaseFailure::Inconclusive(reason)) => {
                outcome.status = Status::Inconclusive;
                outcome.reason = Some(reason);
            }
            Err(CaseFailure::ControlFailed(control)) => {
                outcome.status = Status::Inconclusive;
                outcome.reason = Some(control.never_worked());
                outcome.failed_control = Some(control);
            }
            Err(CaseFailure::Fail { want, got, .. }) => {
                outcome.status = Status::Fail;
                outcome.want = Some(want);
                outcome.got = Some(got);
                outcome.causes = record.hints.into_iter().map(Cow::into_owned).chain(case.likely.clone()).collect();
                outcome.shared_causes = record.shared.into_iter().map(Cow::into_owned).collect();
                outcome.likely = outcome.causes.first().cloned();
                outcome.declare = record.declare;
            }
        }
        outcome
    }

    /// Turns a failure into a pass with an observation. For checks of level `may`, which only record a reading.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        let got = self.got.take().unwrap_or_default();
        self.observed = Some(self.observed.map_or(got.clone(), |seen| format!("{seen}; {got}")));
        (self.status, self.want, self.likely, self.declare) = (Status::Pass, None, None, None);
        self.wire = Vec::new();
        self
    }
}
