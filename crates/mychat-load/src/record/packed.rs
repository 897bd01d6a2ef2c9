//! A compact form of a latency distribution. A run keeps one per interval, possibly for hours, and most buckets of a histogram
//! are zero.

use super::recorder::Latency;

/// The values that occur in a [`Latency`], each with its count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedLatency {
    values: Box<[(u32, u64)]>,
    overflow: u64,
}

impl PackedLatency {
    /// Packs `latency`.
    pub fn new(latency: &Latency) -> Self {
        let values = latency.histogram.iter_recorded().map(|step| {
            // The highest value of a histogram is far below 2^32 µs.
            (u32::try_from(step.value_iterated_to()).unwrap_or(u32::MAX), step.count_at_value())
        });
        Self { values: values.collect(), overflow: latency.overflow }
    }

    /// Returns the distribution that was packed.
    pub fn unpack(&self) -> Latency {
        let mut latency = Latency { overflow: self.overflow, ..Latency::default() };
        for (value, count) in &self.values {
            latency.histogram.saturating_record_n(u64::from(*value), *count);
        }
        latency
    }

    /// Returns true if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the heap memory in bytes.
    pub fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_sample() {
        let mut latency = Latency::default();
        for nanos in [0, 1, 999, 5_000_000, 5_000_001, 5_003_000, 48_000_000, 59_999_999_999, 60_000_000_000, 1 << 40] {
            (0..=nanos % 7).for_each(|_| latency.record(nanos));
        }
        let packed = PackedLatency::new(&latency);
        let again = packed.unpack();
        assert_eq!((&again.histogram, again.overflow), (&latency.histogram, latency.overflow));
        assert_eq!((again.histogram.min(), again.histogram.max()), (latency.histogram.min(), latency.histogram.max()));
        assert!(packed.bytes() < 200, "{}", packed.bytes());
        assert!(PackedLatency::new(&Latency::default()).is_empty() && PackedLatency::default().unpack().count() == 0);
    }

    #[test]
    fn hours_of_intervals_take_little_memory() {
        let mut latency = Latency::default();
        // A second of 2,000 deliveries within some milliseconds.
        (0..2000).for_each(|k| latency.record(5_000_000 + k * k));
        assert!(PackedLatency::new(&latency).bytes() < 16 * 1024, "{}", PackedLatency::new(&latency).bytes());
    }
}
