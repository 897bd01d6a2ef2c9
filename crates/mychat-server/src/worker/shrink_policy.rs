//! When to give back the memory of a crowd that has left.

/// Watches how many there are. Collections keep the capacity of their largest crowd for ever; giving it back is worth
/// its copying once most of the crowd is gone, and not again before half of the rest are.
#[derive(Debug, Default)]
pub struct ShrinkPolicy {
    high: usize,
}

/// Crowds that are not worth the trouble.
const SMALL: usize = 64;

impl ShrinkPolicy {
    /// There are so many now. Returns whether it is time.
    pub fn is_out(&mut self, count: usize) -> bool {
        self.high = self.high.max(count);
        let is_out = self.high > SMALL && count <= self.high / 4;
        if is_out {
            // What is left is the next crowd, and nothing can be given back for a few.
            self.high = count.saturating_mul(2);
        }
        is_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_that_leaves_is_noticed_a_few_times_and_a_small_one_never() {
        let mut ebb = ShrinkPolicy::default();
        assert!((0..=SMALL).chain((0..SMALL).rev()).all(|count| !ebb.is_out(count)));
        assert!((0..=10_000).all(|count| !ebb.is_out(count)));
        let out: Vec<usize> = (0..10_000).rev().filter(|&count| ebb.is_out(count)).collect();
        assert_eq!(out, [2500, 1250, 625, 312, 156, 78, 39, 19]);
    }
}
