//! A limit on warnings that one peer, or one shortage, can cause a million times.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The shortest time between two warnings of one kind.
const INTERVAL: Duration = Duration::from_secs(1);

/// A kind of warning that may come in masses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The machine had no descriptor or memory for a connection.
    Accept,
    /// A connection was refused.
    Refused,
    /// A user did not read and was disconnected (rule M6).
    Evicted,
}

/// Lets one warning of each kind through per second. Shared by all workers.
#[derive(Debug)]
pub(crate) struct WarningThrottle {
    start: Instant,
    kinds: [WarningState; 3],
}

#[derive(Debug, Default)]
struct WarningState {
    /// Milliseconds from the start to the last warning, plus one; 0 before the first.
    last: AtomicU64,
    /// Warnings withheld since then.
    withheld: AtomicU64,
}

impl WarningThrottle {
    /// Returns a throttle that has let nothing through yet.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), kinds: Default::default() }
    }

    /// Calls `warn` unless a warning of this kind was let through less than a second ago. Its argument is the number of
    /// warnings withheld since then, if there were any.
    pub(crate) fn warn(&self, kind: Repeated, warn: impl FnOnce(Option<u64>)) {
        let kind = &self.kinds[kind as usize];
        let now = self.start.elapsed().as_millis() as u64 + 1;
        // Relaxed: two workers that arrive together compete for `last` alone, and the loser counts as withheld. No
        // other memory depends on the outcome.
        let last = kind.last.load(Relaxed);
        let is_due = last == 0 || now >= last + INTERVAL.as_millis() as u64;
        if is_due && kind.last.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            warn(Some(kind.withheld.swap(0, Relaxed)).filter(|&withheld| withheld > 0));
        } else {
            kind.withheld.fetch_add(1, Relaxed);
        }
    }
}

impl Default for WarningThrottle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_warning_passes_and_the_next_ones_are_counted() {
        let throttle = WarningThrottle::new();
        let mut passed = Vec::new();
        (0..100).for_each(|_| throttle.warn(Repeated::Accept, |withheld| passed.push(withheld)));
        assert_eq!(passed[0], None);
        let withheld = throttle.kinds[Repeated::Accept as usize].withheld.load(Relaxed);
        let reported: u64 = passed.iter().flatten().sum();
        assert_eq!(passed.len() as u64 + reported + withheld, 100);
        assert!(withheld >= 97, "{withheld}");
    }
}
