//! How fast connections may follow one another: a server with a short listen queue (`listen(5)`, as many a library has it)
//! lets those wait that come faster than it accepts, and the system asks again only a second later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A connection that took so long was asked for again.
const ASKED_AGAIN: Duration = Duration::from_millis(900);
/// Milliseconds between connections to a server that let one wait, and at most.
const FIRST: u64 = 4;
const MOST: u64 = 32;

/// What all connections of a run know of it. They wait for nothing before one had to be asked for twice.
#[derive(Debug, Clone, Default)]
pub struct ConnectThrottle {
    gap: Arc<AtomicU64>,
}

impl ConnectThrottle {
    /// Waits until the next may go.
    pub async fn wait_turn(&self) {
        let gap = self.gap.load(Ordering::Relaxed);
        if gap > 0 {
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
    }

    /// A connection took so long to be made.
    pub fn record_duration(&self, time: Duration) {
        if time >= ASKED_AGAIN {
            let wider = |gap: u64| Some((gap * 2).clamp(FIRST, MOST));
            let _ = self.gap.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wider);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connection_that_was_asked_for_again_makes_others_wait() {
        let throttle = ConnectThrottle::default();
        let gap = || throttle.gap.load(Ordering::Relaxed);
        throttle.record_duration(Duration::from_millis(300));
        assert_eq!(gap(), 0);
        throttle.record_duration(Duration::from_millis(1020));
        assert_eq!(gap(), FIRST);
        (0..10).for_each(|_| throttle.record_duration(Duration::from_secs(3)));
        assert_eq!(gap(), MOST);
    }
}
