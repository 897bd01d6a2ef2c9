//! Measures the error of arrival times that several segments share.
//!
//! The kernel keeps the arrival of each segment, but a read returns only that of the last segment it took from. Messages of the
//! segments before it are recorded as later than they were. To know by how much, some reads are *observed*: if several segments
//! wait, the read takes small pieces, each with a time of its own. While a segment is not acknowledged, which takes up to 40 ms,
//! the kernel keeps it apart from the next one. A joined one shows in the count of segments, and gets a wider limit.

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

/// A part of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadPiece {
    /// Length in bytes.
    pub(super) bytes: usize,
    /// Arrival of the segment that holds its last byte.
    pub(super) arrived: RunTime,
}

/// The error of the messages in a part of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArrivalError {
    /// Length of the part in bytes.
    pub(super) bytes: usize,
    /// Upper limit of the time by which they arrived before the end of the read.
    pub(super) error: Nanos,
}

impl SegmentWatch {
    /// Begins after a read at `read`, whose last byte arrived at `arrived`. The socket has received `segments` segments so far.
    pub(super) fn begin(segments: u32, is_drained: bool, arrived: RunTime, read: RunTime) -> Self {
        // In an empty socket the next byte arrives after this read. Otherwise bytes come in order, and it may be there already.
        Self { segments, is_drained, earliest: if is_drained { read } else { arrived } }
    }

    /// Returns the number of segments that wait for the next read; `None` if it is not known. `segments` is the new count.
    pub(super) fn waiting(self, segments: u32) -> Option<u32> {
        // Segments that were unread at the beginning are part of the old count.
        self.is_drained.then(|| segments.wrapping_sub(self.segments))
    }

    /// Appends the errors of the pieces of a read to `errors`. `waiting` segments waited for it. A socket that was empty had become
    /// readable after `ready_since`.
    pub(super) fn errors(
        self,
        pieces: &[ReadPiece],
        waiting: Option<u32>,
        ready_since: RunTime,
        errors: &mut Vec<ArrivalError>,
    ) {
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return };
        let earliest = if self.is_drained { self.earliest.max(ready_since) } else { self.earliest };
        let times = 1 + pieces.windows(2).filter(|pair| pair[0].arrived != pair[1].arrived).count();
        let is_exact = waiting.is_some_and(|waiting| waiting as usize <= times);
        // The segment of the last byte of the piece before, and the segment before that one. A piece may begin with bytes of the
        // former. If the kernel has joined it from several, these arrived after the latter.
        let (mut before, mut earlier) = (if is_exact { first.arrived } else { earliest }, earliest);
        for piece in pieces {
            let limit = if is_exact { before } else { earlier };
            errors.push(ArrivalError { bytes: piece.bytes, error: last.arrived.since(limit) });
            if piece.arrived != before {
                (before, earlier) = (piece.arrived, before);
            }
        }
    }
}

/// Divides `deliveries` among the parts of a read by their lengths. Calls `record` with the error and the number of each part.
pub(super) fn divide(deliveries: u64, errors: &[ArrivalError], mut record: impl FnMut(Nanos, u64)) {
    let total: u64 = errors.iter().map(|part| part.bytes as u64).sum();
    let (mut bytes, mut given) = (0, 0);
    for part in errors {
        bytes += part.bytes as u64;
        let share = deliveries * bytes / total.max(1) - given;
        given += share;
        if share > 0 {
            record(part.error, share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_BEFORE: u64 = 1000;

    /// Returns the errors in microseconds of pieces with these arrivals, read from a socket that was empty before.
    fn errors(arrivals: &[u64], segments: u32, ready_since: u64) -> Vec<u64> {
        let us = RunTime::from_micros;
        let watch = SegmentWatch::begin(7, true, us(990), us(READ_BEFORE));
        let pieces: Vec<ReadPiece> = arrivals.iter().map(|at| ReadPiece { bytes: 64, arrived: us(*at) }).collect();
        let mut errors = Vec::new();
        watch.errors(&pieces, watch.waiting(7 + segments), us(ready_since), &mut errors);
        errors.iter().map(|part| part.error / 1000).collect()
    }

    #[test]
    fn segments_with_times_of_their_own_have_exact_errors() {
        assert_eq!(errors(&[9000], 1, 0), [0], "one segment");
        assert_eq!(errors(&[9000, 9000], 1, 0), [0, 0]);
        assert_eq!(
            errors(&[4000, 4000, 9000, 9000], 2, 0),
            [5000, 5000, 5000, 0],
            "the third begins in the first segment"
        );
        assert_eq!(errors(&[4000, 6000, 9000], 3, 0), [5000, 5000, 3000]);
    }

    #[test]
    fn joined_segments_have_wider_limits() {
        assert_eq!(errors(&[9000, 9000], 2, 0), [8000, 8000], "both arrived after the last read");
        assert_eq!(errors(&[9000, 9000], 2, 8500), [500, 500], "and after the socket was found empty");
        assert_eq!(errors(&[9000, 9000], 2, 9500), [0, 0]);
        assert_eq!(errors(&[4000, 4000, 9000, 9000], 3, 2000), [7000, 7000, 7000, 5000]);
        assert_eq!(errors(&[4000, 9000], 3, 0), [8000, 8000]);
    }

    #[test]
    fn what_was_left_unread_may_be_as_old_as_what_was_read() {
        let us = RunTime::from_micros;
        let left = SegmentWatch::begin(7, false, us(990), us(READ_BEFORE));
        let mut errors = Vec::new();
        for arrived in [us(990), us(5990)] {
            left.errors(&[ReadPiece { bytes: 9, arrived }], left.waiting(9), us(5000), &mut errors);
        }
        let part = |error| ArrivalError { bytes: 9, error };
        assert_eq!(errors, [part(0), part(5_000_000)], "the rest of the same segment; another one");
    }

    #[test]
    fn deliveries_are_divided_by_length() {
        let parts = |lengths: &[usize], deliveries| {
            let errors: Vec<ArrivalError> =
                (0..).zip(lengths).map(|(error, bytes)| ArrivalError { bytes: *bytes, error }).collect();
            let mut got = Vec::new();
            divide(deliveries, &errors, |error, share| got.push((error, share)));
            got
        };
        assert_eq!(parts(&[64, 64, 64, 8], 2), [(1, 1), (3, 1)]);
        assert_eq!(parts(&[100], 3), [(0, 3)]);
        assert_eq!(parts(&[], 3), []);
        assert_eq!(parts(&[50, 50], 0), []);
    }
}
