//! How long bytes lie in the system's buffers before they are read.
//!
//! The event loop's own delay doesn't show that: a generator that cannot keep up hears of each socket in time, takes a
//! few kilobytes of the megabytes that wait there, and goes on to the next. So the depth of one socket after the other is
//! sounded: what lies there now has waited at least from now until the last byte of it is read.

use crate::plan::Nanos;

/// A mark in what one socket holds unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    since: Nanos,
    /// Bytes in front of it.
    left: u64,
}

impl Mark {
    /// Behind the last of `unread` bytes; there is none where there is nothing.
    pub(super) fn behind(unread: u64, now: Nanos) -> Option<Self> {
        (unread > 0).then_some(Self { since: now, left: unread })
    }

    /// So many bytes were read: gives how long the last byte before the mark waited, once it is among them.
    pub(super) fn pass(mark: &mut Option<Self>, count: usize, now: Nanos) -> Option<Nanos> {
        let ahead = mark.as_mut()?;
        ahead.left = ahead.left.saturating_sub(count as u64);
        (ahead.left == 0).then(|| mark.take())?.map(|passed| now.saturating_sub(passed.since))
    }

    /// How long it has waited so far: the end came first.
    pub(super) fn age(self, now: Nanos) -> Nanos {
        now.saturating_sub(self.since)
    }
}

/// Bytes that a socket holds and nobody has read.
#[cfg(unix)]
pub(super) fn unread(stream: &mio::net::TcpStream) -> u64 {
    // A broken connection holds nothing that matters.
    rustix::io::ioctl_fionread(stream).unwrap_or(0)
}

/// Other systems are not asked: there the event loop's delay is all that is known.
#[cfg(not(unix))]
pub(super) fn unread(_stream: &mio::net::TcpStream) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_in_front_of_a_mark_has_waited_since_it_was_set() {
        let mut mark = Mark::behind(100, 1_000);
        assert_eq!(Mark::pass(&mut mark, 60, 2_000), None);
        assert_eq!(mark.map(|mark| mark.age(2_500)), Some(1_500));
        assert_eq!(Mark::pass(&mut mark, 40, 3_000), Some(2_000));
        assert_eq!(Mark::pass(&mut mark, 40, 4_000), None, "it counts once");
        assert_eq!(Mark::behind(0, 1_000), None);
    }
}
