//! The number of samples that a percentile needs: ten beyond it, so that a few outliers do not decide it.

/// Samples above a percentile that make it trustworthy.
const SAMPLES_BEYOND: f64 = 10.0;

/// Returns how many independent samples the percentile `quantile` (0 to 1) needs: 1,000 for 0.99.
pub fn samples_needed(quantile: f64) -> u64 {
    (SAMPLES_BEYOND / (1.0 - quantile)).round() as u64
}

/// Returns the highest quantile, at most 0.99 and at least 0.5, that this many samples support.
pub(super) fn highest_supported(samples: u64) -> f64 {
    (1.0 - SAMPLES_BEYOND / samples.max(1) as f64).clamp(0.5, 0.99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_supported_from_the_samples_it_needs_on() {
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(samples_needed), [20, 100, 1000, 10_000]);
        assert!((highest_supported(samples_needed(0.9)) - 0.9).abs() < 1e-9);
        assert!((highest_supported(1) - 0.5).abs() < 1e-9 && (highest_supported(1 << 20) - 0.99).abs() < 1e-9);
    }
}
