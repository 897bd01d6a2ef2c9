//! The gap between new connections. A server with a short listen queue (`listen(5)` is common) drops connection requests that
//! arrive faster than it accepts them, and the client's system repeats a request only after a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A connection that takes longer had its request (SYN) repeated.
const SYN_RETRY: Duration = Duration::from_millis(900);
/// The first gap after a repeated request, in milliseconds.
const MIN_GAP_MS: u64 = 4;
/// The largest gap, in milliseconds.
const MAX_GAP_MS: u64 = 32;

/// The gap that all connections of a run keep. It is zero until a connection request had to be repeated. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ConnectThrottle {
    gap: Arc<AtomicU64>,
}

impl ConnectThrottle {
    /// Returns a throttle of its own that begins with the same gap.
    pub(crate) fn separate(&self) -> Self {
        Self { gap: Arc::new(AtomicU64::new(self.gap.load(Ordering::Relaxed))) }
    }

    /// Waits for the current gap.
    pub async fn wait_turn(&self) {
        // Relaxed: the gap is a hint that no other data depends on.
        let gap = self.gap.load(Ordering::Relaxed);
        if gap > 0 {
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
    }

    /// Takes the duration of a connection setup, and doubles the gap if the request was repeated.
    pub fn record_duration(&self, time: Duration) {
        if time >= SYN_RETRY {
            let wider = |gap: u64| Some((gap * 2).clamp(MIN_GAP_MS, MAX_GAP_MS));
            let _ = self.gap.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wider);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separate_throttle_begins_with_the_gap_and_widens_alone() {
        let throttle = ConnectThrottle::default();
        throttle.record_duration(Duration::from_secs(1));
        let separate = throttle.separate();
        separate.record_duration(Duration::from_secs(1));
        let gap = |throttle: &ConnectThrottle| throttle.gap.load(Ordering::Relaxed);
        assert_eq!((gap(&throttle), gap(&separate)), (MIN_GAP_MS, MIN_GAP_MS * 2));
    }

    #[test]
    fn only_a_repeated_request_widens_the_gap() {
        let throttle = ConnectThrottle::default();
        let gap = || throttle.gap.load(Ordering::Relaxed);
        throttle.record_duration(Duration::from_millis(300));
        assert_eq!(gap(), 0);
        throttle.record_duration(Duration::from_millis(1020));
        assert_eq!(gap(), MIN_GAP_MS);
        (0..10).for_each(|_| throttle.record_duration(Duration::from_secs(3)));
        assert_eq!(gap(), MAX_GAP_MS);
    }
}
