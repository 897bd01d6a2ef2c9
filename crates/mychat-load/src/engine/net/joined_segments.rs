//! Limits the error of arrival times that several segments share.
//!
//! The kernel keeps one arrival time for everything that a read returns: that of the last segment. Messages of the segments
//! before it are recorded as later than they were. So some reads are observed: the kernel's count of segments before and after
//! shows if there were several, and the time at which the socket was known to be empty limits how much earlier the first of
//! them can have arrived.

use crate::plan::{Nanos, RunTime};

/// An observation of the next read of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentWatch {
    /// Segments received before it.
    segments: u32,
    /// True if the socket was empty then.
    is_drained: bool,
    /// Nothing that the next read returns arrived before.
    earliest: RunTime,
}

impl SegmentWatch {
    /// Begins after a read at `read`, whose last byte arrived at `arrived`. The socket has received `segments` segments so far.
    pub(super) fn begin(segments: u32, is_drained: bool, arrived: RunTime, read: RunTime) -> Self {
        // In an empty socket the next byte arrives after this read. Otherwise bytes come in order, and it may be there already.
        Self { segments, is_drained, earliest: if is_drained { read } else { arrived } }
    }

    /// Returns the upper limit of the time by which any byte of the next read arrived before `arrived`, the arrival of its last
    /// one. `segments` is the new count. A socket that was empty had become readable after `ready_since`.
    pub(super) fn error(self, segments: u32, arrived: RunTime, ready_since: RunTime) -> Nanos {
        match (self.is_drained, segments.wrapping_sub(self.segments)) {
            (true, 0 | 1) => 0,
            (true, _) => arrived.since(self.earliest.max(ready_since)),
            // Segments that were unread then are part of the old count.
            (false, _) => arrived.since(self.earliest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_segments_that_were_read_together_have_an_error() {
        let us = RunTime::from_micros;
        let drained = SegmentWatch::begin(7, true, us(990), us(1000));
        assert_eq!(drained.error(8, us(9000), us(0)), 0, "one segment has its own time");
        assert_eq!(drained.error(9, us(9000), us(0)), 8_000_000, "the first arrived after the last read");
        assert_eq!(drained.error(9, us(9000), us(8500)), 500_000, "and after the socket was found empty");
        assert_eq!(drained.error(9, us(9000), us(9500)), 0);
    }

    #[test]
    fn what_was_left_unread_may_be_as_old_as_what_was_read() {
        let us = RunTime::from_micros;
        let left = SegmentWatch::begin(7, false, us(990), us(1000));
        assert_eq!(left.error(7, us(990), us(995)), 0, "the rest of the same segment");
        assert_eq!(left.error(7, us(5990), us(5000)), 5_000_000);
    }
}
