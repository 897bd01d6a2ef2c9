//! What never came, in the latencies: with its age at the end, which is the least that it would have taken. Left out, losses
//! would make the rest look good.

use rustc_hash::FxHashMap;

use super::recorder::{Clock, Place, Recorder};
use crate::plan::Nanos;

/// Lost deliveries by when they were sent.
#[derive(Debug, Default)]
pub struct Overdue {
    /// How many, by the recipients' place and the millisecond: the least that a latency of seconds tells apart.
    deliveries: FxHashMap<(Place, u32), u64>,
    /// When a broadcast was sent that somebody never got, by sender and index, and its place.
    broadcasts: FxHashMap<(u32, u32), (Nanos, Place)>,
}

const MILLISECOND: Nanos = 1_000_000;

impl Overdue {
    /// Takes note of a delivery of something that was sent at `sent`, at its recipient's place.
    pub fn delivery(&mut self, place: Place, sent: Nanos) {
        *self.deliveries.entry((place, (sent / MILLISECOND) as u32)).or_default() += 1;
    }

    /// Takes note of a broadcast that did not reach all of its recipients, at its sender's place.
    pub fn broadcast(&mut self, sender: u32, index: u32, sent: Nanos, place: Place) {
        self.broadcasts.entry((sender, index)).or_insert((sent, place));
    }

    /// Whether somebody never got this broadcast.
    pub fn has(&self, sender: u32, index: u32) -> bool {
        self.broadcasts.contains_key(&(sender, index))
    }

    /// Records the deliveries of a run that ended at `end`, and the broadcasts that reached nobody.
    pub fn record(&self, end: Nanos, reached: impl Fn(u32, u32) -> bool, recorder: &mut Recorder) {
        for ((place, sent), count) in &self.deliveries {
            let age = end.saturating_sub(Nanos::from(*sent) * MILLISECOND);
            for clock in [Clock::Delivery, Clock::Service] {
                recorder.time_all(*place, clock, age, *count);
            }
        }
        let unheard = self.broadcasts.iter().filter(|((sender, index), _)| !reached(*sender, *index));
        for (sent, place) in unheard.map(|(_, at)| *at) {
            for clock in [Clock::DeliveryFirst, Clock::DeliveryLast] {
                recorder.time(place, clock, end.saturating_sub(sent));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::recorder::Shape;

    #[test]
    fn losses_are_as_old_as_they_are_at_the_end() {
        let (mut overdue, mut recorder) = (Overdue::default(), Recorder::new(Shape { stages: 1, groups: 1 }));
        let place = Place { stage: 0, group: 0, action: 0 };
        let s = 1_000_000_000;
        overdue.delivery(place, s);
        overdue.delivery(place, s);
        overdue.delivery(place, 3 * s);
        overdue.broadcast(7, 0, s, place);
        overdue.broadcast(7, 1, 3 * s, place);
        overdue.record(5 * s, |_, index| index == 0, &mut recorder);
        let times = |clock| {
            let latency = recorder.latency(clock, |_| true).histogram;
            latency.iter_recorded().map(|v| (v.value_iterated_to() / 1_000_000, v.count_at_value())).collect::<Vec<_>>()
        };
        assert_eq!(times(Clock::Delivery), [(2, 1), (4, 2)]);
        assert_eq!(times(Clock::Service), [(2, 1), (4, 2)]);
        assert_eq!(times(Clock::DeliveryLast), [(2, 1)], "the other one reached somebody: the fan-out knows");
        assert!(overdue.has(7, 1) && !overdue.has(7, 2));
    }
}
