//! Maps the kernel's arrival times, which the real-time clock gives, to the time of the run.
//!
//! The real-time clock can be set while a run goes on. Pairs of readings of both clocks give the offset between them. A jump of
//! the offset is a step of the real-time clock: what arrived before it is mapped with the offset of before.

use std::time::{Duration, SystemTime};

use crate::engine::clock::{Clock as _, RealClock};
use crate::plan::{Nanos, RunTime};

/// The offset of the real-time clock from the time of the run, in nanoseconds.
type Offset = i128;

/// Time after which the offset is measured again.
const MEASURE_EVERY: Nanos = 5_000_000;
/// Changes of the offset below this are the clocks' drift, and delays between the two readings of a pair.
const STEP: Offset = 1_000_000;
/// A lag above this is a reason to look if the real-time clock was set.
const SUSPICIOUS_LAG: Nanos = 5_000_000;
/// Two readings within this time are one moment.
const ONE_MOMENT: Nanos = 2_000;
/// Attempts to get two readings within [`ONE_MOMENT`]; after that the best counts.
const ATTEMPTS: usize = 5;

/// A source of simultaneous readings of both clocks.
pub trait ClockPair {
    /// Returns the time of the run.
    fn run(&self) -> RunTime;
    /// Returns the time since the Unix epoch.
    fn wall(&self) -> Duration;
}

impl ClockPair for RealClock {
    fn run(&self) -> RunTime {
        self.now()
    }

    fn wall(&self) -> Duration {
        // A clock before 1970 gives no arrival times, see `ArrivalClock::arrival`.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

/// Maps times of the real-time clock to the time of the run, for one worker.
#[derive(Debug)]
pub struct ArrivalClock<P> {
    clocks: P,
    offset: Offset,
    measured_at: RunTime,
    /// The offset before the last step, and when it was measured last.
    before_step: Option<(Offset, RunTime)>,
    /// Number of steps of the real-time clock.
    steps: u64,
}

impl<P: ClockPair> ArrivalClock<P> {
    /// A mapping with the offset that both clocks have now.
    pub fn new(clocks: P) -> Self {
        let (offset, measured_at) = measured(&clocks);
        Self { clocks, offset, measured_at, before_step: None, steps: 0 }
    }

    /// Returns the time of the run at which data arrived that the kernel took in at `stamp` and that was read at `read`. It is
    /// never later than `read`.
    pub fn arrival(&mut self, stamp: Duration, read: RunTime) -> RunTime {
        self.refresh(read);
        let mut arrived = mapped(stamp, self.offset);
        let lag = Offset::from(read.nanos()) - arrived;
        // Both are possible: the data waited, or the clock was set since the last measurement.
        if !(-STEP..=Offset::from(SUSPICIOUS_LAG)).contains(&lag) {
            self.measure();
            arrived = mapped(stamp, self.offset);
        }
        if let Some((offset, last)) = self.before_step {
            let is_possible = (Offset::from(last.nanos())..=Offset::from(read.nanos()) + STEP).contains(&arrived);
            if !is_possible {
                arrived = mapped(stamp, offset);
            }
        }
        RunTime::from_nanos(u64::try_from(arrived).unwrap_or(0)).min(read)
    }

    /// Measures the offset again if the last time is long ago. Called now and then, also while nothing arrives, it leaves little
    /// time in which a step may have happened.
    pub fn refresh(&mut self, now: RunTime) {
        if now.since(self.measured_at) > MEASURE_EVERY {
            self.measure();
        }
    }

    /// Returns how often the real-time clock was set.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn measure(&mut self) {
        let (offset, measured_at) = measured(&self.clocks);
        if (offset - self.offset).abs() > STEP {
            self.before_step = Some((self.offset, self.measured_at));
            self.steps += 1;
        }
        (self.offset, self.measured_at) = (offset, measured_at);
    }
}

fn mapped(stamp: Duration, offset: Offset) -> Offset {
    stamp.as_nanos().cast_signed() - offset
}

/// Returns the offset and the time of its measurement: the closest pair of a few.
fn measured(clocks: &impl ClockPair) -> (Offset, RunTime) {
    let mut best: Option<(Nanos, Offset, RunTime)> = None;
    for _ in 0..ATTEMPTS {
        let (before, wall, after) = (clocks.run(), clocks.wall(), clocks.run());
        let apart = after.since(before);
        let middle = Offset::from(before.nanos()) + Offset::from(apart / 2);
        if best.is_none_or(|(least, ..)| apart < least) {
            best = Some((apart, wall.as_nanos().cast_signed() - middle, after));
        }
        if apart <= ONE_MOMENT {
            break;
        }
    }
    best.map_or((0, RunTime::ZERO), |(_, offset, at)| (offset, at))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    const MS: u64 = 1_000_000;
    const EPOCH: u64 = 1_700_000_000_000_000_000;

    /// Two clocks that a test sets: the time of the run, and the distance of the real-time clock from its first value.
    #[derive(Clone, Default)]
    struct TwoClocks(Rc<Cell<(u64, i64)>>);

    impl TwoClocks {
        fn at(&self, run: u64) {
            self.0.set((run, self.0.get().1));
        }

        fn step(&self, by: i64) {
            self.0.set((self.0.get().0, self.0.get().1 + by));
        }
    }

    impl ClockPair for TwoClocks {
        fn run(&self) -> RunTime {
            RunTime::from_nanos(self.0.get().0)
        }

        fn wall(&self) -> Duration {
            let (run, distance) = self.0.get();
            Duration::from_nanos((EPOCH + run).saturating_add_signed(distance))
        }
    }

    fn clock() -> (TwoClocks, ArrivalClock<TwoClocks>) {
        let clocks = TwoClocks::default();
        (clocks.clone(), ArrivalClock::new(clocks))
    }

    /// Returns the lag in milliseconds of data that arrives at `arrived` and is read at `read`; the clock is set in between.
    fn lag(clocks: &TwoClocks, clock: &mut ArrivalClock<TwoClocks>, arrived: u64, read: u64, step: i64) -> u64 {
        clocks.at(arrived);
        let stamp = clocks.wall();
        clocks.step(step);
        clocks.at(read);
        let read = RunTime::from_nanos(read);
        read.since(clock.arrival(stamp, read)) / MS
    }

    #[test]
    fn unread_data_keeps_its_arrival() {
        let (clocks, mut clock) = clock();
        assert_eq!(lag(&clocks, &mut clock, 10 * MS, 11 * MS, 0), 1);
        assert_eq!(lag(&clocks, &mut clock, 20 * MS, 820 * MS, 0), 800);
        assert_eq!(clock.steps(), 0);
    }

    #[test]
    fn a_step_of_the_real_time_clock_changes_no_arrival() {
        for step in [1_000_000_000, -1_000_000_000, 30_000_000, -30_000_000, 86_400_000_000_000] {
            let (clocks, mut clock) = clock();
            assert_eq!(lag(&clocks, &mut clock, 100 * MS, 103 * MS, 0), 3);
            assert_eq!(lag(&clocks, &mut clock, 110 * MS, 113 * MS, step), 3, "arrived before a step of {step} ns");
            assert_eq!(lag(&clocks, &mut clock, 114 * MS, 118 * MS, 0), 4, "arrived after it");
            assert_eq!(lag(&clocks, &mut clock, 120 * MS, 160 * MS, 0), 40, "waited after it");
            assert_eq!(clock.steps(), 1);
        }
    }

    #[test]
    fn an_arrival_is_never_later_than_its_read() {
        let (clocks, mut clock) = clock();
        clocks.at(50 * MS);
        let (stamp, read) = (clocks.wall() + Duration::from_micros(300), RunTime::from_nanos(50 * MS));
        assert_eq!(clock.arrival(stamp, read), read);
    }

    #[test]
    fn a_real_time_clock_before_the_epoch_is_survived() {
        let (clocks, mut clock) = clock();
        clocks.at(50 * MS);
        let read = RunTime::from_nanos(50 * MS);
        assert!(clock.arrival(Duration::ZERO, read) <= read);
    }
}
