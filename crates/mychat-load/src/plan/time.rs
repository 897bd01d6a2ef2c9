//! Points in time. A run has two clocks: one starts with the run, before any user logs in; the other starts with the load.
//!
//! Each has its own type, so that a time of one cannot be compared with a time of the other. Both are a count of nanoseconds
//! and cost what a `u64` costs. A length of time belongs to neither clock: it is [`Nanos`].

use std::ops::{Add, AddAssign};
use std::time::Duration;

/// A length of time in nanoseconds.
pub type Nanos = u64;

/// A time since the run began, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct RunTime(Nanos);

/// A time since the load began, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct LoadTime(Nanos);

macro_rules! impl_time {
    ($time:ident) => {
        impl $time {
            /// The start of this clock.
            pub const ZERO: Self = Self(0);

            /// The latest time.
            pub const MAX: Self = Self(Nanos::MAX);

            /// Returns the time `nanos` nanoseconds after the start of this clock.
            #[inline]
            pub const fn from_nanos(nanos: Nanos) -> Self {
                Self(nanos)
            }

            /// Returns the time `micros` microseconds after the start of this clock.
            #[inline]
            pub const fn from_micros(micros: u64) -> Self {
                Self(micros * 1000)
            }

            /// Returns the nanoseconds since the start of this clock.
            #[inline]
            pub const fn nanos(self) -> Nanos {
                self.0
            }

            /// Returns the whole microseconds since the start of this clock.
            #[inline]
            pub const fn micros(self) -> u64 {
                self.0 / 1000
            }

            /// Returns the seconds since the start of this clock.
            pub fn seconds(self) -> f64 {
                self.0 as f64 / 1e9
            }

            /// Returns the length of time from `earlier` to this time; 0 if `earlier` is later.
            #[inline]
            pub const fn since(self, earlier: Self) -> Nanos {
                self.0.saturating_sub(earlier.0)
            }

            /// Returns the time `length` nanoseconds before this one, but not before the start of this clock.
            #[inline]
            #[must_use]
            pub const fn minus(self, length: Nanos) -> Self {
                Self(self.0.saturating_sub(length))
            }
        }

        impl Add<Nanos> for $time {
            type Output = Self;

            #[inline]
            fn add(self, length: Nanos) -> Self {
                Self(self.0 + length)
            }
        }

        impl AddAssign<Nanos> for $time {
            #[inline]
            fn add_assign(&mut self, length: Nanos) {
                self.0 += length;
            }
        }
    };
}

impl_time!(RunTime);
impl_time!(LoadTime);

impl RunTime {
    /// Converts to a time of the load that began at `load_start`; a time before that becomes the start of the load.
    #[inline]
    pub const fn in_load(self, load_start: Self) -> LoadTime {
        LoadTime(self.since(load_start))
    }

    /// Rounds down to a whole microsecond, the precision of the logs of sent messages.
    #[inline]
    #[must_use]
    pub const fn floor_to_micros(self) -> Self {
        Self::from_micros(self.micros())
    }
}

impl LoadTime {
    /// Converts to a time of the run, in which the load began at `load_start`.
    #[inline]
    pub fn in_run(self, load_start: RunTime) -> RunTime {
        load_start + self.0
    }
}

/// Converts to nanoseconds. The scenario checks keep durations far below the 584 years that fit.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_load_is_the_same_moment_of_the_run() {
        let start = RunTime::from_micros(7);
        let at = LoadTime::from_nanos(1500).in_run(start);
        assert_eq!((at, at.in_load(start)), (RunTime::from_nanos(8500), LoadTime::from_nanos(1500)));
        assert_eq!(RunTime::ZERO.in_load(start), LoadTime::ZERO, "before the load");
        assert_eq!(at.floor_to_micros(), RunTime::from_micros(8));
    }
}
