//! The one outcome that every check has.

use serde::{Deserialize, Serialize};

use crate::harness::failure::{CaseFailure, StepResult};
use crate::harness::wire_log::WireLine;
use mychat_scenario::model::{Case, Level};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// The server did something else.
    Fail,
    /// The rule was not reached, so nothing can be said.
    Inconclusive,
    /// It makes no sense here.
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
    /// The hint for a failure, where its cause is known.
    pub(crate) hint: Option<&'static str>,
    pub(crate) wire: Vec<WireLine>,
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What a failure means: `must`, `should` or `may`.
    pub level: String,
    /// Statements and rules behind it.
    pub sources: Vec<String>,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    pub seconds: f64,
    /// What would have been right; of a failure.
    pub want: Option<String>,
    /// What came; of a failure.
    pub got: Option<String>,
    /// Why nothing can be said, or why it was skipped.
    pub reason: Option<String>,
    /// What was seen, of a reading.
    pub observed: Option<String>,
    /// The likely mistake.
    pub likely: Option<String>,
    /// What could be declared to accept it.
    pub declare: Option<String>,
    /// The transcript.
    pub wire: Vec<WireLine>,
    /// What was wrong afterwards.
    pub after: Option<String>,
    /// The last lines that the server wrote to its own output.
    pub server_output: Vec<String>,
    /// Whether a baseline expects this failure.
    pub expected: bool,
}

/// A level as it is written.
pub const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    }
}

impl Outcome {
    /// An outcome of a case that was not played.
    pub fn not_run(case: &Case, status: Status, reason: &str) -> Self {
        Self {
            id: case.id.clone(),
            title: case.title.clone(),
            level: level_name(case.level).to_owned(),
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
            Err(CaseFailure::Fail { want, got, .. }) => {
                outcome.status = Status::Fail;
                outcome.want = Some(want);
                outcome.got = Some(got);
                outcome.likely = record.hint.map(str::to_owned).or_else(|| case.likely.clone());
                outcome.declare = record.declare;
            }
        }
        outcome
    }

    /// A failed reading is no failure: what came is what was observed.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        let got = self.got.take().unwrap_or_default();
        self.observed = Some(self.observed.map_or(got.clone(), |seen| format!("{seen}; {got}")));
        (self.status, self.want, self.likely, self.declare) = (Status::Pass, None, None, None);
        self.wire = Vec::new();
        self
    }
}
