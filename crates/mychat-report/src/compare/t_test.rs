//! Student's t distribution: p-values and quantiles.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Returns the two-sided p-value of `t` with `freedom` degrees of freedom.
pub(super) fn chance(t: f64, freedom: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| 2.0 * student.sf(t.abs()))
}

/// Returns the t whose two-sided p-value is `p`; infinity if `freedom` is not positive.
pub(super) fn quantile(p: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(1.0 - p / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_printed_tables() {
        for (freedom, two_sided, t) in
            [(1.0, 0.05, 12.706), (4.0, 0.05, 2.776), (4.0, 0.01, 4.604), (9.0, 0.01, 3.250), (30.0, 0.05, 2.042)]
        {
            assert!((quantile(two_sided, freedom) - t).abs() < 0.001, "{freedom} {two_sided}");
            assert!((chance(t, freedom) - two_sided).abs() < 1e-4);
        }
        assert!((chance(0.0, 5.0) - 1.0).abs() < 1e-9);
    }
}
