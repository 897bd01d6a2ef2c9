//! The timeline of a run: when an interval ends, and what the workers recorded in it.
//!
//! An interval lies in one part of the run: the login phase, one stage, or the drain. So the sum over the intervals of a
//! stage holds exactly the arrivals within that stage, whenever the messages were due.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::phases::TICK;
use super::{TimelinePart, TimelineSlice};
use crate::engine::shared::SharedState;
use crate::plan::{Nanos, RunTime};
use crate::record::packed::PackedLatency;
use crate::record::recorder::{Count, LatencyMetric, Recorder, Shape};

/// The samples of a whole run, and of its current interval. Times are nanoseconds since the run began.
#[derive(Debug)]
pub struct Intervals {
    length: Nanos,
    /// Start of the current interval.
    start: RunTime,
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
    /// Returns a timeline whose first interval ends `length` after the start of the run.
    pub fn new(shape: Shape, length: Nanos) -> Self {
        Self {
            length,
            start: RunTime::ZERO,
            next: RunTime::from_nanos(length),
            pending: 0,
            current: Recorder::new(shape),
            total: Recorder::new(shape),
            timeline: Vec::new(),
        }
    }

    /// Returns the dimensions of the recorders.
    pub fn shape(&self) -> Shape {
        self.total.shape()
    }

    /// Returns true while some worker has not reported the interval that ended last.
    pub fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Returns the interval that was closed last.
    pub(super) fn latest(&self) -> Option<&TimelineSlice> {
        self.timeline.last()
    }

    /// Returns the length of the current interval.
    pub(super) fn current_length(&self) -> Duration {
        Duration::from_nanos(self.next.since(self.start))
    }

    /// Returns how long the coordinator may wait: not past the end of an interval, or samples that follow a change of the
    /// load would count as before it.
    pub(super) fn pause(&self, now: RunTime) -> Duration {
        let left = Duration::from_nanos(self.next.since(now));
        if self.is_pending() || left.is_zero() { TICK } else { left.min(TICK) }
    }

    /// Returns the end of the current interval once it is over.
    pub fn due(&self, now: RunTime) -> Option<RunTime> {
        (!self.is_pending() && now >= self.next).then_some(self.next)
    }

    /// Ends the current interval at `at`; `workers` reports follow.
    pub fn end(&mut self, at: RunTime, workers: usize) {
        self.next = at;
        self.pending = workers;
    }

    /// Adds samples to the current interval.
    pub fn add(&mut self, recorded: &Recorder) {
        self.current.merge(recorded);
    }

    /// Adds one worker's report of the ending interval. Returns the samples of all workers with the last report.
    pub fn receive(&mut self, recorded: &Recorder) -> Option<&Recorder> {
        self.add(recorded);
        self.pending = self.pending.saturating_sub(1);
        (self.pending == 0).then_some(&self.current)
    }

    /// Closes the interval that has been reported in full and starts the next one.
    pub fn close_pending(&mut self, shared: &SharedState) -> &TimelineSlice {
        let at = self.next;
        self.next = next_end(at, self.length, stage_ends(shared));
        self.close(shared, at)
    }

    /// Moves the samples of the current interval, which ended at `at`, to the total and to the timeline.
    pub fn close(&mut self, shared: &SharedState, at: RunTime) -> &TimelineSlice {
        let slice = TimelineSlice {
            at,
            part: part_at(shared, self.start),
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
        self.start = at;
        let index = self.timeline.len();
        self.timeline.push(slice);
        &self.timeline[index]
    }

    /// Returns all samples, and the timeline.
    pub fn into_parts(self) -> (Recorder, Vec<TimelineSlice>) {
        (self.total, self.timeline)
    }
}

/// Returns the end of each stage, in order; nothing before the load.
fn stage_ends(shared: &SharedState) -> impl Iterator<Item = RunTime> {
    let load_start = shared.load_start.get().copied();
    load_start.into_iter().flat_map(|start| shared.plan.stages.iter().map(move |stage| stage.end.in_run(start)))
}

/// Returns the end of the interval that begins at `start`: the end of its stage if that is at most half a length away from
/// the usual end, so that no interval spans two stages and few are short.
fn next_end(start: RunTime, length: Nanos, mut stage_ends: impl Iterator<Item = RunTime>) -> RunTime {
    let usual = start + length;
    stage_ends.find(|end| *end > start).filter(|end| *end <= usual + length / 2).unwrap_or(usual)
}

fn part_at(shared: &SharedState, at: RunTime) -> TimelinePart {
    let Some(load_start) = shared.load_start.get().copied().filter(|start| at >= *start) else {
        return TimelinePart::Join;
    };
    let at = at.in_load(load_start);
    if at < shared.plan.end() { TimelinePart::Stage(shared.plan.stage_at(at)) } else { TimelinePart::Drain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::nanos;

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

    #[test]
    fn an_interval_ends_with_its_stage() {
        let at = |ms: u64| RunTime::from_micros(ms * 1000);
        let ends = |start: u64, stages: &[u64]| {
            next_end(at(start), nanos(Duration::from_secs(1)), stages.iter().map(|end| at(*end))).micros() / 1000
        };
        assert_eq!(ends(0, &[]), 1000);
        assert_eq!(ends(0, &[300, 5000]), 300, "a stage that is shorter than an interval is one");
        assert_eq!(ends(300, &[300, 5000]), 1300);
        assert_eq!(ends(3300, &[300, 5000]), 4300);
        assert_eq!(ends(4300, &[300, 5000]), 5000);
        assert_eq!(ends(3600, &[300, 5000]), 5000, "instead of a rest of 400 ms");
        assert_eq!(ends(5000, &[300, 5000]), 6000, "after the load");
    }
}
