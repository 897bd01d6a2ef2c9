//! The load of one group over time, as the inverse of its integral: from "so much load has passed" to "it is then".
//!
//! Rates scale with a percentage that is constant in a hold and changes linearly in a ramp. Its integral over time is
//! the *amount* of load, in seconds at 100 %. A user with rate λ acts for the k-th time when the amount reaches k/λ:
//! exactly k for even arrivals, the sum of k exponential draws for Poisson arrivals. Times that come from an integral
//! need no ticks, and no rate is ever rounded.

use super::{Nanos, nanos};
use mychat_scenario::model::{Stage, StageKind};

/// The load of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
struct Piece {
    /// Seconds from the start of the load.
    start: f64,
    seconds: f64,
    /// Factor at its start and its end.
    from: f64,
    to: f64,
    /// Amount before it.
    before: f64,
    /// When it is over.
    end: Nanos,
}

impl Piece {
    fn amount(&self) -> f64 {
        self.from.midpoint(self.to) * self.seconds
    }
}

impl Curve {
    /// The curve of group `group` over the stages.
    pub fn new(stages: &[Stage], group: usize) -> Self {
        let (mut start, mut before, mut end) = (0.0, 0.0, 0);
        let pieces = stages
            .iter()
            .map(|stage| {
                let acts = stage.only.as_ref().is_none_or(|only| only.contains(&group));
                let factor = if acts && !matches!(stage.kind, StageKind::Pause) { 0.01 } else { 0.0 };
                end += nanos(stage.duration);
                let piece = Piece {
                    start,
                    end,
                    seconds: nanos(stage.duration) as f64 / 1e9,
                    from: stage.from * factor,
                    to: stage.to * factor,
                    before,
                };
                start += piece.seconds;
                before += piece.amount();
                piece
            })
            .collect();
        Self { pieces }
    }

    /// When the amount of load (seconds at 100 %) is reached; `None` if it never is.
    pub fn time_of(&self, amount: f64) -> Option<Nanos> {
        let index = self.pieces.partition_point(|piece| piece.before + piece.amount() <= amount);
        let piece = self.pieces.get(index)?;
        let (rest, slope) = (amount - piece.before, (piece.to - piece.from) / piece.seconds);
        // From rest = from·t + slope·t²/2, in the form that stays exact for a slope near 0.
        let root = (piece.from * piece.from + 2.0 * slope * rest).max(0.0).sqrt();
        let seconds = 2.0 * rest / (piece.from + root);
        let seconds = if seconds.is_finite() { seconds.clamp(0.0, piece.seconds) } else { 0.0 };
        Some(((piece.start + seconds) * 1e9) as Nanos)
    }

    /// Whether the group does not act at this time, and if so from when on it acts again; never (`None`) after the last stage
    /// in which it does.
    pub fn rests(&self, at: Nanos) -> Option<Option<Nanos>> {
        let now = self.pieces.partition_point(|piece| piece.end <= at);
        let next = (now..self.pieces.len()).find(|index| self.pieces[*index].amount() > 0.0);
        // What is before the next one ends where that begins, to the nanosecond.
        (next != Some(now)).then(|| next.map(|next| self.pieces[next - 1].end))
    }

    /// All of it, in seconds at 100 %.
    pub fn total(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.before + piece.amount())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stage(kind: StageKind, from: f64, to: f64, seconds: u64) -> Stage {
        Stage { name: String::new(), kind, from, to, duration: Duration::from_secs(seconds), only: None }
    }

    #[test]
    fn a_hold_is_linear() {
        let curve = Curve::new(&[stage(StageKind::Hold, 100.0, 100.0, 10)], 0);
        assert_eq!(curve.time_of(2.5), Some(2_500_000_000));
        assert_eq!(curve.time_of(10.0), None, "the end does not belong to it");
    }

    #[test]
    fn a_ramp_follows_its_closed_form() {
        let curve = Curve::new(&[stage(StageKind::Ramp, 10.0, 100.0, 10)], 0);
        for amount in [0.0, 0.5, 1.0, 3.0, 5.4] {
            let (r0, slope): (f64, f64) = (0.1, 0.09);
            let wanted = (-r0 + (r0 * r0 + 2.0 * slope * amount).sqrt()) / slope;
            let got = curve.time_of(amount).unwrap() as f64 / 1e9;
            assert!((got - wanted).abs() < 1e-6, "{amount}: {got} is not {wanted}");
        }
    }

    #[test]
    fn ramps_down_and_from_nothing_have_no_gaps() {
        let stages = [stage(StageKind::Ramp, 0.0, 50.0, 4), stage(StageKind::Ramp, 50.0, 0.0, 4)];
        let curve = Curve::new(&stages, 0);
        assert_eq!(curve.time_of(0.0), Some(0));
        assert_eq!(curve.time_of(1.0), Some(4_000_000_000));
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
        let curve = Curve::new(&stages, 0);
        assert_eq!(curve.time_of(0.5), Some(500_000_000));
        assert_eq!(curve.time_of(1.5), Some(6_500_000_000));
    }
    #[test]
    fn a_group_rests_where_it_does_not_act() {
        let hold = |only: &[usize]| Stage { only: Some(only.to_vec()), ..stage(StageKind::Hold, 100.0, 100.0, 1) };
        let stages = [hold(&[0, 1]), hold(&[1]), stage(StageKind::Pause, 100.0, 100.0, 5), hold(&[0])];
        let rests = |group, ms: u64| Curve::new(&stages, group).rests(ms * 1_000_000);
        let again = Some(Some(7_000_000_000));
        assert_eq!([rests(0, 999), rests(0, 1000), rests(0, 6999), rests(0, 7000)], [None, again, again, None]);
        assert_eq!([rests(1, 1999), rests(1, 2000), rests(1, 7500)], [None, Some(None), Some(None)]);
        assert_eq!(rests(0, 8000), Some(None), "the load is over");
    }
}
