//! Estimates the difference between two sides whose runs alternated on a machine with drifting speed.
//!
//! Second or third differences of adjacent runs cancel slow drift. The remainder is the difference between the sides and the
//! noise of single runs. Both are fitted by least squares.

/// Estimate: mean difference, its standard error, and the degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) error: f64,
    pub(super) freedom: f64,
}

/// Estimates the difference from values in time order. The flag is true for runs of the second side.
pub(super) fn estimate(values: &[(f64, bool)]) -> Estimate {
    let order = if values.len() >= 14 { 3 } else { 2 };
    let weights: &[f64] = if order == 3 { &[-1.0, 3.0, -3.0, 1.0] } else { &[1.0, -2.0, 1.0] };
    let differ = |of: &[f64]| -> Vec<f64> {
        of.windows(order + 1)
            .map(|window| window.iter().zip(weights).map(|(value, weight)| value * weight).sum())
            .collect()
    };
    let alone: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
    let sides: Vec<f64> = values.iter().map(|(_, second)| f64::from(u8::from(*second))).collect();
    let (z, x) = (differ(&alone), differ(&sides));
    let square: f64 = x.iter().map(|x| x * x).sum();
    let mean = z.iter().zip(&x).map(|(z, x)| z * x).sum::<f64>() / square;

    // Adjacent differences share runs: this is their covariance, in units of the variance of one run.
    let covariance = |apart: usize| -> f64 { weights.iter().skip(apart).zip(weights).map(|(a, b)| a * b).sum::<f64>() };
    let count = z.len();
    let shared: Vec<Vec<f64>> = (0..count)
        .map(|row| {
            (0..count)
                .map(|column| if row.abs_diff(column) > order { 0.0 } else { covariance(row.abs_diff(column)) })
                .collect()
        })
        .collect();
    // The residuals are (1 − x xᵀ / x·x) z.
    let left: Vec<Vec<f64>> = (0..count)
        .map(|row| (0..count).map(|column| f64::from(u8::from(row == column)) - x[row] * x[column] / square).collect())
        .collect();
    let residual = product(&product(&left, &shared), &left);
    let trace = |matrix: &[Vec<f64>]| (0..count).map(|index| matrix[index][index]).sum::<f64>();
    let expected = trace(&residual);
    let sum: f64 = z.iter().zip(&x).map(|(z, x)| (z - mean * x).powi(2)).sum();
    let variance = sum / expected.max(1e-12);
    let spread: f64 = (0..count)
        .flat_map(|row| (0..count).map(move |column| (row, column)))
        .map(|(row, column)| x[row] * shared[row][column] * x[column])
        .sum::<f64>()
        / (square * square);
    Estimate {
        mean,
        error: (variance * spread).sqrt(),
        freedom: expected * expected / trace(&product(&residual, &residual)).max(1e-12),
    }
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let cell = |row: &Vec<f64>, column: usize| row.iter().zip(b).map(|(value, line)| value * line[column]).sum();
    a.iter().map(|row| (0..b.len()).map(|column| cell(row, column)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_drift_is_not_taken_for_a_difference() {
        let values: Vec<(f64, bool)> = (0..10)
            .map(|at| (f64::from(at), at % 2 == 1))
            .map(|(at, second)| (3.0 + at + if second { 0.5 } else { 0.0 }, second))
            .collect();
        let found = estimate(&values);
        assert!((found.mean - 0.5).abs() < 1e-9 && found.error < 1e-9, "{found:?}");
        assert!((2.0..6.0).contains(&found.freedom), "{found:?}");
    }
}
