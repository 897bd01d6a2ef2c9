//! A distribution in little memory: a run keeps one for every interval, perhaps for hours, and most of a histogram is zeros.

use super::recorder::Latency;

/// The values that occur in a [`Latency`], and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    values: Box<[(u32, u64)]>,
    overflow: u64,
}

impl Packed {
    /// Packs one.
    pub fn new(latency: &Latency) -> Self {
        let values = latency.histogram.iter_recorded().map(|step| {
            // The longest that is told apart is far below 2^32 µs.
            (u32::try_from(step.value_iterated_to()).unwrap_or(u32::MAX), step.count_at_value())
        });
        Self { values: values.collect(), overflow: latency.overflow }
    }

    /// The same distribution again.
    pub fn unpack(&self) -> Latency {
        let mut latency = Latency { overflow: self.overflow, ..Latency::default() };
        for (value, count) in &self.values {
            latency.histogram.saturating_record_n(u64::from(*value), *count);
        }
        latency
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes that it takes beside itself.
    pub fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_a_packed_distribution_but_its_size() {
        let mut latency = Latency::default();
        for nanos in [0, 1, 999, 5_000_000, 5_000_001, 5_003_000, 48_000_000, 59_999_999_999, 60_000_000_000, 1 << 40] {
            (0..=nanos % 7).for_each(|_| latency.record(nanos));
        }
        let packed = Packed::new(&latency);
        let again = packed.unpack();
        assert_eq!((&again.histogram, again.overflow), (&latency.histogram, latency.overflow));
        assert_eq!((again.histogram.min(), again.histogram.max()), (latency.histogram.min(), latency.histogram.max()));
        assert!(packed.bytes() < 200, "{}", packed.bytes());
        assert!(Packed::new(&Latency::default()).is_empty() && Packed::default().unpack().count() == 0);
    }

    #[test]
    fn hours_of_intervals_take_little_memory() {
        let mut latency = Latency::default();
        // A second of 2,000 deliveries within some milliseconds.
        (0..2000).for_each(|k| latency.record(5_000_000 + k * k));
        assert!(Packed::new(&latency).bytes() < 16 * 1024, "{}", Packed::new(&latency).bytes());
    }
}
