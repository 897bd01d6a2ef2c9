//! Compares times and rates: the difference, its uncertainty and the verdict.

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

use super::bootstrap::{BlockBootstrap, Figures, TIMED};
use super::drift::{self, Estimate};
use super::{ChangeVerdict, ComparedFigure, ComparedRun, FEWEST, Threshold, power, t_test};

/// CPU use of a server, in cores, below which it is not compared.
const IDLE: f64 = 0.01;
/// Number of bootstrap draws per run. They give the spread of one run to about 7 %, and there are several runs.
const DRAWS: usize = 100;

/// Mean change of a figure, as a logarithm.
struct LogChange {
    values: (f64, f64),
    estimate: Estimate,
}

pub(super) fn compare_timings(
    first: &[ComparedRun],
    second: &[ComparedRun],
    paired: bool,
    threshold: Threshold,
) -> Vec<ComparedFigure> {
    let mut runs: Vec<(&ComparedRun, bool)> = first.iter().map(|run| (run, false)).collect();
    runs.extend(second.iter().map(|run| (run, true)));
    runs.sort_by(|(a, _), (b, _)| a.started.cmp(&b.started));
    let fewest = first.len().min(second.len());
    let mut bootstraps: Vec<BlockBootstrap<'_>> = runs.iter().map(|(run, _)| BlockBootstrap::new(run)).collect();
    let measured: Vec<Figures> = bootstraps.iter_mut().map(BlockBootstrap::measured).collect();
    let within = if fewest < FEWEST { [0.0; TIMED.len()] } else { within(&mut bootstraps) };
    let mut found = Vec::new();
    for (index, within) in within.into_iter().enumerate() {
        let logs: Option<Vec<(f64, bool)>> =
            measured.iter().zip(&runs).map(|(figures, (_, second))| Some((figures[index]?.ln(), *second))).collect();
        let Some(logs) = logs.filter(|_| fewest > 0) else { continue };
        let side = |wanted| logs.iter().filter(move |(_, second)| *second == wanted).map(|(log, _)| *log).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = (side(false), side(true));
        let mut estimate = if paired && fewest >= FEWEST { drift::estimate(&logs) } else { apart(&a, &b) };
        // Runs can look alike by chance, so the uncertainty is at least that of single runs.
        estimate.error = estimate.error.max(within * (1.0 / a.len() as f64 + 1.0 / b.len() as f64).sqrt());
        let values = (mean(&a).exp(), mean(&b).exp());
        if TIMED[index].0 == "server CPU" && values.0.max(values.1) < IDLE {
            continue;
        }
        found.push((index, LogChange { values, estimate }));
    }
    decide(&found, fewest, threshold)
}

/// Estimates the difference if the runs did not alternate: from the means and the spread within each side.
fn apart(a: &[f64], b: &[f64]) -> Estimate {
    let part = |side: &[f64]| spread(side).powi(2) / side.len() as f64;
    let fewest = a.len().min(b.len()) as f64;
    Estimate { mean: mean(b) - mean(a), error: (part(a) + part(b)).sqrt(), freedom: (fewest - 1.0).max(1.0) }
}

/// Returns the spread of each figure of one run (as a logarithm) over bootstrap draws.
fn within(bootstraps: &mut [BlockBootstrap<'_>]) -> [f64; TIMED.len()] {
    let mut rng = ChaCha8Rng::seed_from_u64(0x636f_6d70);
    let mut squares = [0.0; TIMED.len()];
    for bootstrap in bootstraps.iter_mut() {
        let drawn: Vec<Figures> = (0..DRAWS).map(|_| bootstrap.draw(&mut rng)).collect();
        for (index, square) in squares.iter_mut().enumerate() {
            let logs: Vec<f64> = drawn.iter().filter_map(|figures| Some(figures[index]?.ln())).collect();
            *square += spread(&logs).powi(2);
        }
    }
    squares.map(|sum| (sum / bootstraps.len() as f64).sqrt())
}

/// Applies Holm's correction: the clearest difference is tested at the strictest level, the next at a weaker one.
fn decide(found: &[(usize, LogChange)], fewest: usize, threshold: Threshold) -> Vec<ComparedFigure> {
    let clear = |change: &LogChange| {
        let Estimate { mean, error, freedom } = change.estimate;
        t_test::chance(mean / error.max(1e-12), freedom)
    };
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| clear(&found[*a].1).total_cmp(&clear(&found[*b].1)));
    let mut rows: Vec<(usize, ComparedFigure)> = Vec::new();
    let mut still = true;
    for (rank, place) in order.into_iter().enumerate() {
        let (index, change) = &found[place];
        let (name, less_is_better) = TIMED[*index];
        let level = threshold.error / (found.len() - rank) as f64;
        still &= clear(change) <= level;
        let Estimate { mean, error, freedom } = change.estimate;
        let half = t_test::quantile(level, freedom) * error;
        let part = mean.exp_m1();
        let bounds = ((mean - half).exp_m1(), (mean + half).exp_m1());
        let finding = if fewest < FEWEST {
            ChangeVerdict::TooLittleData
        } else if still && part.abs() >= threshold.effect {
            if (part < 0.0) == less_is_better { ChangeVerdict::Better } else { ChangeVerdict::Worse }
        } else if bounds.0 >= -threshold.effect && bounds.1 <= threshold.effect {
            ChangeVerdict::NoDifference
        } else {
            ChangeVerdict::TooLittleData
        };
        let is_measured = fewest >= FEWEST;
        let runs_needed = (is_measured && finding == ChangeVerdict::TooLittleData)
            .then(|| power::runs_needed(change.estimate, fewest, level, threshold.effect));
        let interval = is_measured.then_some(bounds);
        let values = change.values;
        rows.push((*index, ComparedFigure { name, values, change: Some(part), interval, finding, runs_needed }));
    }
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn spread(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}
