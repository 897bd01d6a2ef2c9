//! How to connect: framing, time limits, and whether to come back after a loss.

use std::time::Duration;

use mychat_proto::Framing;

use crate::{Client, ConnectError};

/// Which framing to speak. `lf` is MyChat/1 as this project reads it; `raw` is what the protocol's first
/// implementation speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FramingChoice {
    /// Frames end in a line feed (rule F2).
    #[default]
    Lf,
    /// No terminator: one write is one frame, and frames keep a distance ([`Options::raw_gap`]).
    Raw,
    /// Find out: `CONNECT` goes out without terminator, and a server that answers within 300 ms needs none. The
    /// others get their line feed then. Costs those 300 ms at each connection.
    Auto,
}

/// How to connect. [`Client::connect`] takes the defaults.
///
/// ```no_run
/// # async fn example() -> Result<(), mychat_client::ConnectError> {
/// use mychat_client::{Backoff, FramingChoice, Options};
///
/// let options = Options::new().framing(FramingChoice::Auto).reconnect(Backoff::default());
/// let client = options.connect("localhost:8080", "Alice").await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) framing: FramingChoice,
    pub(crate) reconnect: Option<Backoff>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) raw_gap: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            framing: FramingChoice::Lf,
            reconnect: None,
            handshake_timeout: Duration::from_secs(10),
            raw_gap: Duration::from_millis(50),
        }
    }
}

impl Options {
    /// The defaults: `lf`, no reconnect, 10 s for the handshake.
    pub fn new() -> Self {
        Self::default()
    }

    /// The framing to speak.
    #[must_use]
    pub fn framing(mut self, framing: FramingChoice) -> Self {
        self.framing = framing;
        self
    }

    /// Come back after a loss, with these delays.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.reconnect = Some(backoff);
        self
    }

    /// Time for reaching the server, and once more for its answer to `CONNECT`.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Least time between two frames in raw framing. Two that came closer could share a segment, and the server would
    /// take them for one.
    #[must_use]
    pub fn raw_gap(mut self, gap: Duration) -> Self {
        self.raw_gap = gap;
        self
    }

    /// Connects to `addr` (`host:port`, `[::1]:port`) and takes the name.
    ///
    /// Cancelling it leaves nothing behind: the connection is closed.
    pub async fn connect(self, addr: &str, name: &str) -> Result<Client, ConnectError> {
        Client::with_options(addr, name, self).await
    }

    /// The gap to keep between two frames.
    pub(crate) fn gap(&self, framing: Framing) -> Duration {
        if framing.is_terminated() { Duration::ZERO } else { self.raw_gap }
    }
}

/// Delays between attempts to reconnect: each about twice the one before, up to a limit, and a random half of it
/// taken off, so that the users of a restarted server do not come back all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay at its longest.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// Attempts before giving up; `None` goes on for ever.
    pub attempts: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(15), attempts: None }
    }
}

impl Backoff {
    /// The delay before the attempt with this number (from 1), for a random `jitter` in 0…1.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// Whether an attempt with this number is still to be made.
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
