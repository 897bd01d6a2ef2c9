//! The result of a conformance run as data: what `--json` writes, and what every other writing is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{TargetInfo, ToolInfo};
use mychat_conformance::probe::Profile;
use mychat_conformance::suite::clauses::CLAUSES;
use mychat_conformance::{Outcome, Status};
use mychat_load::Exit;
use mychat_load::verdict::Verdict;

/// The value of [`ConformanceResult::schema`].
pub const SCHEMA: &str = "mychat-bench/conformance@1";

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConformanceResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: ToolInfo,
    /// What the run was like.
    #[serde(flatten)]
    pub info: SuiteRunInfo,
    /// The verdict.
    pub verdict: Verdict,
    /// How the tool ended.
    pub exit_code: u8,
    /// The protocol's sentences, each with its own status.
    pub statements: Vec<ClauseResult>,
    /// Counts by level.
    pub summary: BTreeMap<String, Counts>,
    /// Every check.
    pub checks: Vec<Outcome>,
}

/// One sentence of the protocol's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClauseResult {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub section: String,
    /// What it says.
    pub text: String,
    /// `pass`, `fail`, `inconclusive`, or `skipped` where no check was about it.
    pub status: Status,
    /// The checks behind it: the must checks, or else the should checks.
    pub checks: Vec<String>,
}

/// How the checks of a level ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// As it should be.
    pub pass: usize,
    /// Otherwise; expected failures included.
    pub fail: usize,
    /// Nothing can be said.
    pub inconclusive: usize,
    /// Not played.
    pub skipped: usize,
    /// Failures that a baseline expects.
    pub expected: usize,
}

/// What a run was like, beside its outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuiteRunInfo {
    /// What was run: the suite, or a file.
    pub suite: String,
    /// Of whom.
    pub target: TargetInfo,
    /// The profile in force.
    pub profile: Profile,
    /// What the framing means for the run, in a few lines.
    pub notes: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Whether failed should checks count.
    pub strict: bool,
}

impl ConformanceResult {
    /// Checks that failed, whatever their level, but for those that a baseline expects.
    pub fn failed(&self) -> u64 {
        self.checks.iter().filter(|check| check.status == Status::Fail && !check.expected).count() as u64
    }
}

/// Draws the conclusions; `interrupted`: somebody cut the run short.
pub fn build(checks: Vec<Outcome>, info: SuiteRunInfo, interrupted: bool) -> ConformanceResult {
    let mut summary: BTreeMap<String, Counts> =
        ["must", "should", "may"].map(|level| (level.to_owned(), Counts::default())).into();
    for check in &checks {
        let counts = summary.entry(check.level.clone()).or_default();
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
        checks,
    }
}

/// How the tool ends: by what fails, then by what could not be decided. Nothing executed is never a success.
fn exit(checks: &[Outcome], strict: bool, interrupted: bool) -> Exit {
    if interrupted {
        return Exit::Interrupted;
    }
    // A failed `may` is one that a profile declares: it was asked for.
    let counts = |check: &&Outcome| check.level != "should" || strict;
    let any = |status| checks.iter().filter(counts).any(|check| check.status == status && !check.expected);
    let executed = checks.iter().any(|check| matches!(check.status, Status::Pass | Status::Fail));
    if any(Status::Fail) {
        return Exit::Failed;
    }
    let undecided =
        checks.iter().any(|check| check.status == Status::Inconclusive && (check.level == "must" || strict));
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
            let of = |level: &str| -> Vec<&Outcome> {
                let about = |check: &&Outcome| check.sources.iter().any(|source| source == statement.id);
                checks.iter().filter(|check| check.level == level).filter(about).collect()
            };
            // Where no must check is about a sentence, two of them collide there: the should checks tell.
            let behind = Some(of("must")).filter(|list| !list.is_empty()).unwrap_or_else(|| of("should"));
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
