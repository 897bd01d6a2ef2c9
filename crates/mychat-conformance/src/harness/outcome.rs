//! The one outcome that every check has.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::harness::context::CaseContext;
use crate::harness::transcript::WireLine;
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

/// Why a case did not go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaseFailure {
    /// The server did something else.
    Fail {
        /// What would have been right.
        want: String,
        /// What came.
        got: String,
    },
    /// The rule was not reached.
    Inconclusive(String),
    /// It makes no sense here.
    Skipped(String),
}

/// A step, or all of them.
pub(crate) type StepResult = Result<(), CaseFailure>;

impl CaseFailure {
    /// A failure.
    pub(crate) fn fail(want: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Fail { want: want.into(), got: got.into() }
    }
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

    pub(crate) fn of(case: &Case, played: StepResult, ctx: &mut CaseContext, took: Duration) -> Self {
        let mut outcome = Self::not_run(case, Status::Pass, "");
        outcome.reason = None;
        outcome.seconds = took.as_secs_f64();
        outcome.observed = (!ctx.observed.is_empty()).then(|| ctx.observed.join("; "));
        match played {
            Ok(()) => return outcome,
            Err(CaseFailure::Skipped(reason)) => {
                outcome.status = Status::Skipped;
                outcome.reason = Some(reason);
                return outcome;
            }
            Err(CaseFailure::Inconclusive(reason)) => {
                outcome.status = Status::Inconclusive;
                outcome.reason = Some(reason);
            }
            Err(CaseFailure::Fail { want, got }) => {
                outcome.status = Status::Fail;
                outcome.want = Some(want);
                outcome.got = Some(got);
                let mistake = ctx.env.monitors.mistake(&case.id).or(ctx.diagnosis.get().copied());
                outcome.likely = mistake.map(str::to_owned).or_else(|| case.likely.clone());
                outcome.declare = ctx.declare.take();
            }
        }
        outcome.wire = ctx.wire_lines();
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
