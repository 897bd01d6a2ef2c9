//! The settings of a connection: framing, timeouts and reconnecting.

use std::time::Duration;

use mychat_proto::{Framing, FramingChoice};

/// The settings of a connection. [`Client::connect`](crate::Client::connect) uses the defaults.
///
/// ```no_run
/// # async fn example() -> Result<(), mychat_client::ConnectError> {
/// use mychat_client::{Backoff, FramingChoice, ConnectOptions};
///
/// let options = ConnectOptions::new().framing(FramingChoice::Auto).reconnect(Backoff::default());
/// let client = options.connect("localhost:8080", "Alice").await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub(crate) framing: FramingChoice,
    pub(crate) reconnect: Option<Backoff>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) raw_gap: Duration,
    pub(crate) rooms: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            framing: FramingChoice::Lf,
            reconnect: None,
            handshake_timeout: Duration::from_secs(10),
            raw_gap: Duration::from_millis(50),
            rooms: false,
        }
    }
}

impl ConnectOptions {
    /// Returns the defaults: `lf` framing, no reconnecting, 10 s for the handshake.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the framing. `Auto` sends `CONNECT` without a terminator: a server that answers within 300 ms uses raw
    /// framing, any other server gets a line feed. The detection delays each connection by up to 300 ms.
    #[must_use]
    pub fn framing(mut self, framing: FramingChoice) -> Self {
        self.framing = framing;
        self
    }

    /// Reconnects after a loss, with these delays.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.reconnect = Some(backoff);
        self
    }

    /// Sets the time limit of the TCP connection and, separately, of the answer to `CONNECT`.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Sets the minimum time between two frames in raw framing. Two frames in one segment would count as one (rule R2).
    #[must_use]
    pub fn raw_gap(mut self, gap: Duration) -> Self {
        self.raw_gap = gap;
        self
    }

    /// Asks the server for chat rooms after each `CONNECT` (rule N5). Rooms that the user is in are joined again after a
    /// reconnect.
    #[must_use]
    pub fn rooms(mut self) -> Self {
        self.rooms = true;
        self
    }

    /// Returns the minimum time between two frames.
    pub(crate) fn frame_gap(&self, framing: Framing) -> Duration {
        if framing.is_terminated() { Duration::ZERO } else { self.raw_gap }
    }
}

/// Delays between attempts to reconnect. Each delay is about twice the previous one, up to a limit. Up to half of it is
/// subtracted at random, so that the users of a restarted server do not all return at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// Maximum of the first delay.
    pub first: Duration,
    /// Maximum of all delays.
    pub longest: Duration,
    /// Number of attempts; `None` means no limit.
    pub attempts: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(15), attempts: None }
    }
}

impl Backoff {
    /// Returns the delay before attempt number `attempt` (starting at 1). `jitter` is a random number from 0 to 1.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// Returns true if attempt number `attempt` is within the limit.
    pub(crate) fn allows(&self, attempt: u32) -> bool {
        self.attempts.is_none_or(|limit| attempt <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit() {
        let backoff = Backoff::default();
        let millis: Vec<_> = (1..=7).map(|attempt| backoff.delay(attempt, 0.0).as_millis()).collect();
        assert_eq!(millis, [500, 1000, 2000, 4000, 8000, 15000, 15000]);
        assert_eq!(backoff.delay(u32::MAX, 0.0), Duration::from_secs(15));
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(3, 1.0), Duration::from_secs(1));
        assert_eq!(backoff.delay(3, 0.5), Duration::from_millis(1500));
    }
}
