//! Reduces a timeline to the resolution of a chart: adjacent intervals are joined, and their histograms are merged.

use hdrhistogram::Histogram;

use crate::model::{TimelinePoint, histogram};

/// One or several intervals of one stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimelineBucket {
    /// Start, in seconds since the start of the run.
    pub(crate) from: f64,
    /// End, in seconds since the start of the run.
    pub(crate) to: f64,
    /// Stage of the load.
    pub(crate) stage: String,
    /// Number of online users at the end.
    pub(crate) connected: u64,
    /// Number of performed actions.
    pub(crate) sent: u64,
    /// Number of first copies that arrived.
    pub(crate) delivered: u64,
    /// Number of unexpected errors.
    pub(crate) errors: u64,
    /// Delivery latency in microseconds: p50, p99 and maximum.
    pub(crate) delivery: [Option<u64>; 3],
    /// Maximum lateness among the intervals.
    pub(crate) lateness_p99: Option<u64>,
    /// Maximum memory among the intervals.
    pub(crate) server_rss: Option<u64>,
    /// Mean CPU seconds per second.
    pub(crate) server_cpu: Option<f64>,
    /// Maximum threads and descriptors among the intervals.
    pub(crate) server_threads: Option<u64>,
    pub(crate) server_fds: Option<u64>,
}

impl TimelineBucket {
    /// Converts a count into a rate per second.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 / (self.to - self.from).max(1e-3)
    }
}

/// Returns at most about `most` buckets. A new stage always begins a new bucket.
pub(crate) fn buckets(timeline: &[TimelinePoint], most: usize) -> Vec<TimelineBucket> {
    bucket_ranges(timeline, most).map(|(from, points)| join(from, points)).collect()
}

/// Groups the intervals into buckets, each with its start.
pub(crate) fn bucket_ranges(timeline: &[TimelinePoint], most: usize) -> impl Iterator<Item = (f64, &[TimelinePoint])> {
    let together = timeline.len().div_ceil(most.max(1)).max(1);
    let stages = timeline.chunk_by(|a, b| a.stage == b.stage);
    stages.flat_map(move |stage| stage.chunks(together)).scan(0.0, |end, points| {
        let from = *end;
        *end = points[points.len() - 1].t;
        Some((from, points))
    })
}

/// Least number of intervals of a stage that make a line in a chart.
const LEAST_INTERVALS: usize = 3;

/// Returns true if a stage has enough intervals for a chart over time.
pub(crate) fn has_curve(timeline: &[TimelinePoint]) -> bool {
    timeline.chunk_by(|a, b| a.stage == b.stage).any(|stage| stage.len() >= LEAST_INTERVALS)
}

fn join(from: f64, points: &[TimelinePoint]) -> TimelineBucket {
    let last = &points[points.len() - 1];
    let sum = |count: fn(&TimelinePoint) -> u64| points.iter().map(count).sum();
    let mut cpu = None;
    let mut begin = from;
    for point in points {
        cpu = point.server_cpu.map(|used| used * (point.t - begin) + cpu.unwrap_or(0.0)).or(cpu);
        begin = point.t;
    }
    TimelineBucket {
        from,
        to: last.t,
        stage: last.stage.clone(),
        connected: last.connected,
        sent: sum(|point| point.sent),
        delivered: sum(|point| point.delivered),
        errors: sum(|point| point.errors),
        delivery: if points.len() == 1 { [last.p50, last.p99, last.max] } else { percentiles(points) },
        lateness_p99: points.iter().filter_map(|point| point.lateness_p99).max(),
        server_rss: points.iter().filter_map(|point| point.server_rss).max(),
        server_threads: points.iter().filter_map(|point| point.server_threads).max(),
        server_fds: points.iter().filter_map(|point| point.server_fds).max(),
        server_cpu: cpu.map(|seconds| seconds / (last.t - from).max(1e-3)),
    }
}

/// Returns the percentiles of several intervals together, from their histograms.
fn percentiles(points: &[TimelinePoint]) -> [Option<u64>; 3] {
    match merged_histogram(points) {
        Some(sum) => [0.5, 0.99, 1.0].map(|quantile| Some(sum.value_at_quantile(quantile))),
        None => [None; 3],
    }
}

/// Merges the delivery histograms of several intervals; `None` if there are none.
pub(crate) fn merged_histogram(points: &[TimelinePoint]) -> Option<Histogram<u64>> {
    let mut sum: Option<Histogram<u64>> = None;
    for histogram in points.iter().filter_map(|point| histogram::decode(&point.hdr).ok()) {
        match &mut sum {
            Some(sum) => drop(sum.add(&histogram)),
            None => sum = Some(histogram),
        }
    }
    sum.filter(|sum| !sum.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixture;

    #[test]
    fn joining_keeps_every_count_and_the_longest() {
        let result = test_fixture::run(1000);
        let all = buckets(&result.timeline, usize::MAX);
        let few = buckets(&result.timeline, 50);
        assert!(few.len() <= 60, "{} buckets", few.len());
        let sums = |buckets: &[TimelineBucket]| buckets.iter().fold((0, 0), |(s, d), m| (s + m.sent, d + m.delivered));
        assert_eq!(sums(&all), sums(&few));
        assert_eq!(all.iter().map(|m| m.delivery[2]).max(), few.iter().map(|m| m.delivery[2]).max());
        assert!(few.windows(2).all(|pair| pair[0].to <= pair[1].from + 1e-9));
    }
}
