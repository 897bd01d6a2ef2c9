//! A limit on log lines that peers, or one shortage, can cause a million times.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The time for which the lines of one kind are counted.
const INTERVAL: Duration = Duration::from_secs(1);

/// A kind of line that may come in masses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The machine had no descriptor or memory for a connection.
    Accept,
    /// A connection was refused.
    Refused,
    /// A user did not read and was disconnected (rule M6).
    Evicted,
    /// A user got a name.
    Joined,
    /// A user left or was disconnected.
    Left,
}

impl Repeated {
    /// The number of kinds.
    const COUNT: usize = 5;

    /// Returns the lines per second that pass: one warning says enough, and a class of thirty that joins is shown whole.
    const fn per_interval(self) -> u64 {
        match self {
            Self::Accept | Self::Refused | Self::Evicted => 1,
            Self::Joined | Self::Left => 50,
        }
    }
}

/// Lets some lines of each kind through per second. Shared by all workers.
#[derive(Debug)]
pub(crate) struct LogThrottle {
    start: Instant,
    kinds: [ThrottleState; Repeated::COUNT],
}

#[derive(Debug, Default)]
struct ThrottleState {
    /// Milliseconds from the start to the first line of the current interval, plus one; 0 before the first line.
    interval: AtomicU64,
    /// Lines in this interval, withheld ones included.
    lines: AtomicU64,
    /// Lines withheld since the last line that passed.
    withheld: AtomicU64,
}

impl LogThrottle {
    /// Returns a throttle that has let nothing through yet.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), kinds: Default::default() }
    }

    /// Calls `log` unless the lines of this kind for this second have passed. Its argument is the number of lines withheld
    /// since the last one that passed, if there were any.
    pub(crate) fn log(&self, kind: Repeated, log: impl FnOnce(Option<u64>)) {
        let state = &self.kinds[kind as usize];
        let now = self.start.elapsed().as_millis() as u64 + 1;
        // Relaxed: two workers that arrive together compete for one atomic alone, and no other memory depends on the outcome.
        // A worker that adds to `lines` just before it is set anew loses its count: one line more may pass.
        let began = state.interval.load(Relaxed);
        let is_new = began == 0 || now >= began + INTERVAL.as_millis() as u64;
        if is_new && state.interval.compare_exchange(began, now, Relaxed, Relaxed).is_ok() {
            state.lines.store(0, Relaxed);
        }
        if state.lines.fetch_add(1, Relaxed) < kind.per_interval() {
            log(Some(state.withheld.swap(0, Relaxed)).filter(|&withheld| withheld > 0));
        } else {
            state.withheld.fetch_add(1, Relaxed);
        }
    }
}

impl Default for LogThrottle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_warning_passes_and_the_next_ones_are_counted() {
        let throttle = LogThrottle::new();
        let mut passed = Vec::new();
        (0..100).for_each(|_| throttle.log(Repeated::Accept, |withheld| passed.push(withheld)));
        assert_eq!(passed[0], None);
        let withheld = throttle.kinds[Repeated::Accept as usize].withheld.load(Relaxed);
        let reported: u64 = passed.iter().flatten().sum();
        assert_eq!(passed.len() as u64 + reported + withheld, 100);
        assert!(withheld >= 97, "{withheld}");
    }

    #[test]
    fn a_class_that_joins_is_logged_line_by_line() {
        let throttle = LogThrottle::new();
        let mut passed = 0;
        (0..50).for_each(|_| throttle.log(Repeated::Joined, |withheld| passed += u32::from(withheld.is_none())));
        assert_eq!(passed, 50);
        (0..1000).for_each(|_| throttle.log(Repeated::Joined, |_| passed += 1));
        // A slow machine may take more than a second for this.
        assert!(passed < 1050 && throttle.kinds[Repeated::Left as usize].lines.load(Relaxed) == 0, "{passed}");
    }
}
