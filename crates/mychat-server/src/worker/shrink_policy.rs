//! The number of sessions at which unused capacity is worth releasing.

/// Sizes below which releasing memory is not worth its cost.
const SMALL: usize = 64;

/// Watches a number of sessions. Collections keep the capacity of their largest size for ever. Releasing it costs a copy,
/// which pays once three quarters of the sessions have left, and then again each time the rest has halved.
#[derive(Debug, Default)]
pub(crate) struct ShrinkPolicy {
    peak: usize,
}

impl ShrinkPolicy {
    /// Records the present number of sessions. Returns true if capacity should be released now.
    pub(crate) fn observe(&mut self, count: usize) -> bool {
        self.peak = self.peak.max(count);
        let should_shrink = self.peak > SMALL && count <= self.peak / 4;
        if should_shrink {
            self.peak = count.saturating_mul(2);
        }
        should_shrink
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_leaving_sessions_shrink_a_few_times_and_few_never() {
        let mut policy = ShrinkPolicy::default();
        assert!((0..=SMALL).chain((0..SMALL).rev()).all(|count| !policy.observe(count)));
        assert!((0..=10_000).all(|count| !policy.observe(count)));
        let shrunk: Vec<usize> = (0..10_000).rev().filter(|&count| policy.observe(count)).collect();
        assert_eq!(shrunk, [2500, 1250, 625, 312, 156, 78, 39, 19]);
    }
}
