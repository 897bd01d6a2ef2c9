//! Counters: what came in, what went out, what was lost and why.
//!
//! ```text
//!   accepted messages × their recipients  =  owed
//!   owed  =  delivered to sockets  +  dropped, by reason  +  waiting
//! ```
//!
//! Each worker counts in a [`LocalCounts`] of its own and adds it to the common [`Metrics`] once a turn, so that handling
//! messages touches no shared memory. Between turns the sums above hold exactly.
//!
//! [`counters`] defines the counters, and [`exposition`] writes them as Prometheus's text format.

mod counters;
pub(crate) mod exposition;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use counters::COUNTS;

pub use counters::{Counter, EndReason};

/// Counts of one worker since it last added them to [`Metrics`]. Gauges may be negative here: they wrap, and so do the
/// sums.
#[derive(Debug, Clone)]
pub struct LocalCounts {
    counts: [u64; COUNTS],
    latency_micros: u64,
}

impl Default for LocalCounts {
    fn default() -> Self {
        Self { counts: [0; COUNTS], latency_micros: 0 }
    }
}

impl LocalCounts {
    /// Adds `many` to a counter or gauge.
    pub const fn add(&mut self, count: Counter, many: u64) {
        let counter = &mut self.counts[count.index()];
        *counter = counter.wrapping_add(many);
    }

    /// Subtracts `many` from a gauge.
    pub const fn sub(&mut self, gauge: Counter, many: u64) {
        let counter = &mut self.counts[gauge.index()];
        *counter = counter.wrapping_sub(many);
    }

    /// Returns the count since the last [`Metrics::absorb`].
    pub const fn get(&self, count: Counter) -> u64 {
        self.counts[count.index()]
    }

    /// Counts `many` broadcasts with this time from their read to their last enqueue.
    pub fn add_broadcast_latency(&mut self, many: u64, latency: Duration) {
        self.add(Counter::took(latency), many);
        self.latency_micros += many * latency.as_micros() as u64;
    }
}

/// The counters of a server, shared by its threads.
///
/// Workers add to them and other threads read them, all with relaxed ordering: each counter is exact, but two counters
/// read one after the other may be from different turns.
#[derive(Debug)]
pub struct Metrics {
    counts: [AtomicU64; COUNTS],
    latency_micros: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), latency_micros: AtomicU64::new(0) }
    }
}

impl Metrics {
    /// Returns the number of connections accepted.
    pub fn accepted(&self) -> u64 {
        self.get(Counter::Accepted)
    }

    /// Returns the number of sessions that ended for this reason.
    pub fn ended(&self, end: EndReason) -> u64 {
        self.get(Counter::Ended(end))
    }

    /// Returns the value of a counter or gauge.
    pub fn get(&self, count: Counter) -> u64 {
        self.counts[count.index()].load(Relaxed)
    }

    /// Returns the sum of the latencies of all broadcasts, in microseconds.
    pub fn latency_micros(&self) -> u64 {
        self.latency_micros.load(Relaxed)
    }

    /// Returns the number of deliveries dropped, over all reasons.
    pub fn dropped(&self) -> u64 {
        self.get(Counter::DroppedGone) + EndReason::ALL.iter().map(|&end| self.get(Counter::Dropped(end))).sum::<u64>()
    }

    /// Adds one at once: for rare events, and for those that another thread waits to see.
    pub(crate) fn count(&self, count: Counter) {
        self.counts[count.index()].fetch_add(1, Relaxed);
    }

    /// Adds the counts of a worker and resets them to zero.
    pub(crate) fn absorb(&self, local: &mut LocalCounts) {
        for (sum, counted) in self.counts.iter().zip(&mut local.counts) {
            if *counted != 0 {
                sum.fetch_add(std::mem::take(counted), Relaxed);
            }
        }
        if local.latency_micros != 0 {
            self.latency_micros.fetch_add(std::mem::take(&mut local.latency_micros), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_goes_up_and_down_over_several_workers() {
        let (metrics, mut one, mut two) = (Metrics::default(), LocalCounts::default(), LocalCounts::default());
        one.add(Counter::Users, 3);
        two.sub(Counter::Users, 2);
        metrics.absorb(&mut two);
        metrics.absorb(&mut one);
        metrics.absorb(&mut one);
        assert_eq!(metrics.get(Counter::Users), 1);
    }
}
