//! When each broadcast reached the first and the last of its recipients.

use super::overdue::Overdue;
use super::recorder::{Clock, Place, Recorder};
use crate::plan::{Nanos, Plan};

/// The arrivals of every broadcast at the users of one worker.
#[derive(Debug, Default)]
pub struct FanOut {
    /// By sender, then by index.
    spans: Vec<Vec<Span>>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    intended: Nanos,
    first: Nanos,
    last: Nanos,
}

const NOT_SEEN: Span = Span { intended: 0, first: Nanos::MAX, last: 0 };

impl FanOut {
    /// Takes note of one arrival. Times count from the start of the run.
    pub fn note(&mut self, sender: u32, index: u32, intended: Nanos, now: Nanos) {
        let (sender, index) = (sender as usize, index as usize);
        if self.spans.len() <= sender {
            self.spans.resize_with(sender + 1, Vec::new);
        }
        let spans = &mut self.spans[sender];
        if spans.len() <= index {
            spans.resize(index + 1, NOT_SEEN);
        }
        let span = &mut spans[index];
        span.intended = intended;
        span.first = span.first.min(now);
        span.last = span.last.max(now);
    }

    /// Adds what another worker saw of the same broadcasts.
    pub fn merge(&mut self, other: Self) {
        if self.spans.len() < other.spans.len() {
            self.spans.resize_with(other.spans.len(), Vec::new);
        }
        for (mine, theirs) in self.spans.iter_mut().zip(other.spans) {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), NOT_SEEN);
            }
            for (mine, theirs) in mine.iter_mut().zip(theirs).filter(|(_, theirs)| theirs.last > 0) {
                mine.intended = theirs.intended;
                mine.first = mine.first.min(theirs.first);
                mine.last = mine.last.max(theirs.last);
            }
        }
    }

    /// Whether anybody got this broadcast.
    pub fn has(&self, sender: u32, index: u32) -> bool {
        let span = self.spans.get(sender as usize).and_then(|spans| spans.get(index as usize));
        span.is_some_and(|span| span.last > 0)
    }

    /// Records every broadcast that anybody got, by its sender's group and the stage it was meant for. One that somebody
    /// never got had not reached the last of them when the run ended.
    pub fn record(&self, plan: &Plan, load_start: Nanos, (overdue, end): (&Overdue, Nanos), recorder: &mut Recorder) {
        for (sender, spans) in self.spans.iter().enumerate() {
            let sender = sender as u32;
            for (index, span) in spans.iter().enumerate().filter(|(_, span)| span.last > 0) {
                let last = if overdue.has(sender, index as u32) { end.max(span.last) } else { span.last };
                let stage = plan.stage_at(span.intended.saturating_sub(load_start)) as u16;
                let place = Place { stage, group: plan.users[sender as usize].group, action: 0 };
                let place = if plan.is_closed_loop(sender) { place.closed() } else { place };
                recorder.time(place, Clock::DeliveryFirst, span.first.saturating_sub(span.intended));
                recorder.time(place, Clock::DeliveryLast, last.saturating_sub(span.intended));
                recorder.time(place, Clock::DeliverySpread, last - span.first);
            }
        }
    }
}
