//! The length of the drain: as long as something arrives, and a timeout after that.

use std::iter::Sum;

use crate::plan::{Nanos, RunTime};

/// Deliveries and replies that users are owed and have not received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Deliveries and replies.
    pub owed: u64,
    /// Bytes of frames that have arrived in part.
    pub partial_bytes: u64,
}

/// Time since the last whole frame after which partial frames no longer extend the drain.
const PARTIAL_FRAME_LIMIT: Nanos = 30_000_000_000;

/// Ends the drain of a run once nothing arrives any more.
#[derive(Debug)]
pub struct DrainTimeout {
    length: Nanos,
    least: Outstanding,
    /// Arrival of the last whole frame.
    last_frame: RunTime,
    /// Arrival of the last byte.
    last_progress: RunTime,
}

impl Sum for Outstanding {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            owed: sum.owed + one.owed,
            partial_bytes: sum.partial_bytes + one.partial_bytes,
        })
    }
}

impl DrainTimeout {
    /// A timeout of `length` nanoseconds without progress, from `now` on.
    pub fn new(length: Nanos, now: RunTime) -> Self {
        let least = Outstanding { owed: u64::MAX, partial_bytes: 0 };
        Self { length, least, last_frame: now, last_progress: now }
    }

    /// Takes note of what is outstanding at `now`. Returns true if the timeout has passed.
    pub fn observe(&mut self, outstanding: Outstanding, now: RunTime) -> bool {
        if outstanding.owed < self.least.owed {
            (self.last_frame, self.last_progress) = (now, now);
            self.least = outstanding;
        } else if outstanding.partial_bytes != self.least.partial_bytes && now < self.last_frame + PARTIAL_FRAME_LIMIT {
            self.last_progress = now;
            self.least.partial_bytes = outstanding.partial_bytes;
        }
        now > self.last_progress + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Nanos = 1_000_000_000;

    /// Returns the second in which a timeout of two seconds passes, if this much is outstanding in each second.
    fn expiry(outstanding: impl Fn(u64) -> (u64, u64)) -> Option<u64> {
        let mut timeout = DrainTimeout::new(2 * S, RunTime::ZERO);
        (0..100).find(|second| {
            let (owed, partial_bytes) = outstanding(*second);
            timeout.observe(Outstanding { owed, partial_bytes }, RunTime::from_nanos(second * S))
        })
    }

    #[test]
    fn the_drain_lasts_as_long_as_something_arrives() {
        assert_eq!(expiry(|_| (5, 0)), Some(3));
        assert_eq!(expiry(|second| (20 - second.min(10), 0)), Some(13));
        assert_eq!(expiry(|second| (5, second.min(10))), Some(13), "a frame that arrives byte by byte");
        assert_eq!(expiry(|second| (5, second)), Some(32), "one without an end");
    }
}
