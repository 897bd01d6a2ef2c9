//! Measures how long bytes lie in the system's receive buffers before they are read.
//!
//! The delay of the event loop does not show that: a generator that cannot keep up gets each event in time, reads a few
//! kilobytes of the megabytes that wait there, and goes on to the next. So a mark is set in one socket after the other, behind
//! the bytes that it holds. Until the last of them is read, they have waited at least since then.

use crate::plan::{Nanos, RunTime};

/// A mark behind the unread bytes of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnreadMark {
    since: RunTime,
    /// Bytes before the mark that are still unread.
    left: u64,
}

impl UnreadMark {
    /// A mark behind `unread` bytes; `None` where there are none.
    pub(super) fn behind(unread: u64, now: RunTime) -> Option<Self> {
        (unread > 0).then_some(Self { since: now, left: unread })
    }

    /// Counts `count` bytes as read. Removes the mark and returns its age once all bytes before it are read.
    pub(super) fn pass(mark: &mut Option<Self>, count: usize, now: RunTime) -> Option<Nanos> {
        let ahead = mark.as_mut()?;
        ahead.left = ahead.left.saturating_sub(count as u64);
        (ahead.left == 0).then(|| mark.take())?.map(|passed| passed.age(now))
    }

    /// Returns the time since the mark was set.
    pub(super) fn age(self, now: RunTime) -> Nanos {
        now.since(self.since)
    }
}

/// Returns the number of bytes that a socket holds unread.
#[cfg(unix)]
pub(super) fn unread(stream: &mio::net::TcpStream) -> u64 {
    // A broken connection holds nothing of interest.
    rustix::io::ioctl_fionread(stream).unwrap_or(0)
}

/// Returns 0: other systems are not asked, and only the event loop's delay is known.
#[cfg(not(unix))]
pub(super) fn unread(_stream: &mio::net::TcpStream) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_in_front_of_a_mark_has_waited_since_it_was_set() {
        let us = RunTime::from_micros;
        let mut mark = UnreadMark::behind(100, us(1));
        assert_eq!(UnreadMark::pass(&mut mark, 60, us(2)), None);
        assert_eq!(mark.map(|mark| mark.age(RunTime::from_nanos(2_500))), Some(1_500));
        assert_eq!(UnreadMark::pass(&mut mark, 40, us(3)), Some(2_000));
        assert_eq!(UnreadMark::pass(&mut mark, 40, us(4)), None, "it counts once");
        assert_eq!(UnreadMark::behind(0, us(1)), None);
    }
}
