//! The server under test and the settings that all cases of a run share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use super::connection::{ConnectThrottle, FramingPair};
use super::extensions::AnnouncedExtensions;
use super::monitor::Monitors;
use super::pace::ServerPace;
use mychat_target::spawn::SpawnedServer;

/// The settings and state that all cases of a run share.
#[derive(Debug, Clone)]
pub struct TestEnv {
    /// The server's address; unused if `watch` is set.
    pub target: SocketAddr,
    /// The framing of each direction.
    pub framing: FramingPair,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// The longest duration of a case.
    pub max_duration: Duration,
    /// The time that the idle server needed for a reply.
    pub response_time: Duration,
    /// True if the user set `timeout`; otherwise it is raised for a slow server.
    pub fixed_timeout: bool,
    /// The seed of all random choices.
    pub seed: u64,
    /// The number of cases run so far, which makes each case's names unique.
    pub cases: Arc<AtomicU64>,
    /// The checks of every received frame.
    pub monitors: Monitors,
    /// The readings that the profile declares, by key.
    pub declared: Arc<BTreeMap<String, String>>,
    /// The weighted number of logins that were followed by no list; with many, the wait for it is cut short.
    pub no_list_on_join: Arc<AtomicU32>,
    /// The silences before the server's replies.
    pub pace: ServerPace,
    /// The gap between new connections.
    pub throttle: ConnectThrottle,
    /// The server's process, if this tool started it.
    pub watch: Option<SpawnedServer>,
    /// The mistakes that the probe found, which explain failures of many checks.
    pub first_contact: Arc<FirstContact>,
    /// The extensions that the server announces.
    pub announced: AnnouncedExtensions,
}

/// The findings of the first dialogue with a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstContact {
    /// The mistake in the server's behaviour up to its answer to `CONNECT`.
    pub mistake: Option<Cow<'static, str>>,
    /// True if the mistake is about the bytes that end messages.
    pub is_about_terminator: bool,
    /// True if a `CONNECT` was answered in other words than the protocol's.
    pub has_other_answer: bool,
    /// True if the server answered a `CONNECT` whose line end had not been sent.
    pub answers_unterminated: bool,
    /// Everything that the server sent before the client sent anything.
    pub unasked: Vec<u8>,
}

/// A longer response time counts as slow. The margin allows for a busy machine.
const SLOW_RESPONSE: Duration = Duration::from_millis(40);
/// With a longer response time, repetitions are reduced: a thousand of them would take seconds.
const FAST_RESPONSE: Duration = Duration::from_millis(3);

/// The time that all repetitions of a step may take with a slow server, at one reply each.
const REPEAT_BUDGET: Duration = Duration::from_secs(4);
/// The time per message with raw framing, where each message is sent after a pause.
const RAW_GAP: Duration = Duration::from_millis(80);
/// The longest duration of a case on a fast server.
const MAX_DURATION: Duration = Duration::from_secs(30);

impl TestEnv {
    /// Returns the settings for a server whose readings and response time are unknown.
    pub fn new(target: SocketAddr, framing: FramingPair, timeout: Duration, seed: u64) -> Self {
        Self {
            target,
            framing,
            timeout,
            max_duration: MAX_DURATION,
            response_time: Duration::ZERO,
            fixed_timeout: true,
            seed,
            cases: Arc::default(),
            monitors: Monitors::default(),
            declared: Arc::default(),
            no_list_on_join: Arc::default(),
            pace: ServerPace::default(),
            throttle: ConnectThrottle::default(),
            watch: None,
            first_contact: Arc::default(),
            announced: AnnouncedExtensions::default(),
        }
    }

    /// Adapts the time limits to a measured response time.
    #[must_use]
    pub fn with_response_time(mut self, response_time: Duration) -> Self {
        self.response_time = response_time;
        if response_time > FAST_RESPONSE {
            self.max_duration += response_time * 300;
        }
        if response_time > SLOW_RESPONSE && !self.fixed_timeout {
            self.timeout = self.timeout.max(response_time * 12);
        }
        self
    }

    /// Returns the number of repetitions: `count`, or fewer for a slow server, but not fewer than `least`.
    pub fn scaled(&self, count: usize, least: usize) -> usize {
        // With raw framing every message needs a pause before it.
        let response_time =
            if self.framing.send.is_terminated() { self.response_time } else { self.response_time.max(RAW_GAP) };
        if response_time <= FAST_RESPONSE {
            return count;
        }
        let fit = (REPEAT_BUDGET.as_millis() / response_time.as_millis().max(1)) as usize;
        fit.max(least).min(count)
    }

    /// Returns the longest silence after `messages` messages were sent at once: the server may read all of them before it
    /// writes the first reply, and it replies more slowly than when it is idle.
    pub fn timeout_for(&self, messages: usize) -> Duration {
        if self.fixed_timeout || self.response_time <= FAST_RESPONSE {
            return self.timeout;
        }
        self.timeout + self.response_time * 2 * u32::try_from(messages).unwrap_or(u32::MAX)
    }

    /// Returns how long to wait before concluding that an optional frame will not arrive.
    pub fn quiet_period(&self) -> Duration {
        QUIET.max(self.response_time * 3)
    }
}

/// The shortest quiet period.
const QUIET: Duration = Duration::from_millis(150);
