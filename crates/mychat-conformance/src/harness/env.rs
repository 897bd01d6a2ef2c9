//! The server under test and the settings that all cases of a run share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::connection::{ConnectThrottle, FramingPair};
use super::monitor::Monitors;
use mychat_target::spawn::SpawnedServer;

/// What all cases of a run share.
#[derive(Debug, Clone)]
pub struct TestEnv {
    /// The server, where this tool did not start it.
    pub target: SocketAddr,
    /// How to talk to it.
    pub framing: FramingPair,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How long a case may take at most.
    pub max_duration: Duration,
    /// How long the server took to answer when it had nothing else to do.
    pub response_time: Duration,
    /// Whether `timeout` was asked for; otherwise a slow server is given more.
    pub fixed_timeout: bool,
    /// The seed of all that is drawn.
    pub seed: u64,
    /// Gives each case names of its own.
    pub cases: Arc<AtomicU64>,
    /// Those who look at every frame.
    pub monitors: Monitors,
    /// What the profile declares.
    pub declared: Arc<BTreeMap<String, String>>,
    /// Whether the server was seen to send no list to a joiner; then nobody waits for one any more.
    pub no_list_on_join: Arc<AtomicBool>,
    /// How fast connections may follow one another.
    pub throttle: ConnectThrottle,
    /// The server's process, where this tool started it.
    pub watch: Option<SpawnedServer>,
}

/// A server that answers faster than this is not slow, and neither is a busy machine.
const SLOW_RESPONSE: Duration = Duration::from_millis(40);
/// A server that takes longer than this for each message takes seconds for a thousand.
const FAST_RESPONSE: Duration = Duration::from_millis(3);

/// What is done again and again takes so long with a slow server, where each time takes one answer.
const REPEAT_BUDGET: Duration = Duration::from_secs(4);
/// How often a message can be sent without a terminator, and answered by many.
const RAW_GAP: Duration = Duration::from_millis(80);
/// Longer than any check takes that goes on.
const MAX_DURATION: Duration = Duration::from_secs(30);

impl TestEnv {
    /// For a server that nothing else is known of.
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
            throttle: ConnectThrottle::default(),
            watch: None,
        }
    }

    /// With what was measured: who answers slowly is given time, and asked less often.
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

    /// As often as a case says, or less often where each time takes long, though never less than `least`.
    pub fn scaled(&self, count: usize, least: usize) -> usize {
        // Without terminators every message takes a pause of its own.
        let response_time =
            if self.framing.send.is_terminated() { self.response_time } else { self.response_time.max(RAW_GAP) };
        if response_time <= FAST_RESPONSE {
            return count;
        }
        let fit = (REPEAT_BUDGET.as_millis() / response_time.as_millis().max(1)) as usize;
        fit.max(least).min(count)
    }

    /// How long nothing may come where so many messages were sent at once: a server may read them all before it
    /// writes the first, and answers none of them as fast as when it had nothing else to do.
    pub fn timeout_for(&self, messages: usize) -> Duration {
        if self.fixed_timeout || self.response_time <= FAST_RESPONSE {
            return self.timeout;
        }
        self.timeout + self.response_time * 2 * u32::try_from(messages).unwrap_or(u32::MAX)
    }

    /// Long enough for what is allowed not to come, where nothing can prove that it does not.
    pub fn quiet_period(&self) -> Duration {
        QUIET.max(self.response_time * 3)
    }
}

const QUIET: Duration = Duration::from_millis(150);
