//! Result of a conformance run: the content of `--json` and the source of all other formats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::points::EarnedPoints;
use super::{TargetInfo, ToolInfo};
use crate::server_death;
use mychat_conformance::probe::Profile;
use mychat_conformance::suite::clauses::CLAUSES;
use mychat_conformance::suite::points::PointWeights;
use mychat_conformance::{Outcome, Status};
use mychat_load::Exit;
use mychat_load::verdict::Verdict;
use mychat_scenario::model::Level;

/// Value of [`ConformanceResult::schema`].
pub const SCHEMA: &str = "mychat-bench/conformance@1";

/// Result of one conformance run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConformanceResult {
    /// Schema of the result: [`SCHEMA`].
    pub schema: String,
    /// Tool that wrote the result.
    pub tool: ToolInfo,
    /// Circumstances of the run.
    #[serde(flatten)]
    pub info: SuiteRunInfo,
    /// Verdict on the server.
    pub verdict: Verdict,
    /// Exit code of the tool.
    pub exit_code: u8,
    /// Clauses of the protocol, each with its status.
    pub statements: Vec<ClauseResult>,
    /// Counts by level.
    pub summary: BTreeMap<String, CheckCounts>,
    /// Points of the server, if the run had weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<EarnedPoints>,
    /// All checks.
    pub checks: Vec<Outcome>,
}

/// Clause of the protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClauseResult {
    /// Id of the clause.
    pub id: String,
    /// Section of the clause.
    pub section: String,
    /// Text of the clause.
    pub text: String,
    /// `pass`, `fail`, `inconclusive`, or `skipped` if no check covered it.
    pub status: Status,
    /// Ids of the checks that cover it: the must checks, or else the should checks.
    pub checks: Vec<String>,
}

/// Outcomes of the checks of one level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCounts {
    /// Number of passes.
    pub pass: usize,
    /// Number of failures, including expected ones.
    pub fail: usize,
    /// Number of checks without a verdict.
    pub inconclusive: usize,
    /// Number of checks that were not run.
    pub skipped: usize,
    /// Number of failures that a baseline expects.
    pub expected: usize,
}

/// Circumstances of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuiteRunInfo {
    /// Name of the suite, or path of a file.
    pub suite: String,
    /// Server under test.
    pub target: TargetInfo,
    /// Effective profile.
    pub profile: Profile,
    /// Notes: the death of the server, and its framing.
    pub notes: Vec<String>,
    /// Seed of all random draws.
    pub seed: u64,
    /// Start of the run, RFC 3339.
    pub started: String,
    /// Duration in seconds.
    pub seconds: f64,
    /// True if failed should checks count.
    pub strict: bool,
    /// Options that a repetition of a check needs, unquoted, besides its id and the seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl CheckCounts {
    /// Returns the number of checks.
    pub(crate) const fn total(&self) -> usize {
        self.pass.saturating_add(self.fail).saturating_add(self.inconclusive).saturating_add(self.skipped)
    }

    /// Returns the number of checks that apply to the server.
    pub(crate) const fn applicable(&self) -> usize {
        self.total().saturating_sub(self.skipped)
    }

    /// Returns the number of failures that no baseline expects.
    pub(crate) const fn unexpected(&self) -> usize {
        self.fail.saturating_sub(self.expected)
    }
}

impl ConformanceResult {
    /// Adds the points of the server by these weights.
    #[must_use]
    pub fn with_points(self, weights: &PointWeights) -> Self {
        Self { points: Some(EarnedPoints::new(&self.checks, weights)), ..self }
    }

    /// Returns the number of failed checks of all levels, without those that a baseline expects.
    pub fn failed(&self) -> u64 {
        self.checks.iter().filter(|check| check.status == Status::Fail && !check.expected).count() as u64
    }
}

/// Computes the result from the outcomes. `interrupted` is true for a run that was cut short.
pub fn build(checks: Vec<Outcome>, mut info: SuiteRunInfo, interrupted: bool) -> ConformanceResult {
    info.notes.splice(0..0, server_death::finding(&checks, &info));
    let mut summary: BTreeMap<String, CheckCounts> =
        Level::ALL.map(|level| (level.to_string(), CheckCounts::default())).into();
    for check in &checks {
        let counts = summary.entry(check.level.to_string()).or_default();
        match check.status {
            Status::Pass => counts.pass += 1,
            Status::Fail => counts.fail += 1,
            Status::Inconclusive => counts.inconclusive += 1,
            Status::Skipped => counts.skipped += 1,
        }
        counts.expected += usize::from(check.expected);
    }
    let exit = exit(&checks, info.strict, interrupted);
    let verdict = Verdict::of(exit).unwrap_or(Verdict::Inconclusive);
    ConformanceResult {
        schema: SCHEMA.to_owned(),
        tool: ToolInfo { version: env!("CARGO_PKG_VERSION").to_owned() },
        info,
        verdict,
        exit_code: exit.code(),
        statements: statements(&checks),
        summary,
        points: None,
        checks,
    }
}

/// Check that fails if the server died.
const ALIVE_CHECK: &str = "robust.alive";

/// Returns the exit code: failures first, then inconclusive checks. A run without any executed check is not a success.
fn exit(checks: &[Outcome], strict: bool, interrupted: bool) -> Exit {
    if interrupted {
        return Exit::Interrupted;
    }
    // A failed `may` check contradicts a declared profile.
    let counts = |check: &&Outcome| check.level != Level::Should || strict;
    let any = |status| checks.iter().filter(counts).any(|check| check.status == status && !check.expected);
    let executed = checks.iter().any(|check| matches!(check.status, Status::Pass | Status::Fail));
    // A run without the check that fails then must not hide that the server died.
    let died = checks.iter().any(|check| check.death.is_some()) && checks.iter().all(|check| check.id != ALIVE_CHECK);
    if any(Status::Fail) || died {
        return Exit::Failed;
    }
    let undecided =
        checks.iter().any(|check| check.status == Status::Inconclusive && (check.level == Level::Must || strict));
    if undecided || !executed { Exit::Inconclusive } else { Exit::Success }
}

fn statements(checks: &[Outcome]) -> Vec<ClauseResult> {
    let status = |behind: &[&Outcome]| {
        let any = |status| behind.iter().any(|check| check.status == status);
        [Status::Fail, Status::Inconclusive, Status::Pass]
            .into_iter()
            .find(|status| any(*status))
            .unwrap_or(Status::Skipped)
    };
    CLAUSES
        .iter()
        .map(|statement| {
            let of = |level: Level| -> Vec<&Outcome> {
                let about = |check: &&Outcome| check.sources.iter().any(|source| source == statement.id);
                checks.iter().filter(|check| check.level == level).filter(about).collect()
            };
            // Clauses without a must check collide with another clause: the should checks decide.
            let behind = Some(of(Level::Must)).filter(|list| !list.is_empty()).unwrap_or_else(|| of(Level::Should));
            ClauseResult {
                id: statement.id.to_owned(),
                section: format!("§{}", statement.section),
                text: statement.text.to_owned(),
                status: status(&behind),
                checks: behind.iter().map(|check| check.id.clone()).collect(),
            }
        })
        .collect()
}
