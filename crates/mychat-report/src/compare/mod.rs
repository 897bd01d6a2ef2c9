//! Compares two sets of runs: a verdict for each figure (better, worse, no difference, or too little data).
//!
//! Machine speed drifts by more than the changes that users look for. A difference therefore counts only if it is large
//! compared with the spread between runs of one side. Slow drift cancels if the runs alternate (`drift`). The uncertainty of
//! a single run comes from resampling blocks of its intervals (`bootstrap`). The larger of the
//! two uncertainties is used.
//!
//! *No difference* is a finding of its own: the whole confidence interval lies within the least effect. An interval that
//! holds both no change and a change of that size is too little data, and `power` says how many runs would do.

mod run_differences;
mod violation_counts;
mod drift;
mod pass_rates;
mod power;
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
    /// The change is smaller than the least effect: the whole interval is.
    NoDifference,
    /// The interval holds both no change and a change of the least effect.
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
    /// Runs per side that would probably decide a figure with too little data, if its variance is known.
    pub runs_needed: Option<usize>,
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

    /// Returns true if a figure of deliveries could not be decided, or if there is none.
    pub fn undecided(&self) -> bool {
        let timed = || self.rows.iter().filter(|row| row.change.is_some());
        if timed().next().is_none() {
            // Conformance results have no times. A comparison of loads must decide at least one.
            return self.timed || self.outcomes == 0;
        }
        let is_open = |row: &ComparedFigure| is_delivery(row) && row.finding == ChangeVerdict::TooLittleData;
        timed().any(is_open) || !timed().any(|row| row.name.starts_with(WAITING))
    }

    /// Returns the undecided figures, if any figure was decided: those with too little data, and percentiles without a value.
    pub fn open(&self) -> Vec<&'static str> {
        let timed = || self.rows.iter().filter(|row| row.change.is_some());
        let is_open = |row: &&ComparedFigure| row.finding == ChangeVerdict::TooLittleData;
        if timed().all(|row| is_open(&row)) {
            return Vec::new();
        }
        let row = |name: &str| timed().find(|row| row.name == name);
        let names = TIMED.iter().map(|(name, _)| *name);
        names.filter(|name| row(name).map_or(name.starts_with(WAITING), |row| is_open(&row))).collect()
    }
}

/// Returns true for a figure that decides the comparison: a delivery percentile, or the throughput. Others come along.
fn is_delivery(row: &ComparedFigure) -> bool {
    row.name.starts_with(WAITING) || row.name == THROUGHPUT
}

/// Prefix of the names of the delivery figures.
const WAITING: &str = "delivery p";
/// Name of the throughput.
const THROUGHPUT: &str = "delivered/s";
/// Least number of runs per side for a verdict on times.
const FEWEST: usize = 3;

/// Compares two sides. The result is deterministic: resampling uses a fixed seed.
pub fn compare(first: &[ComparedRun], second: &[ComparedRun], threshold: Threshold) -> Comparison {
    let mut notes = Vec::new();
    let mut valid_runs = |runs: &[ComparedRun], name: &str| {
        let kept: Vec<ComparedRun> = runs.iter().filter(|run| run.validity != Validity::Invalid).cloned().collect();
        if kept.len() < runs.len() {
            let left = runs.len() - kept.len();
            let why =
                runs.iter().find(|run| run.validity == Validity::Invalid).map(|run| run.validity_reasons.join("; "));
            let why = why.filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(" ({why})"));
            notes.push(format!(
                "{left} of {} runs of {name} are invalid: their latencies are not usable{why}",
                runs.len()
            ));
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
        notes.push(format!("times need at least {FEWEST} valid runs per side, better 5; alternate them: A B A B A B"));
    } else if paired {
        notes.push(
            "the runs alternate: each is compared with its neighbour, so slow drift of the machine cancels".to_owned(),
        );
    } else {
        notes.push("the runs do not alternate: drift of the machine counts as a difference".to_owned());
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
    let has_too_few = |quantile| mychat_load::verdict::samples_needed(quantile) > fewest;
    let missing = bootstrap::QUANTILES
        .iter()
        .filter(|(name, quantile)| has_too_few(*quantile) && rows.iter().all(|row| row.name != *name));
    let told: Vec<String> = missing
        .map(|(name, quantile)| format!("{name} needs {}", grouped(mychat_load::verdict::samples_needed(*quantile))))
        .collect();
    (!told.is_empty()).then(|| format!("a run has {} independent samples, and {}", grouped(fewest), told.join(", ")))
}

/// Returns a note on the figure that needs the most runs: what the runs so far show, and the number of runs needed.
fn more_runs(rows: &[ComparedFigure], fewest: usize, threshold: Threshold) -> Option<String> {
    const SENSIBLE: usize = 30;
    let needed = rows.iter().filter_map(|row| Some((row, row.interval?, row.runs_needed?)));
    // Figures of deliveries decide the comparison; the others come along.
    let (row, (low, high), runs) = needed.max_by_key(|(row, _, runs)| (is_delivery(row), *runs))?;
    let runs_of =
        |count: usize| if count >= power::MOST { format!("more than {count}") } else { format!("about {count}") };
    let advice = if runs > SENSIBLE { ", or longer runs on a calmer machine, or a larger --effect" } else { "" };
    Some(format!(
        "{}: with {fewest} runs per side the change is between {} and {}, and `no difference` needs all of that \
         within ±{} %; {} runs per side would probably decide{advice}",
        row.name,
        table::percent(low),
        table::percent(high),
        (threshold.effect * 1000.0).round() / 10.0,
        runs_of(runs),
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
