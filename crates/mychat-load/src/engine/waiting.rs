//! What a worker waits for: its sockets, the bell, the next thing that is due, and the next sounding.

use std::io::{ErrorKind, Result};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};

use super::clock::{Clock as _, RealClock};
use super::pace::Pacer;
use super::vigil::{Vigil, Watch};
use crate::plan::{Nanos, nanos};

/// Where the table of sockets ends: the tokens from here on are not sockets.
const SOCKETS: usize = usize::MAX - 8;
/// Somebody has something to say.
pub(super) const BELL: Token = Token(SOCKETS);
const DUE: Token = Token(SOCKETS + 1);
const SOUNDING: Token = Token(SOCKETS + 2);

/// How often the sockets are sounded.
const PROBE: Duration = Duration::from_millis(5);

/// What a worker waits with.
pub(super) struct Waiting {
    clock: RealClock,
    poll: Poll,
    /// Fires when something is due.
    pacer: Pacer,
    vigil: Vigil,
    /// Fires at known times, as a socket does that becomes readable then.
    probe: Pacer,
    probed: Nanos,
}

/// What a change is about.
pub(super) enum Sign {
    /// Somebody has something to say.
    Bell,
    /// The time that was asked for has come, or is near.
    Due,
    /// It is time to sound the sockets, and has been for so long.
    Sounding(Nanos),
    /// A socket became ready for something.
    Socket(usize),
}

impl Waiting {
    pub(super) fn new(clock: RealClock, poll: Poll, own_core: bool) -> Result<Self> {
        let (pacer, probe) = (Pacer::new(poll.registry(), DUE)?, Pacer::new(poll.registry(), SOUNDING)?);
        let mut waiting = Self { clock, poll, pacer, vigil: Vigil::new(own_core), probe, probed: 0 };
        waiting.arm_probe(clock.now());
        Ok(waiting)
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Asks to be woken for something that is due at `at`, in place of any time asked for before.
    pub(super) fn wake_at(&mut self, at: Nanos) {
        let lead = self.vigil.lead(Instant::now());
        self.pacer.arm(self.clock.instant(at), lead);
    }

    /// Waits until something changes or is due; where something is left over, looks only.
    pub(super) fn wait(&mut self, events: &mut Events, left_over: bool) -> Result<()> {
        if left_over {
            return self.look(events, Some(Duration::ZERO));
        }
        let now = Instant::now();
        if !self.pacer.is_near(now) && !self.vigil.never_sleeps(now) {
            let pause = [self.pacer.pause(), self.probe.pause()].into_iter().flatten().min();
            return self.look(events, pause);
        }
        if self.pacer.tells() && self.vigil.lead(now).is_zero() {
            self.pacer.sleep_on();
            return self.look(events, None);
        }
        let watch = Watch::begin();
        let outcome = self.stay_awake(events);
        self.vigil.end(watch);
        outcome
    }

    fn stay_awake(&mut self, events: &mut Events) -> Result<()> {
        loop {
            self.look(events, Some(Duration::ZERO))?;
            if !events.is_empty() || self.pacer.has_come() || self.probe.has_come() {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }

    fn look(&mut self, events: &mut Events, pause: Option<Duration>) -> Result<()> {
        match self.poll.poll(events, pause) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// What a change is about.
    pub(super) fn sign(&mut self, event: &Event) -> Sign {
        match event.token() {
            BELL => Sign::Bell,
            DUE => Sign::Due,
            SOUNDING => Sign::Sounding(self.sounding()),
            Token(key) => Sign::Socket(key),
        }
    }

    /// Whether the time that was asked for has come; once for each.
    pub(super) fn is_due(&mut self) -> bool {
        self.pacer.is_due()
    }

    /// The same of the sounding, where no event tells of it: for how long it has been due.
    pub(super) fn is_sounding_due(&mut self) -> Option<Nanos> {
        (!self.probe.tells() && self.probe.is_due()).then(|| self.sounding())
    }

    fn sounding(&mut self) -> Nanos {
        let (now, due) = (self.clock.now(), self.probed);
        self.arm_probe(now);
        now.saturating_sub(due)
    }

    fn arm_probe(&mut self, now: Nanos) {
        self.probed = now + nanos(PROBE);
        self.probe.arm(self.clock.instant(self.probed), Duration::ZERO);
    }

    /// The processor time that went into waiting awake.
    pub(super) fn awake(&self) -> Duration {
        self.vigil.spent()
    }
}
