//! A timeline of any length as one that a picture can show: neighbours joined, histograms merged, never averaged.

use hdrhistogram::Histogram;

use crate::model::{TimelinePoint, histogram};

/// One or several intervals of one stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimelineBucket {
    /// Its beginning, in seconds since the run began.
    pub(crate) from: f64,
    /// Its end.
    pub(crate) to: f64,
    /// Its stage.
    pub(crate) stage: String,
    /// Users online at its end.
    pub(crate) connected: u64,
    /// Actions done.
    pub(crate) sent: u64,
    /// First copies that arrived.
    pub(crate) delivered: u64,
    /// Errors that nobody wanted.
    pub(crate) errors: u64,
    /// Delivery in microseconds: 50 %, 99 %, the longest.
    pub(crate) delivery: [Option<u64>; 3],
    /// The largest of its intervals' lateness figures.
    pub(crate) lateness_p99: Option<u64>,
    /// The most of its intervals.
    pub(crate) server_rss: Option<u64>,
    /// Over its time, in CPU seconds per second.
    pub(crate) server_cpu: Option<f64>,
    /// The most threads and descriptors of its intervals.
    pub(crate) server_threads: Option<u64>,
    pub(crate) server_fds: Option<u64>,
}

impl TimelineBucket {
    /// A count as a rate.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 / (self.to - self.from).max(1e-3)
    }
}

/// The timeline in at most about `most` buckets; a change of stage always begins a new one.
pub(crate) fn buckets(timeline: &[TimelinePoint], most: usize) -> Vec<TimelineBucket> {
    bucket_ranges(timeline, most).map(|(from, points)| join(from, points)).collect()
}

/// The intervals that become a bucket each, with when it begins.
pub(crate) fn bucket_ranges(timeline: &[TimelinePoint], most: usize) -> impl Iterator<Item = (f64, &[TimelinePoint])> {
    let together = timeline.len().div_ceil(most.max(1)).max(1);
    let stages = timeline.chunk_by(|a, b| a.stage == b.stage);
    stages.flat_map(move |stage| stage.chunks(together)).scan(0.0, |end, points| {
        let from = *end;
        *end = points[points.len() - 1].t;
        Some((from, points))
    })
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

/// Percentiles of several intervals together, from their histograms.
fn percentiles(points: &[TimelinePoint]) -> [Option<u64>; 3] {
    match merged_histogram(points) {
        Some(sum) => [0.5, 0.99, 1.0].map(|quantile| Some(sum.value_at_quantile(quantile))),
        None => [None; 3],
    }
}

/// The deliveries of several intervals together, where there are any.
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
