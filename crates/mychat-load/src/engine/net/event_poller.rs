//! Waits for everything that a worker reacts to: sockets, other threads, its next timer, and its next probe.

use std::io::{ErrorKind, Result};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};

use super::pacer::Pacer;
use super::spin_policy::{SpinPolicy, SpinTimer};
use crate::engine::clock::{Clock as _, RealClock};
use crate::plan::{Nanos, RunTime, nanos};

/// Tokens below this one are keys of sockets.
const SOCKETS: usize = usize::MAX - 8;
/// Token of the waker that other threads use.
pub(super) const WAKER: Token = Token(SOCKETS);
const TIMER: Token = Token(SOCKETS + 1);
const PROBE: Token = Token(SOCKETS + 2);

/// Time that a thread may take to wake.
const WAKE_UP: Duration = Duration::from_micros(200);

/// Time between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(5);

/// A poll, the timer of a worker, and the policy by which it spins.
pub(super) struct EventPoller {
    clock: RealClock,
    poll: Poll,
    /// Fires when the worker's next timer is due.
    timer: Pacer,
    spin: SpinPolicy,
    /// Fires at known times. How late it is served shows how long a readable socket waits.
    probe: Pacer,
    /// Due time of the probe.
    probe_at: RunTime,
    /// Start of the last look at all sockets. What it did not report became ready later.
    looked_at: RunTime,
    /// Earliest time at which a socket that the last events report can have become ready.
    ready_since: RunTime,
    /// True if the last look may have left events behind, because they did not fit.
    was_full: bool,
    /// True if the last wait slept.
    has_slept: bool,
}

/// Subject of an event.
pub(super) enum WakeReason {
    /// Another thread has something for the worker.
    Waker,
    /// The worker's timer is due, or soon will be.
    Timer,
    /// A probe was due this long ago.
    Probe(Nanos),
    /// The socket of this key became ready for something.
    Socket(usize),
}

impl EventPoller {
    pub(super) fn new(clock: RealClock, poll: Poll, own_core: bool) -> Result<Self> {
        let (timer, probe) = (Pacer::new(poll.registry(), TIMER)?, Pacer::new(poll.registry(), PROBE)?);
        let mut poller = Self {
            clock,
            poll,
            timer,
            spin: SpinPolicy::new(own_core),
            probe,
            probe_at: RunTime::ZERO,
            looked_at: RunTime::ZERO,
            ready_since: RunTime::ZERO,
            was_full: false,
            has_slept: false,
        };
        poller.arm_probe(clock.now());
        Ok(poller)
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Sets the worker's timer to `at`, in place of any time set before.
    pub(super) fn wake_at(&mut self, at: RunTime) {
        let lead = self.spin.lead(Instant::now());
        self.timer.arm(self.clock.instant(at), lead);
    }

    /// Waits for an event or the timer. With `has_leftovers` it only looks.
    pub(super) fn wait(&mut self, events: &mut Events, has_leftovers: bool) -> Result<()> {
        self.look(events)?;
        if has_leftovers || !events.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        if !self.timer.is_near(now) && !self.spin.never_sleeps(now) {
            let timeout = [self.timer.timeout(), self.probe.timeout()].into_iter().flatten().min();
            return self.sleep(events, timeout);
        }
        if self.timer.has_events() && self.spin.lead(now).is_zero() {
            self.timer.sleep_on();
            return self.sleep(events, None);
        }
        let spin = SpinTimer::start();
        let outcome = self.spin_until_ready(events);
        self.spin.stop(spin);
        outcome
    }

    fn spin_until_ready(&mut self, events: &mut Events) -> Result<()> {
        loop {
            self.look(events)?;
            if !events.is_empty() || self.timer.has_come() || self.probe.has_come() {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }

    /// Takes the events that there are.
    fn look(&mut self, events: &mut Events) -> Result<()> {
        // Events that did not fit the last time may be older than that look.
        if !self.was_full {
            self.ready_since = self.looked_at;
        }
        self.looked_at = self.clock.now();
        self.has_slept = false;
        self.poll(events, Some(Duration::ZERO))?;
        self.was_full = events.iter().count() >= events.capacity();
        Ok(())
    }

    /// Sleeps until there are events, after a look that found none.
    fn sleep(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<()> {
        self.poll(events, timeout)?;
        let now = self.clock.now();
        // An event ends the sleep. If the thread could not run then, a timer is overdue, or the first arrival is older.
        let overdue = self.timer.overdue().max(self.probe.overdue());
        self.ready_since = now.minus(nanos(overdue + WAKE_UP)).max(self.looked_at);
        self.looked_at = self.ready_since;
        self.was_full = events.iter().count() >= events.capacity();
        self.has_slept = true;
        Ok(())
    }

    /// Returns the earliest time at which a socket that the last events report, and that was empty, can have become readable.
    pub(super) fn ready_since(&self) -> RunTime {
        self.ready_since
    }

    /// Notes an arrival that the last events led to. After a sleep, the first one shows how long the thread took to wake.
    pub(super) fn note_arrival(&mut self, arrived: RunTime) {
        if self.has_slept {
            self.ready_since = self.ready_since.min(arrived);
        }
    }

    fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<()> {
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// Returns what an event is about. A probe is set anew.
    pub(super) fn classify(&mut self, event: &Event) -> WakeReason {
        match event.token() {
            WAKER => WakeReason::Waker,
            TIMER => WakeReason::Timer,
            PROBE => WakeReason::Probe(self.restart_probe()),
            Token(key) => WakeReason::Socket(key),
        }
    }

    /// Returns true if the worker's timer is due; once for each time it was set.
    pub(super) fn take_due(&mut self) -> bool {
        self.timer.take_due()
    }

    /// Returns for how long a probe has been due, on systems where no event reports it. The probe is set anew.
    pub(super) fn take_probe_due(&mut self) -> Option<Nanos> {
        (!self.probe.has_events() && self.probe.take_due()).then(|| self.restart_probe())
    }

    /// Returns the processor time spent spinning.
    pub(super) fn busy_wait(&self) -> Duration {
        self.spin.spent()
    }

    fn restart_probe(&mut self) -> Nanos {
        let (now, due) = (self.clock.now(), self.probe_at);
        self.arm_probe(now);
        now.since(due)
    }

    fn arm_probe(&mut self, now: RunTime) {
        self.probe_at = now + nanos(PROBE_EVERY);
        self.probe.arm(self.clock.instant(self.probe_at), Duration::ZERO);
    }
}
