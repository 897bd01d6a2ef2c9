//! Block bootstrap of a run: its figures, and their spread over resampled blocks of its intervals.

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::THROUGHPUT;
use super::run::ComparedRun;
use mychat_load::verdict::samples_needed;

/// Figures that are compared: name, and true if lower is better.
pub(super) const TIMED: [(&str, bool); 8] = [
    ("delivery p50", true),
    ("delivery p90", true),
    ("delivery p99", true),
    (THROUGHPUT, false),
    ("server CPU", true),
    ("server memory", true),
    ("connect p99", true),
    ("ack p99", true),
];

/// Names of the delivery percentiles.
pub(super) const QUANTILES: [(&str, f64); 3] = [("delivery p50", 0.5), ("delivery p90", 0.9), ("delivery p99", 0.99)];

/// One value per figure; `None` if the run does not have it.
pub(super) type Figures = [Option<f64>; TIMED.len()];

/// Run in a layout that is fast to resample.
pub(super) struct BlockBootstrap<'r> {
    run: &'r ComparedRun,
    /// All latencies that occur, ascending.
    values: Vec<u64>,
    /// Latencies of each interval: index into `values`, and count.
    intervals: Vec<Vec<(usize, u64)>>,
    /// Scratch counts that all draws share.
    counts: Vec<u64>,
}

impl<'r> BlockBootstrap<'r> {
    pub(super) fn new(run: &'r ComparedRun) -> Self {
        let mut values: Vec<u64> =
            run.intervals.iter().flat_map(|interval| interval.delivery.iter().map(|(value, _)| *value)).collect();
        values.sort_unstable();
        values.dedup();
        let place = |value: &u64| values.binary_search(value).unwrap_or(0);
        let intervals = run
            .intervals
            .iter()
            .map(|interval| interval.delivery.iter().map(|(value, count)| (place(value), *count)).collect())
            .collect();
        let counts = vec![0; values.len()];
        Self { run, values, intervals, counts }
    }

    /// Returns the figures as measured.
    pub(super) fn measured(&mut self) -> Figures {
        let all: Vec<usize> = (0..self.intervals.len()).collect();
        self.figures(&all)
    }

    /// Returns the figures of as many intervals drawn in blocks. Single draws would ignore that neighbours are correlated.
    pub(super) fn draw(&mut self, rng: &mut ChaCha8Rng) -> Figures {
        let count = self.intervals.len();
        if count == 0 {
            return self.figures(&[]);
        }
        let block = (count as f64).sqrt().ceil() as usize;
        let mut drawn = Vec::with_capacity(count + block);
        while drawn.len() < count {
            let start = rng.random_range(0..count);
            // Blocks wrap around. Otherwise the first and the last intervals would be drawn too seldom.
            drawn.extend((start..start + block).map(|index| index % count));
        }
        drawn.truncate(count);
        self.figures(&drawn)
    }

    fn figures(&mut self, drawn: &[usize]) -> Figures {
        self.counts.fill(0);
        let (mut seconds, mut arrived, mut cpu, mut rss) = (0.0, 0, Some(0.0), Some(0_u64));
        for index in drawn {
            let interval = &self.run.intervals[*index];
            seconds += interval.seconds;
            arrived += interval.arrived;
            if interval.seconds > 0.0 {
                cpu = cpu.zip(interval.server_cpu).map(|(sum, cpu)| sum + cpu * interval.seconds);
            }
            rss = rss.zip(interval.server_rss).map(|(most, rss)| most.max(rss));
            for (place, count) in &self.intervals[*index] {
                self.counts[*place] += count;
            }
        }
        let total: u64 = self.counts.iter().sum();
        let some = |value: f64| (seconds > 0.0 && value > 0.0).then_some(value);
        [
            self.quantile(QUANTILES[0].1, total),
            self.quantile(QUANTILES[1].1, total),
            self.quantile(QUANTILES[2].1, total),
            some(arrived as f64 / seconds.max(1e-9)),
            cpu.and_then(|cpu| some(cpu / seconds.max(1e-9))),
            rss.and_then(|rss| some(rss as f64)),
            self.run.wholes.get("connect p99").map(|value| *value as f64),
            self.run.wholes.get("ack p99").map(|value| *value as f64),
        ]
    }

    fn quantile(&self, quantile: f64, total: u64) -> Option<f64> {
        if total == 0 || self.run.independent < samples_needed(quantile) {
            return None;
        }
        let rank = (quantile * total as f64).ceil() as u64;
        let mut below = 0;
        for (value, count) in self.values.iter().zip(&self.counts) {
            below += count;
            if below >= rank {
                return Some(*value as f64);
            }
        }
        None
    }
}
