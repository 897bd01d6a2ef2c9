//! The times at which each broadcast reached its first and its last recipient.

use crate::plan::{RunTime, UserId};

/// The arrivals of every broadcast at the users of one worker.
#[derive(Debug, Default)]
pub struct FanOut {
    /// By sender, then by index.
    spans: Vec<Vec<ArrivalSpan>>,
}

/// First and last arrival of one broadcast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArrivalSpan {
    /// Scheduled time of sending.
    pub(crate) intended: RunTime,
    pub(crate) first: RunTime,
    /// Zero if it has not arrived.
    pub(crate) last: RunTime,
}

// There is one for every broadcast of a run.
const _: () = assert!(size_of::<ArrivalSpan>() == 24);

const NOT_ARRIVED: ArrivalSpan = ArrivalSpan { intended: RunTime::ZERO, first: RunTime::MAX, last: RunTime::ZERO };

impl FanOut {
    /// Records one arrival.
    pub fn note(&mut self, sender: UserId, index: u32, intended: RunTime, now: RunTime) {
        let (sender, index) = (sender.index(), index as usize);
        if self.spans.len() <= sender {
            self.spans.resize_with(sender + 1, Vec::new);
        }
        let spans = &mut self.spans[sender];
        if spans.len() <= index {
            spans.resize(index + 1, NOT_ARRIVED);
        }
        let span = &mut spans[index];
        span.intended = intended;
        span.first = span.first.min(now);
        span.last = span.last.max(now);
    }

    /// Adds the arrivals at another worker's users.
    pub fn merge(&mut self, other: Self) {
        if self.spans.len() < other.spans.len() {
            self.spans.resize_with(other.spans.len(), Vec::new);
        }
        for (mine, theirs) in self.spans.iter_mut().zip(other.spans) {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), NOT_ARRIVED);
            }
            for (mine, theirs) in mine.iter_mut().zip(theirs).filter(|(_, theirs)| theirs.last > RunTime::ZERO) {
                mine.intended = theirs.intended;
                mine.first = mine.first.min(theirs.first);
                mine.last = mine.last.max(theirs.last);
            }
        }
    }

    /// Returns true if at least one user received this broadcast.
    pub fn has(&self, sender: UserId, index: u32) -> bool {
        let span = self.spans.get(sender.index()).and_then(|spans| spans.get(index as usize));
        span.is_some_and(|span| span.last > RunTime::ZERO)
    }

    /// Returns sender, index and arrival times of each broadcast that at least one user received.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (UserId, u32, ArrivalSpan)> {
        self.spans.iter().zip(0..).flat_map(|(spans, sender)| {
            let received = spans.iter().zip(0..).filter(|(span, _)| span.last > RunTime::ZERO);
            received.map(move |(span, index)| (UserId(sender), index, *span))
        })
    }
}
