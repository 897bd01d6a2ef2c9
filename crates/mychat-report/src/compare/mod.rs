//! Two sets of runs into a verdict for each figure: better, worse, no difference, or too little data to say.
//!
//! Machines drift by far more than what people want to see, so a difference is only believed when it is large against
//! what differs between runs of one side. Where the runs took turns, what drifts slowly cancels (`drift`). How much a
//! single run's figures could vary comes from drawing blocks of its intervals again (`resample`); the larger of the
//! two uncertainties counts.

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

/// What a figure says about the second side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeVerdict {
    /// It got better.
    Better,
    /// It did not change by as much as anybody would notice.
    NoDifference,
    /// The runs are too few, or too unlike each other.
    TooLittleData,
    /// It got worse.
    Worse,
}

/// One figure of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedFigure {
    /// Its name.
    pub name: &'static str,
    /// Of the first side and of the second.
    pub values: (f64, f64),
    /// The change, as a part of the first: 0.05 is 5 % more. For counts there is none.
    pub change: Option<f64>,
    /// Where the change lies, with the confidence that is left to one of several figures.
    pub interval: Option<(f64, f64)>,
    /// What it says.
    pub finding: ChangeVerdict,
}

/// A whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Runs of each side that are used.
    pub runs: (usize, usize),
    /// All figures.
    pub rows: Vec<ComparedFigure>,
    /// Expectations, cases and checks that do not end as they did.
    pub passed: Vec<PassChange>,
    /// How many expectations, cases and checks both sides have.
    pub tried: usize,
    /// Whether they are runs of a load, which take times, and not of checks alone.
    pub timed: bool,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// How sure and how large a difference must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// How often in all a difference may be seen where there is none.
    pub error: f64,
    /// Smaller changes are none, as a part of the first side's figure.
    pub effect: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { error: 0.05, effect: 0.03 }
    }
}

impl Comparison {
    /// Whether something got worse.
    pub fn regressed(&self) -> bool {
        self.findings().any(|finding| finding == ChangeVerdict::Worse)
    }

    /// Whether something got better.
    pub fn improved(&self) -> bool {
        self.findings().any(|finding| finding == ChangeVerdict::Better)
    }

    fn findings(&self) -> impl Iterator<Item = ChangeVerdict> {
        self.rows.iter().map(|row| row.finding).chain(self.passed.iter().map(|passed| passed.finding))
    }

    /// Whether nothing can be said of what people wait for, however well the rest is known.
    pub fn undecided(&self) -> bool {
        let timed = || self.rows.iter().filter(|row| row.change.is_some());
        let waits = timed().filter(|row| row.name.starts_with(WAITING)).count();
        let open = |row: &&ComparedFigure| {
            row.finding == ChangeVerdict::TooLittleData && (waits == 0 || row.name.starts_with(WAITING))
        };
        match timed().count() {
            // Results of checks have no times at all; of a load something should be said.
            0 => self.timed || self.tried == 0,
            all => timed().filter(open).count() == if waits == 0 { all } else { waits },
        }
    }

    /// What people wait for and nothing can be said of, where something can be said of the rest.
    pub fn open(&self) -> Vec<&'static str> {
        let decided =
            |name: &str| self.rows.iter().any(|row| row.name == name && row.finding != ChangeVerdict::TooLittleData);
        let waits = || TIMED.iter().map(|(name, _)| *name).filter(|name| name.starts_with(WAITING));
        let open: Vec<&str> = waits().filter(|name| !decided(name)).collect();
        if open.len() == waits().count() { Vec::new() } else { open }
    }
}

/// How the names of the figures begin that people wait for.
const WAITING: &str = "delivery p";
/// Runs a side below which nothing is said about times.
const FEWEST: usize = 3;
/// An interval wider than so many times the least effect says nothing.
const WIDEST: f64 = 5.0;

/// Compares two sides. The same input gives the same answer: what is drawn comes from a fixed seed.
pub fn compare(first: &[ComparedRun], second: &[ComparedRun], threshold: Threshold) -> Comparison {
    let mut notes = Vec::new();
    let mut sound = |runs: &[ComparedRun], name: &str| {
        let kept: Vec<ComparedRun> = runs.iter().filter(|run| run.validity != Validity::Invalid).cloned().collect();
        if kept.len() < runs.len() {
            let left = runs.len() - kept.len();
            notes.push(format!("{left} invalid of {} runs of {name} left out: their times say nothing", runs.len()));
        }
        kept
    };
    let (mut timed_first, mut timed_second) = (sound(first, "A"), sound(second, "B"));
    timed_first.sort_by(|a, b| a.started.cmp(&b.started));
    timed_second.sort_by(|a, b| a.started.cmp(&b.started));
    let paired = take_turns(&timed_first, &timed_second);
    let fewest = timed_first.len().min(timed_second.len());
    let mut rows = timings::compare_timings(&timed_first, &timed_second, paired, threshold);
    if first.iter().chain(second).all(|run| run.intervals.is_empty()) {
        // Checks take no times.
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
    let (passed, tried) = pass_rates::compare(first, second);
    let timed = first.iter().chain(second).any(|run| run.independent > 0);
    Comparison { runs: (timed_first.len(), timed_second.len()), rows, passed, tried, timed, notes }
}

/// Percentiles that are in no row, because some run has too few samples for them, or no intervals.
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

/// How far the runs are from saying something, where they are not enough: what they could show, and how many could.
fn more_runs(rows: &[ComparedFigure], fewest: usize, threshold: Threshold) -> Option<String> {
    const SENSIBLE: f64 = 30.0;
    let blurred = rows.iter().filter(|row| row.finding == ChangeVerdict::TooLittleData);
    let mut widths: Vec<(&str, f64)> =
        blurred.filter_map(|row| Some((row.name, row.interval.map(|(low, high)| (high - low) / 2.0)?))).collect();
    // What people wait for first; of that, what the runs know least of.
    widths.sort_by(|one, other| {
        let waits = |name: &str| name.starts_with(WAITING);
        waits(other.0).cmp(&waits(one.0)).then(other.1.total_cmp(&one.1))
    });
    let (name, half) = *widths.first()?;
    let wanted = WIDEST * threshold.effect;
    // Uncertainty falls with the square root of the runs.
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

/// Whether the runs alternate, so that each has a neighbour of the other side.
fn take_turns(first: &[ComparedRun], second: &[ComparedRun]) -> bool {
    let mut order: Vec<(&str, bool)> = first.iter().map(|run| (run.started.as_str(), true)).collect();
    order.extend(second.iter().map(|run| (run.started.as_str(), false)));
    order.sort_unstable();
    first.len() == second.len() && order.chunks(2).all(|pair| pair.len() == 2 && pair[0].1 != pair[1].1)
}

#[cfg(test)]
mod tests;
