//! The load of one group over time, as the inverse of its integral: from an amount of load to the time at which it is reached.
//!
//! Rates scale with a percentage that is constant in a hold and changes linearly in a ramp. Its integral over time is
//! the *amount* of load, in seconds at 100 %. A user with rate λ acts for the k-th time when the amount reaches k/λ:
//! exactly k for even arrivals, the sum of k exponential draws for Poisson arrivals. Times that come from an integral
//! need no ticks, and no rate is ever rounded.

use super::{LoadTime, nanos};
use mychat_scenario::model::{Stage, StageKind};

/// The load of one group over time.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadCurve {
    segments: Vec<LoadSegment>,
}

/// The load during one stage.
#[derive(Debug, Clone, PartialEq)]
struct LoadSegment {
    /// Seconds from the start of the load.
    start: f64,
    seconds: f64,
    /// Load at its start and end, where 1.0 is 100 %.
    from: f64,
    to: f64,
    /// Amount of load before it.
    before: f64,
    end: LoadTime,
}

impl LoadSegment {
    fn amount(&self) -> f64 {
        self.from.midpoint(self.to) * self.seconds
    }
}

impl LoadCurve {
    /// Returns the curve of the group with index `group`.
    pub fn new(stages: &[Stage], group: usize) -> Self {
        let (mut start, mut before, mut end) = (0.0, 0.0, LoadTime::ZERO);
        let segments = stages
            .iter()
            .map(|stage| {
                let acts = stage.only.as_ref().is_none_or(|only| only.contains(&group));
                let factor = if acts && !matches!(stage.kind, StageKind::Pause) { 0.01 } else { 0.0 };
                end += nanos(stage.duration);
                let segment = LoadSegment {
                    start,
                    end,
                    seconds: nanos(stage.duration) as f64 / 1e9,
                    from: stage.from * factor,
                    to: stage.to * factor,
                    before,
                };
                start += segment.seconds;
                before += segment.amount();
                segment
            })
            .collect();
        Self { segments }
    }

    /// Returns the time at which this amount of load (seconds at 100 %) is reached; `None` if it never is.
    pub fn time_of(&self, amount: f64) -> Option<LoadTime> {
        let index = self.segments.partition_point(|segment| segment.before + segment.amount() <= amount);
        let segment = self.segments.get(index)?;
        let (rest, slope) = (amount - segment.before, (segment.to - segment.from) / segment.seconds);
        // From rest = from·t + slope·t²/2, in the form that stays exact for a slope near 0.
        let root = (segment.from * segment.from + 2.0 * slope * rest).max(0.0).sqrt();
        let seconds = 2.0 * rest / (segment.from + root);
        let seconds = if seconds.is_finite() { seconds.clamp(0.0, segment.seconds) } else { 0.0 };
        Some(LoadTime::from_nanos(((segment.start + seconds) * 1e9) as u64))
    }

    /// Returns `None` if the group acts at `at`. Otherwise returns the time from which it acts again, or `Some(None)` if it
    /// never does.
    pub fn paused_until(&self, at: LoadTime) -> Option<Option<LoadTime>> {
        let now = self.segments.partition_point(|segment| segment.end <= at);
        let next = (now..self.segments.len()).find(|index| self.segments[*index].amount() > 0.0);
        // The previous segment ends where the next one starts, to the nanosecond.
        (next != Some(now)).then(|| next.map(|next| self.segments[next - 1].end))
    }

    /// Returns the whole amount of load, in seconds at 100 %.
    pub fn total(&self) -> f64 {
        self.segments.last().map_or(0.0, |segment| segment.before + segment.amount())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stage(kind: StageKind, from: f64, to: f64, seconds: u64) -> Stage {
        Stage { name: String::new(), kind, from, to, duration: Duration::from_secs(seconds), only: None }
    }

    fn ms(ms: u64) -> LoadTime {
        LoadTime::from_micros(ms * 1000)
    }

    #[test]
    fn a_hold_is_linear() {
        let curve = LoadCurve::new(&[stage(StageKind::Hold, 100.0, 100.0, 10)], 0);
        assert_eq!(curve.time_of(2.5), Some(ms(2500)));
        assert_eq!(curve.time_of(10.0), None, "the end is exclusive");
    }

    #[test]
    fn a_ramp_follows_its_closed_form() {
        let curve = LoadCurve::new(&[stage(StageKind::Ramp, 10.0, 100.0, 10)], 0);
        for amount in [0.0, 0.5, 1.0, 3.0, 5.4] {
            let (r0, slope): (f64, f64) = (0.1, 0.09);
            let wanted = (-r0 + (r0 * r0 + 2.0 * slope * amount).sqrt()) / slope;
            let got = curve.time_of(amount).unwrap().seconds();
            assert!((got - wanted).abs() < 1e-6, "{amount}: {got} is not {wanted}");
        }
    }

    #[test]
    fn ramps_down_and_from_nothing_have_no_gaps() {
        let stages = [stage(StageKind::Ramp, 0.0, 50.0, 4), stage(StageKind::Ramp, 50.0, 0.0, 4)];
        let curve = LoadCurve::new(&stages, 0);
        assert_eq!(curve.time_of(0.0), Some(LoadTime::ZERO));
        assert_eq!(curve.time_of(1.0), Some(ms(4000)));
        assert!((curve.total() - 2.0).abs() < 1e-9);
        let times: Vec<_> = (0..200).filter_map(|k| curve.time_of(f64::from(k) / 100.0)).collect();
        assert_eq!(times.len(), 200);
        assert!(times.is_sorted());
    }

    #[test]
    fn a_pause_is_skipped() {
        let stages = [
            stage(StageKind::Hold, 100.0, 100.0, 1),
            stage(StageKind::Pause, 100.0, 100.0, 5),
            stage(StageKind::Hold, 100.0, 100.0, 1),
        ];
        let curve = LoadCurve::new(&stages, 0);
        assert_eq!(curve.time_of(0.5), Some(ms(500)));
        assert_eq!(curve.time_of(1.5), Some(ms(6500)));
    }

    #[test]
    fn a_group_pauses_in_stages_without_it() {
        let hold = |only: &[usize]| Stage { only: Some(only.to_vec()), ..stage(StageKind::Hold, 100.0, 100.0, 1) };
        let stages = [hold(&[0, 1]), hold(&[1]), stage(StageKind::Pause, 100.0, 100.0, 5), hold(&[0])];
        let paused_until = |group, at| LoadCurve::new(&stages, group).paused_until(ms(at));
        let again = Some(Some(ms(7000)));
        assert_eq!(
            [paused_until(0, 999), paused_until(0, 1000), paused_until(0, 6999), paused_until(0, 7000)],
            [None, again, again, None]
        );
        assert_eq!(
            [paused_until(1, 1999), paused_until(1, 2000), paused_until(1, 7500)],
            [None, Some(None), Some(None)]
        );
        assert_eq!(paused_until(0, 8000), Some(None), "the load is over");
    }
}
