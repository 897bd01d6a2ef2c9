//! The timeline of a run: when an interval ends, and what the workers recorded in it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::TimelineSlice;
use super::phases::TICK;
use crate::engine::shared::SharedState;
use crate::plan::{Nanos, RunTime, nanos};
use crate::record::packed::PackedLatency;
use crate::record::recorder::{Count, LatencyMetric, Recorder, Shape};

/// The samples of a whole run, and of its current interval. Times are nanoseconds since the run began.
#[derive(Debug)]
pub(super) struct Intervals {
    length: Nanos,
    /// End of the current interval.
    next: RunTime,
    /// Workers that have not yet reported the interval that is ending.
    pending: usize,
    /// Samples of the current interval.
    current: Recorder,
    /// Samples of all closed intervals.
    total: Recorder,
    timeline: Vec<TimelineSlice>,
}

impl Intervals {
    /// A timeline whose first interval ends `length` after the start of the run.
    pub(super) fn new(shape: Shape, length: Nanos) -> Self {
        Self {
            length,
            next: RunTime::from_nanos(length),
            pending: 0,
            current: Recorder::new(shape),
            total: Recorder::new(shape),
            timeline: Vec::new(),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.total.shape()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.pending > 0
    }

    pub(super) fn latest(&self) -> Option<&TimelineSlice> {
        self.timeline.last()
    }

    /// Returns how long the coordinator may wait: not past the end of an interval, or samples that follow a change of the
    /// load would count as before it.
    pub(super) fn pause(&self, now: RunTime) -> Duration {
        let left = Duration::from_nanos(self.next.since(now));
        if self.is_pending() || left.is_zero() { TICK } else { left.min(TICK) }
    }

    /// Returns the end of the current interval once it is over. The interval in which the load ends is extended by up to
    /// half its length and takes in the messages in flight, instead of leaving a line of some milliseconds.
    pub(super) fn due(&self, shared: &SharedState, now: RunTime) -> Option<RunTime> {
        if self.is_pending() || now < self.next {
            return None;
        }
        let (at, length) = (self.next, self.length);
        let end = shared.load_start.get().map(|start| shared.plan.end().in_run(*start));
        let is_last = end.is_some_and(|end| at + nanos(TICK) >= end && at < end + length);
        if is_last { (now >= at + length / 2).then_some(now) } else { Some(at) }
    }

    /// Ends the current interval at `at`; `workers` reports follow.
    pub(super) fn end(&mut self, at: RunTime, workers: usize) {
        self.next = at;
        self.pending = workers;
    }

    /// Adds samples to the current interval.
    pub(super) fn add(&mut self, recorded: &Recorder) {
        self.current.merge(recorded);
    }

    /// Adds one worker's report of the ending interval. Returns the samples of all workers with the last report.
    pub(super) fn receive(&mut self, recorded: &Recorder) -> Option<&Recorder> {
        self.add(recorded);
        self.pending = self.pending.saturating_sub(1);
        (self.pending == 0).then_some(&self.current)
    }

    /// Closes the interval that has been reported in full and starts the next one.
    pub(super) fn close_pending(&mut self, shared: &SharedState) -> &TimelineSlice {
        let at = self.next;
        self.next += self.length;
        self.close(shared, at)
    }

    /// Moves the samples of the current interval, which ended at `at`, to the total and to the timeline.
    pub(super) fn close(&mut self, shared: &SharedState, at: RunTime) -> &TimelineSlice {
        let middle = at.minus(self.length / 2);
        let load_start = shared.load_start.get().copied();
        let stage =
            load_start.filter(|start| middle >= *start).map(|start| shared.plan.stage_at(middle.in_load(start)));
        let slice = TimelineSlice {
            at,
            stage,
            connected: shared.live.connected.load(Ordering::Relaxed),
            sent: self.current.total(Count::Sent, |_| true),
            delivered: self.current.total(Count::Delivered, |_| true),
            errors: self.current.total(Count::Errors, |_| true),
            delivery: PackedLatency::new(&self.current.latency(LatencyMetric::Delivery, |_| true)),
            lateness: PackedLatency::new(&self.current.latency(LatencyMetric::Lateness, |_| true)),
        };
        self.total.merge(&self.current);
        // A new recorder: an emptied one would keep the histograms of all past stages allocated.
        self.current = Recorder::new(self.total.shape());
        let index = self.timeline.len();
        self.timeline.push(slice);
        &self.timeline[index]
    }

    /// Returns all samples, and the timeline.
    pub(super) fn into_parts(self) -> (Recorder, Vec<TimelineSlice>) {
        (self.total, self.timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinator_does_not_sleep_past_the_end_of_an_interval() {
        let ms = Duration::from_millis;
        let at = |ms: u64| RunTime::from_micros(ms * 1000);
        let mut intervals = Intervals::new(Shape { stages: 1, groups: 1 }, nanos(ms(1000)));
        assert_eq!(intervals.pause(at(900)), TICK);
        assert_eq!(intervals.pause(at(993)), ms(7), "not 13 ms into the next");
        assert_eq!(intervals.pause(at(1001)), TICK);
        intervals.end(at(1000), 1);
        assert_eq!(intervals.pause(at(993)), TICK, "the last interval is still being reported");
    }
}
