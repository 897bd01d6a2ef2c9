//! The number of runs that would probably decide a comparison, from the variance of the runs so far.

use super::drift::Estimate;
use super::t_test;

/// The most runs per side that are computed; more is no advice.
pub(super) const MOST: usize = 500;
/// Two-sided probability beyond the quantile that leaves a chance of 80 % on one side.
const ONE_SIDED: f64 = 0.4;
/// The same where both sides count.
const TWO_SIDED: f64 = 0.2;

/// Returns how many runs per side decide a figure in four of five comparisons, given the estimate of `runs` runs per side
/// and the significance level of the figure. At most [`MOST`].
///
/// An estimate of at least `effect` is taken for the true change; a smaller one for no change.
pub(super) fn runs_needed(estimate: Estimate, runs: usize, level: f64, effect: f64) -> usize {
    let limit = effect.ln_1p();
    let change = estimate.mean.abs();
    let decides = |more: &usize| {
        // The error falls with the square root of the number of runs.
        let growth = *more as f64 / runs as f64;
        let (error, freedom) = (estimate.error / growth.sqrt(), estimate.freedom * growth);
        let reach = |beyond| t_test::quantile(beyond, freedom) * error;
        if change >= limit {
            reach(level) + reach(ONE_SIDED) <= change
        } else {
            reach(level) + reach(TWO_SIDED) <= limit
        }
    };
    (runs + 1..MOST).find(decides).unwrap_or(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_needed_grow_with_the_square_of_the_error() {
        let needed = |mean: f64, error: f64| runs_needed(Estimate { mean, error, freedom: 8.0 }, 5, 0.05, 0.05);
        let (few, more) = (needed(0.0, 0.02), needed(0.0, 0.04));
        assert!((10..=13).contains(&few), "{few}");
        assert!((3.2..=4.4).contains(&(more as f64 / few as f64)), "{few} and {more}");
        assert!(needed(0.1, 0.04) < needed(0.06, 0.04), "a large change needs fewer runs");
        assert_eq!(needed(0.0, 1.0), MOST);
    }
}
