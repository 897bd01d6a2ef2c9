//! Adds lost deliveries to the latencies, with their age at the end of the run: a lower bound of what they would have
//! taken. Without them, losses would make the remaining latencies look better.

use rustc_hash::FxHashMap;

use crate::plan::{Nanos, RunTime, UserId};
use crate::record::recorder::{LatencyMetric, Place, Recorder};

/// Lost deliveries by the time at which they were sent.
#[derive(Debug, Default)]
pub struct LostLatency {
    /// Number of lost deliveries by the recipient's place and the millisecond of sending. A histogram of three digits does
    /// not tell ages of seconds apart more finely.
    deliveries: FxHashMap<(Place, u32), u64>,
    /// Broadcasts that at least one user never received, by sender and index: time of sending and the sender's place.
    broadcasts: FxHashMap<(UserId, u32), (RunTime, Place)>,
}

const MILLISECOND: Nanos = 1_000_000;

impl LostLatency {
    /// Adds one lost delivery, sent at `sent`, at its recipient's place.
    pub(super) fn add_delivery(&mut self, place: Place, sent: RunTime) {
        *self.deliveries.entry((place, (sent.nanos() / MILLISECOND) as u32)).or_default() += 1;
    }

    /// Adds a broadcast that did not reach all recipients, at its sender's place.
    pub(super) fn add_broadcast(&mut self, sender: UserId, index: u32, sent: RunTime, place: Place) {
        self.broadcasts.entry((sender, index)).or_insert((sent, place));
    }

    /// Returns true if at least one user never received this broadcast.
    pub fn has_broadcast(&self, sender: UserId, index: u32) -> bool {
        self.broadcasts.contains_key(&(sender, index))
    }

    /// Records all lost deliveries of a run that ended at `end`, and the broadcasts for which `reached` is false.
    pub fn record(&self, end: RunTime, reached: impl Fn(UserId, u32) -> bool, recorder: &mut Recorder) {
        for ((place, sent), count) in &self.deliveries {
            let age = end.since(RunTime::from_nanos(u64::from(*sent) * MILLISECOND));
            for metric in [LatencyMetric::Delivery, LatencyMetric::Service] {
                recorder.time_all(*place, metric, age, *count);
            }
        }
        let unreceived = self.broadcasts.iter().filter(|((sender, index), _)| !reached(*sender, *index));
        for (sent, place) in unreceived.map(|(_, at)| *at) {
            for metric in [LatencyMetric::DeliveryFirst, LatencyMetric::DeliveryLast] {
                recorder.time(place, metric, end.since(sent));
            }
        }
    }

    /// Adds `count` lost deliveries, for tests outside this folder.
    #[cfg(test)]
    pub(crate) fn add_deliveries(&mut self, place: Place, sent: RunTime, count: usize) {
        (0..count).for_each(|_| self.add_delivery(place, sent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{GroupId, StageId};
    use crate::record::recorder::Shape;

    #[test]
    fn lost_deliveries_count_with_their_age_at_the_end() {
        let (mut lost, mut recorder) = (LostLatency::default(), Recorder::new(Shape { stages: 1, groups: 1 }));
        let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
        let s = |seconds: u64| RunTime::from_micros(seconds * 1_000_000);
        lost.add_deliveries(place, s(1), 2);
        lost.add_delivery(place, s(3));
        lost.add_broadcast(UserId(7), 0, s(1), place);
        lost.add_broadcast(UserId(7), 1, s(3), place);
        lost.record(s(5), |_, index| index == 0, &mut recorder);
        let times = |metric| {
            let latency = recorder.latency(metric, |_| true).histogram;
            latency.iter_recorded().map(|v| (v.value_iterated_to() / 1_000_000, v.count_at_value())).collect::<Vec<_>>()
        };
        assert_eq!(times(LatencyMetric::Delivery), [(2, 1), (4, 2)]);
        assert_eq!(times(LatencyMetric::Service), [(2, 1), (4, 2)]);
        assert_eq!(times(LatencyMetric::DeliveryLast), [(2, 1)], "record_fanout covers the other one");
        assert!(lost.has_broadcast(UserId(7), 1) && !lost.has_broadcast(UserId(7), 2));
    }
}
