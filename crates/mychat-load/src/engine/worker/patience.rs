//! For how long a run waits for what has not come: as long as something comes.

use std::iter::Sum;

use crate::plan::Nanos;

/// What is owed to users and has not come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Deliveries and answers.
    pub owed: u64,
    /// Bytes of frames that have begun to arrive.
    pub pieces: u64,
}

impl Sum for Outstanding {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { owed: sum.owed + one.owed, pieces: sum.pieces + one.pieces })
    }
}

/// For how long frames that arrive in pieces are waited for, from the last one that arrived whole.
const PIECEMEAL: Nanos = 30_000_000_000;

/// The patience of a run once nothing is sent any more.
#[derive(Debug)]
pub struct Patience {
    length: Nanos,
    least: Outstanding,
    /// When something arrived whole.
    whole: Nanos,
    /// When anything arrived.
    any: Nanos,
}

impl Patience {
    /// So long, from `now` on.
    pub fn new(length: Nanos, now: Nanos) -> Self {
        Self { length, least: Outstanding { owed: u64::MAX, pieces: 0 }, whole: now, any: now }
    }

    /// Whether it is over, where this is outstanding now.
    pub fn is_over(&mut self, outstanding: Outstanding, now: Nanos) -> bool {
        if outstanding.owed < self.least.owed {
            (self.whole, self.any) = (now, now);
            self.least = outstanding;
        } else if outstanding.pieces != self.least.pieces && now < self.whole + PIECEMEAL {
            self.any = now;
            self.least.pieces = outstanding.pieces;
        }
        now > self.any + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Nanos = 1_000_000_000;

    /// When patience of two seconds is over, where so much is outstanding at each second.
    fn over(outstanding: impl Fn(u64) -> (u64, u64)) -> Option<u64> {
        let mut patience = Patience::new(2 * S, 0);
        (0..100).find(|second| {
            let (owed, pieces) = outstanding(*second);
            patience.is_over(Outstanding { owed, pieces }, second * S)
        })
    }

    #[test]
    fn it_lasts_as_long_as_something_comes() {
        assert_eq!(over(|_| (5, 0)), Some(3));
        assert_eq!(over(|second| (20 - second.min(10), 0)), Some(13));
        assert_eq!(over(|second| (5, second.min(10))), Some(13), "a frame that drips in");
        assert_eq!(over(|second| (5, second)), Some(32), "one without an end");
    }
}
