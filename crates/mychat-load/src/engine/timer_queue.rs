//! The timers of a worker.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::wire::ConnId;
use crate::plan::RunTime;

/// The timers of one worker.
#[derive(Debug)]
pub(super) struct TimerQueue {
    heap: BinaryHeap<Reverse<(RunTime, TimerEvent)>>,
    /// Time at which the transport is going to wake the worker.
    wake_at: RunTime,
}

/// The effect of a timer. Users are given by their index among the worker's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerEvent {
    /// A user connects, for the first time or again.
    Login(usize),
    /// A user performs its next action.
    Act(usize),
    /// The time for which a user waits for its rooms in its session of this number is over.
    EnterTimeout(usize, u16),
    /// A user leaves, if its session of this number is still the current one.
    Logout(usize, u16),
    /// A user in a closed loop stops waiting for its last action, if that is the one the timer was set for.
    LoopTimeout(usize),
    /// A user sends the second half of a frame, if its session of this number is still the current one.
    SecondHalf(usize, u16),
    /// A slow reader stops reading.
    PauseReading(ConnId),
    /// A slow reader reads again.
    ResumeReading(ConnId),
    /// Does nothing: a worker without work notices by it that its thread stood still.
    Heartbeat,
    /// The server should have answered on this connection or closed it by now.
    ConnTimeout(ConnId),
}

impl TimerQueue {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), wake_at: RunTime::MAX }
    }

    pub(super) fn push(&mut self, at: RunTime, event: TimerEvent) {
        self.heap.push(Reverse((at, event)));
    }

    /// Removes the first timer that is due at `now`, and returns it with its time.
    pub(super) fn pop_due(&mut self, now: RunTime) -> Option<(RunTime, TimerEvent)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }

    /// Returns true if a timer is due at `now`, or the transport needs an earlier wake-up time.
    #[inline]
    pub(super) fn needs_run(&self, now: RunTime) -> bool {
        self.next().is_some_and(|at| at <= now || at < self.wake_at)
    }

    /// Returns the time at which the transport has to wake the worker, if it does not know that time yet. A wake-up that comes
    /// too early is harmless, and cheaper than a system call that moves it.
    pub(super) fn wake_request(&mut self, now: RunTime) -> Option<RunTime> {
        if self.wake_at <= now {
            self.wake_at = RunTime::MAX;
        }
        let next = self.next().filter(|next| *next < self.wake_at)?;
        self.wake_at = next;
        Some(next)
    }

    fn next(&self) -> Option<RunTime> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> RunTime {
        RunTime::from_nanos(nanos)
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let mut timers = TimerQueue::new();
        timers.push(at(30), TimerEvent::Act(1));
        timers.push(at(10), TimerEvent::Heartbeat);
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(30)), Some((at(10), TimerEvent::Heartbeat)));
        assert_eq!(timers.pop_due(at(30)), Some((at(30), TimerEvent::Act(1))));
        assert_eq!(timers.pop_due(at(30)), None);
    }

    #[test]
    fn the_transport_is_told_only_of_an_earlier_time() {
        let mut timers = TimerQueue::new();
        timers.push(at(50), TimerEvent::Heartbeat);
        assert_eq!(timers.wake_request(at(0)), Some(at(50)));
        timers.push(at(60), TimerEvent::Heartbeat);
        assert!(!timers.needs_run(at(0)));
        assert_eq!(timers.wake_request(at(0)), None, "50 comes first");
        timers.push(at(20), TimerEvent::Heartbeat);
        assert!(timers.needs_run(at(0)));
        assert_eq!(timers.wake_request(at(0)), Some(at(20)));
        assert_eq!(timers.wake_request(at(20)), Some(at(20)), "that time has come: it is asked for anew");
    }
}
