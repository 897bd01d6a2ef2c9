//! Compares two sets of runs: a verdict for each figure (better, worse, no difference, or too little data).
//!
//! Machine speed drifts by more than the changes that users look for. A difference therefore counts only if it is large
//! compared with the spread between runs of one side. Slow drift cancels if the runs alternate (`drift`). The uncertainty of
//! a single run comes from resampling blocks of its intervals (`bootstrap`). The larger of the
//! two uncertainties is used.

mod run_differences;
mod violation_counts;
mod drift;
mod pass_rates;
mod bootstrap;
mod run;
mod t_test;
mod table;
mod timings;

pub use pass_rates::{PassChange, PassOutcome, PassRate};
pub use run::{ComparedRun, LoadInterval};
pub use run_differences::run_differences;
pub use table::{markdown, terminal};

use crate::grouped;
use bootstrap::TIMED;
use mychat_load::verdict::validity::Validity;

/// Verdict on one figure of the second side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeVerdict {
    /// The figure improved.
    Better,
    /// The change is smaller than the least effect.
    NoDifference,
    /// The runs are too few or vary too much.
    TooLittleData,
    /// The figure got worse.
    Worse,
}

/// Figure of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedFigure {
    /// Name of the figure.
    pub name: &'static str,
    /// Value of the first side and of the second.
    pub values: (f64, f64),
    /// Relative change: 0.05 is 5 % more. `None` for counts.
    pub change: Option<f64>,
    /// Confidence interval of the change, corrected for the number of figures.
    pub interval: Option<(f64, f64)>,
    /// Verdict on the figure.
    pub finding: ChangeVerdict,
}

/// Complete comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Number of runs of each side.
    pub runs: (usize, usize),
    /// All figures.
    pub rows: Vec<ComparedFigure>,
    /// Expectations, cases and checks with a different outcome.
    pub passed: Vec<PassChange>,
    /// Number of expectations, cases and checks that both sides have.
    pub outcomes: usize,
    /// True for load runs, which have times; false for conformance results.
    pub timed: bool,
    /// Notes on the comparison.
    pub notes: Vec<String>,
}

/// Required confidence and least effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Probability of reporting any difference if there is none.
    pub error: f64,
    /// Least effect, as a fraction of the first side's figure.
    pub effect: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { error: 0.05, effect: 0.03 }
    }
}

impl Comparison {
    /// Returns true if anything got worse.
    pub fn regressed(&self) -> bool {
        self.findings().any(|finding| finding == ChangeVerdict::Worse)
    }

    /// Returns true if anything got better.
    pub fn improved(&self) -> bool {
        self.findings().any(|finding| finding == ChangeVerdict::Better)
    }

    fn findings(&self) -> impl Iterator<Item = ChangeVerdict> {
        self.rows.iter().map(|row| row.finding).chain(self.passed.iter().map(|passed| passed.finding))
    }

    /// Returns true if no delivery figure could be decided, even if other figures were.
    pub fn undecided(&self) -> bool {
        let timed = || self.rows.iter().filter(|row| row.change.is_some());
        let waits = timed().filter(|row| row.name.starts_with(WAITING)).count();
        let open = |row: &&ComparedFigure| {
            row.finding == ChangeVerdict::TooLittleData && (waits == 0 || row.name.starts_with(WAITING))
        };
        match timed().count() {
            // Conformance results have no times. A comparison of loads must decide at least one.
            0 => self.timed || self.outcomes == 0,
            all => timed().filter(open).count() == if waits == 0 { all } else { waits },
        }
    }

    /// Returns the undecided delivery figures, if other figures were decided.
    pub fn open(&self) -> Vec<&'static str> {
        let decided =
            |name: &str| self.rows.iter().any(|row| row.name == name && row.finding != ChangeVerdict::TooLittleData);
        let waits = || TIMED.iter().map(|(name, _)| *name).filter(|name| name.starts_with(WAITING));
        let open: Vec<&str> = waits().filter(|name| !decided(name)).collect();
        if open.len() == waits().count() { Vec::new() } else { open }
    }
}

/// Prefix of the names of the delivery figures.
const WAITING: &str = "delivery p";
/// Least number of runs per side for a verdict on times.
const FEWEST: usize = 3;
/// An interval that is wider than this multiple of the least effect is inconclusive.
const WIDEST: f64 = 5.0;

/// Compares two sides. The result is deterministic: resampling uses a fixed seed.
pub fn compare(first: &[ComparedRun], second: &[ComparedRun], threshold: Threshold) -> Comparison {
    let mut notes = Vec::new();
    let mut valid_runs = |runs: &[ComparedRun], name: &str| {
        let kept: Vec<ComparedRun> = runs.iter().filter(|run| run.validity != Validity::Invalid).cloned().collect();
        if kept.len() < runs.len() {
            let left = runs.len() - kept.len();
            notes.push(format!("{left} invalid of {} runs of {name} left out: their times say nothing", runs.len()));
        }
        kept
    };
    let (mut timed_first, mut timed_second) = (valid_runs(first, "A"), valid_runs(second, "B"));
    timed_first.sort_by(|a, b| a.started.cmp(&b.started));
    timed_second.sort_by(|a, b| a.started.cmp(&b.started));
    let paired = take_turns(&timed_first, &timed_second);
    let fewest = timed_first.len().min(timed_second.len());
    let mut rows = timings::compare_timings(&timed_first, &timed_second, paired, threshold);
    if first.iter().chain(second).all(|run| run.intervals.is_empty()) {
        // Conformance checks have no times.
    } else if fewest < FEWEST {
        notes.push(format!("times need at least {FEWEST} valid runs a side, better 5, and taking turns: A B A B A B"));
    } else if paired {
        notes.push("the runs took turns: a change is that between neighbours, and what drifts cancels".to_owned());
    } else {
        notes.push("the runs did not take turns: what the machine did meanwhile counts as a difference".to_owned());
    }
    notes.extend(more_runs(&rows, fewest, threshold));
    notes.extend(unmeasured(&timed_first, &timed_second, &rows));
    rows.extend(violation_counts::compare_violations(first, second));
    let (passed, outcomes) = pass_rates::compare(first, second);
    let timed = first.iter().chain(second).any(|run| run.independent > 0);
    Comparison { runs: (timed_first.len(), timed_second.len()), rows, passed, outcomes, timed, notes }
}

/// Returns a note on percentiles that have no row, because a run has too few samples or no intervals.
fn unmeasured(first: &[ComparedRun], second: &[ComparedRun], rows: &[ComparedFigure]) -> Option<String> {
    if first.iter().chain(second).any(|run| run.independent > 0 && run.intervals.is_empty()) {
        let why = "a run has no interval of load to compare times by: it was too short for its `--interval`";
        return Some(why.to_owned());
    }
    let fewest = first.iter().chain(second).map(|run| run.independent).filter(|samples| *samples > 0).min()?;
    let missing = bootstrap::QUANTILES.iter().filter(|(name, _)| rows.iter().all(|row| row.name != *name));
    let told: Vec<String> = missing
        .map(|(name, quantile)| format!("{name} needs {}", grouped(mychat_load::verdict::samples_needed(*quantile))))
        .collect();
    (!told.is_empty()).then(|| format!("a run has {} independent samples, and {}", grouped(fewest), told.join(", ")))
}

/// Returns a note on the power of the comparison: the change that these runs can show, and the number of runs needed.
fn more_runs(rows: &[ComparedFigure], fewest: usize, threshold: Threshold) -> Option<String> {
    const SENSIBLE: f64 = 30.0;
    let blurred = rows.iter().filter(|row| row.finding == ChangeVerdict::TooLittleData);
    let mut widths: Vec<(&str, f64)> =
        blurred.filter_map(|row| Some((row.name, row.interval.map(|(low, high)| (high - low) / 2.0)?))).collect();
    // Delivery figures come first, and among them the one with the widest interval.
    widths.sort_by(|one, other| {
        let waits = |name: &str| name.starts_with(WAITING);
        waits(other.0).cmp(&waits(one.0)).then(other.1.total_cmp(&one.1))
    });
    let (name, half) = *widths.first()?;
    let wanted = WIDEST * threshold.effect;
    // The uncertainty falls with the square root of the number of runs.
    let runs = fewest as f64 * (half / wanted).powi(2);
    let advice = if runs > SENSIBLE {
        "longer runs or a calmer machine would show more".to_owned()
    } else {
        format!("about {:.0} would show {:.0} %", runs.ceil(), wanted * 100.0)
    };
    Some(format!(
        "{name} differs too much from run to run: {fewest} runs a side show changes above {:.0} %; {advice}",
        half * 100.0
    ))
}

/// Returns true if the runs alternate, so that each is next to a run of the other side.
fn take_turns(first: &[ComparedRun], second: &[ComparedRun]) -> bool {
    let mut order: Vec<(&str, bool)> = first.iter().map(|run| (run.started.as_str(), true)).collect();
    order.extend(second.iter().map(|run| (run.started.as_str(), false)));
    order.sort_unstable();
    first.len() == second.len() && order.chunks(2).all(|pair| pair.len() == 2 && pair[0].1 != pair[1].1)
}

#[cfg(test)]
mod tests;
