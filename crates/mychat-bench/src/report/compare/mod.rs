//! Two sets of runs into a verdict for each figure: better, worse, no difference, or too little data to say.
//!
//! Machines drift by far more than what people want to see, so a difference is only believed when it is large against
//! what differs between runs of one side. Where the runs took turns, what drifts slowly cancels (`drift`). How much a
//! single run's figures could vary comes from drawing blocks of its intervals again (`resample`); the larger of the
//! two uncertainties counts.

mod drift;
mod resample;
mod run;
mod student;
mod table;

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

pub use run::{Interval, Run};
pub use table::{markdown, terminal};

use crate::judge::validity::Validity;
use drift::Estimate;
use resample::{Figures, Sampler, TIMED};

/// What a figure says about the second side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
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
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Of the first side and of the second.
    pub values: (f64, f64),
    /// The change, as a part of the first: 0.05 is 5 % more. For counts there is none.
    pub change: Option<f64>,
    /// Where the change lies, with the confidence that is left to one of several figures.
    pub interval: Option<(f64, f64)>,
    /// What it says.
    pub finding: Finding,
}

/// A whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Runs of each side that are used.
    pub runs: (usize, usize),
    /// All figures.
    pub rows: Vec<Row>,
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
        self.rows.iter().any(|row| row.finding == Finding::Worse)
    }

    /// Whether nothing can be said of what people wait for, however well the rest is known.
    pub fn undecided(&self) -> bool {
        let timed = || self.rows.iter().filter(|row| row.change.is_some());
        let waits = timed().filter(|row| row.name.starts_with(WAITING)).count();
        let open = |row: &&Row| row.finding == Finding::TooLittleData && (waits == 0 || row.name.starts_with(WAITING));
        timed().filter(open).count() == if waits == 0 { timed().count() } else { waits }
    }
}

/// How the names of the figures begin that people wait for.
const WAITING: &str = "delivery p";
/// A server that uses less of a core than this uses nothing worth comparing.
const IDLE: f64 = 0.01;
/// Runs a side below which nothing is said about times.
const FEWEST: usize = 3;
/// How often each run is drawn anew: its spread is known to about 7 % then, and there are several runs.
const DRAWS: usize = 100;
/// An interval wider than so many times the least effect says nothing.
const WIDEST: f64 = 5.0;

/// Compares two sides. The same input gives the same answer: what is drawn comes from a fixed seed.
pub fn compare(first: &[Run], second: &[Run], threshold: Threshold) -> Comparison {
    let mut notes = Vec::new();
    let mut sound = |runs: &[Run], name: &str| {
        let kept: Vec<Run> = runs.iter().filter(|run| run.validity != Validity::Invalid).cloned().collect();
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
    if fewest < FEWEST {
        notes.push(format!("times need at least {FEWEST} valid runs a side, better 5, and taking turns: A B A B A B"));
    } else if !paired {
        notes.push("the runs did not take turns: what the machine did meanwhile counts as a difference".to_owned());
    }
    let mut rows = timed(&timed_first, &timed_second, paired, threshold);
    notes.extend(more_runs(&rows, fewest, threshold));
    rows.extend(violations(first, second));
    Comparison { runs: (timed_first.len(), timed_second.len()), rows, notes }
}

/// How far the runs are from saying something, where they are not enough: what they could show, and how many could.
fn more_runs(rows: &[Row], fewest: usize, threshold: Threshold) -> Option<String> {
    const SENSIBLE: f64 = 30.0;
    let blurred = rows.iter().filter(|row| row.finding == Finding::TooLittleData);
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
fn take_turns(first: &[Run], second: &[Run]) -> bool {
    let mut order: Vec<(&str, bool)> = first.iter().map(|run| (run.started.as_str(), true)).collect();
    order.extend(second.iter().map(|run| (run.started.as_str(), false)));
    order.sort_unstable();
    first.len() == second.len() && order.chunks(2).all(|pair| pair.len() == 2 && pair[0].1 != pair[1].1)
}

/// The mean change of a figure, as a logarithm.
struct Change {
    values: (f64, f64),
    estimate: Estimate,
}

fn timed(first: &[Run], second: &[Run], paired: bool, threshold: Threshold) -> Vec<Row> {
    let mut runs: Vec<(&Run, bool)> = first.iter().map(|run| (run, false)).collect();
    runs.extend(second.iter().map(|run| (run, true)));
    runs.sort_by(|(a, _), (b, _)| a.started.cmp(&b.started));
    let fewest = first.len().min(second.len());
    let mut samplers: Vec<Sampler<'_>> = runs.iter().map(|(run, _)| Sampler::new(run)).collect();
    let measured: Vec<Figures> = samplers.iter_mut().map(Sampler::measured).collect();
    let within = if fewest < FEWEST { [0.0; TIMED.len()] } else { within(&mut samplers) };
    let mut found = Vec::new();
    for (index, within) in within.into_iter().enumerate() {
        let logs: Option<Vec<(f64, bool)>> =
            measured.iter().zip(&runs).map(|(figures, (_, second))| Some((figures[index]?.ln(), *second))).collect();
        let Some(logs) = logs.filter(|_| fewest > 0) else { continue };
        let side = |wanted| logs.iter().filter(move |(_, second)| *second == wanted).map(|(log, _)| *log).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = (side(false), side(true));
        let mut estimate = if paired && fewest >= FEWEST { drift::estimate(&logs) } else { apart(&a, &b) };
        // Runs may look alike by luck; what a run could as well have given is never less than what its parts say.
        estimate.error = estimate.error.max(within * (1.0 / a.len() as f64 + 1.0 / b.len() as f64).sqrt());
        let values = (mean(&a).exp(), mean(&b).exp());
        if TIMED[index].0 == "server CPU" && values.0.max(values.1) < IDLE {
            continue;
        }
        found.push((index, Change { values, estimate }));
    }
    decide(&found, fewest, threshold)
}

/// Two sides that did not take turns: their means, and what differs between runs of one side.
fn apart(a: &[f64], b: &[f64]) -> Estimate {
    let part = |side: &[f64]| spread(side).powi(2) / side.len() as f64;
    let fewest = a.len().min(b.len()) as f64;
    Estimate { mean: mean(b) - mean(a), error: (part(a) + part(b)).sqrt(), freedom: (fewest - 1.0).max(1.0) }
}

/// How much each figure of a single run varies (as a logarithm) when blocks of its intervals are drawn anew.
fn within(samplers: &mut [Sampler<'_>]) -> [f64; TIMED.len()] {
    let mut rng = ChaCha8Rng::seed_from_u64(0x636f_6d70);
    let mut squares = [0.0; TIMED.len()];
    for sampler in samplers.iter_mut() {
        let drawn: Vec<Figures> = (0..DRAWS).map(|_| sampler.draw(&mut rng)).collect();
        for (index, square) in squares.iter_mut().enumerate() {
            let logs: Vec<f64> = drawn.iter().filter_map(|figures| Some(figures[index]?.ln())).collect();
            *square += spread(&logs).powi(2);
        }
    }
    squares.map(|sum| (sum / samplers.len() as f64).sqrt())
}

/// Holm's correction: the clearest difference is held against the strictest limit, the next against a milder one.
fn decide(found: &[(usize, Change)], fewest: usize, threshold: Threshold) -> Vec<Row> {
    let clear = |change: &Change| {
        let Estimate { mean, error, freedom } = change.estimate;
        student::chance(mean / error.max(1e-12), freedom)
    };
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| clear(&found[*a].1).total_cmp(&clear(&found[*b].1)));
    let mut rows: Vec<(usize, Row)> = Vec::new();
    let mut still = true;
    for (rank, place) in order.into_iter().enumerate() {
        let (index, change) = &found[place];
        let (name, less_is_better) = TIMED[*index];
        let level = threshold.error / (found.len() - rank) as f64;
        still &= clear(change) <= level;
        let Estimate { mean, error, freedom } = change.estimate;
        let half = student::quantile(level, freedom) * error;
        let part = mean.exp_m1();
        let finding = if fewest < FEWEST {
            Finding::TooLittleData
        } else if still && part.abs() >= threshold.effect {
            if (part < 0.0) == less_is_better { Finding::Better } else { Finding::Worse }
        } else if half.exp_m1() > WIDEST * threshold.effect {
            Finding::TooLittleData
        } else {
            Finding::NoDifference
        };
        let bounds = ((mean - half).exp_m1(), (mean + half).exp_m1());
        let interval = (fewest >= FEWEST).then_some(bounds);
        rows.push((*index, Row { name, values: change.values, change: Some(part), interval, finding }));
    }
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Counts that should be zero: exact, so a single run is enough to see that some are new.
fn violations(first: &[Run], second: &[Run]) -> Vec<Row> {
    let sum = |runs: &[Run], count: fn(&Run) -> u64| runs.iter().map(count).sum::<u64>() as f64;
    let delivered = (sum(first, |run| run.delivered), sum(second, |run| run.delivered));
    let Some(names) = first.first().map(|run| run.violations.keys().copied().collect::<Vec<_>>()) else {
        return Vec::new();
    };
    let of = |runs: &[Run], name: &str| runs.iter().filter_map(|run| run.violations.get(name)).sum::<u64>() as f64;
    names
        .into_iter()
        .filter_map(|name| {
            let (a, b) = (of(first, name), of(second, name));
            if a == 0.0 && b == 0.0 && name != "lost" {
                return None;
            }
            // As many as the second side would have at the first one's rate.
            let share = if delivered.0 > 0.0 && delivered.1 > 0.0 { delivered.1 / delivered.0 } else { 1.0 };
            let difference = b - a * share;
            // Counts of rare things vary by the square root; where there were none, one is news.
            let noticeable = if a == 0.0 { 0.5 } else { 3.0 * (b + a * share * share).sqrt() };
            let finding = match difference {
                difference if difference > noticeable => Finding::Worse,
                difference if -difference > noticeable => Finding::Better,
                _ => Finding::NoDifference,
            };
            Some(Row { name, values: (a, b), change: None, interval: None, finding })
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}

#[cfg(test)]
mod tests;
