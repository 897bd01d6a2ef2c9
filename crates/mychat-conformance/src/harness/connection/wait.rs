//! Waiting for what arrives on a connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{ConnInbox, Connection};
use crate::harness::pace::{Awaited, FenceResult};

/// A wait lasts at most this many timeouts, even if the server keeps sending other frames.
const MAX_EXTENSIONS: u32 = 8;

/// The result of a wait: the value, and the silence before it or before the end of the wait.
struct Waited<T> {
    found: Option<T>,
    silence: Duration,
    /// The number of reads at the start of the silence.
    arrivals: u64,
}

/// The result of a wait beside a fence.
enum Beside<T> {
    /// The awaited frame arrived first.
    Found(T),
    /// The fence ended first.
    Ended(FenceResult),
    /// Neither of the two came in time.
    TimedOut,
}

impl Connection {
    /// Waits until `look` returns a value, or until nothing has arrived for so long that nothing will: see
    /// [`Connection::wait_for`].
    pub(crate) async fn wait_until<T>(
        &self,
        timeout: Duration,
        look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Option<T> {
        self.wait_for(Awaited::Reply, timeout, look).await
    }

    /// As [`Connection::wait_until`], for a list.
    pub(crate) async fn wait_list<T>(
        &self,
        timeout: Duration,
        look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Option<T> {
        let awaited = if self.config.members.has_break() { Awaited::ListAfterBreak } else { Awaited::List };
        self.wait_for(awaited, timeout, look).await
    }

    /// Waits until `look` returns a value, or until nothing has arrived for so long that nothing will: at most for `timeout`,
    /// and shorter where the server's pace and a ring fence allow it. Anything that arrives starts the silence anew, because
    /// a server that works on earlier messages is slow, not silent. The total is at most [`MAX_EXTENSIONS`] timeouts.
    pub(crate) async fn wait_for<T>(
        &self,
        awaited: Awaited,
        timeout: Duration,
        mut look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Option<T> {
        if let Some(found) = look(&mut self.inbox()) {
            return Some(found);
        }
        let deadline = Instant::now() + timeout * MAX_EXTENSIONS;
        loop {
            let waited = self.wait_once(awaited, timeout, deadline, &mut look).await;
            let pace = &self.config.pace;
            if waited.found.is_some() {
                pace.record_arrival(awaited, waited.silence);
                return waited.found;
            }
            if self.inbox().arrivals == waited.arrivals || Instant::now() >= deadline {
                pace.record_missing(awaited, waited.silence, timeout);
                self.shared.record_silence(waited.silence);
                return None;
            }
        }
    }

    /// Waits for the silence that the server's pace suggests, then for a fence, then as long as the fence demands.
    async fn wait_once<T>(
        &self,
        awaited: Awaited,
        timeout: Duration,
        deadline: Instant,
        mut look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Waited<T> {
        let first = self.config.pace.first_wait(awaited, timeout);
        let waited = self.wait(first, deadline, &mut look).await;
        if waited.found.is_some() || first >= timeout {
            return waited;
        }
        let mut arrivals = waited.arrivals;
        let silent_since = Instant::now().checked_sub(waited.silence).unwrap_or_else(Instant::now);
        let end = silent_since + timeout;
        let found = |found| Waited { found: Some(found), silence: silent_since.elapsed(), arrivals };
        let mut fence = match self.wait_beside(self.ring_fence(), timeout, end, &mut look).await {
            Beside::Found(value) => return found(value),
            Beside::Ended(fence) => fence,
            Beside::TimedOut => FenceResult::Missing,
        };
        if fence != FenceResult::Impossible {
            self.config.pace.record_fence(fence != FenceResult::Missing);
        }
        // New users cause lists, which must not be mistaken for those that a step waits for.
        let may_add_users = matches!(awaited, Awaited::Reply | Awaited::Close) && self.config.pace.fences_work();
        if fence == FenceResult::Impossible && may_add_users {
            let end = end.min(Instant::now() + self.config.pace.outsiders_wait(awaited, timeout));
            match self.wait_beside(self.exchange_between_outsiders(), timeout, end, &mut look).await {
                Beside::Found(value) => return found(value),
                Beside::Ended(result) => fence = result,
                Beside::TimedOut => {}
            }
            // The lists about the outsiders do not end the silence.
            arrivals = self.inbox().arrivals;
        }
        let wait = self.config.pace.full_wait(awaited, fence, self.config.members.messages_sent(), timeout);
        let waited = self.wait(timeout, silent_since + wait, &mut look).await;
        Waited { found: waited.found, silence: silent_since.elapsed(), arrivals }
    }

    /// Waits for `fence`, and meanwhile for a value of `look`: until `end`, or until nothing has arrived for `timeout`.
    async fn wait_beside<T>(
        &self,
        fence: impl Future<Output = FenceResult>,
        timeout: Duration,
        end: Instant,
        look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Beside<T> {
        tokio::select! {
            biased;
            waited = self.wait(timeout, end, look) => match waited.found {
                Some(found) => Beside::Found(found),
                None => Beside::TimedOut,
            },
            fence = fence => Beside::Ended(fence),
        }
    }

    /// Waits until `look` returns a value, or until `time` is over. For frames that are optional.
    pub(crate) async fn wait_at_most<T>(
        &self,
        time: Duration,
        look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Option<T> {
        self.wait(time, Instant::now() + time, look).await.found
    }

    /// As [`Connection::wait_at_most`], for a reply or a list that shows how long the server takes to send one.
    pub(crate) async fn wait_at_most_for<T>(
        &self,
        awaited: Awaited,
        time: Duration,
        mut look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Option<T> {
        if let Some(found) = look(&mut self.inbox()) {
            return Some(found);
        }
        let waited = self.wait(time, Instant::now() + time, look).await;
        if waited.found.is_some() {
            self.config.pace.record_arrival(awaited, waited.silence);
        }
        waited.found
    }

    /// Waits until `look` returns a value, until nothing has arrived for `silence`, or until `deadline`.
    async fn wait<T>(
        &self,
        silence: Duration,
        deadline: Instant,
        mut look: impl FnMut(&mut ConnInbox) -> Option<T>,
    ) -> Waited<T> {
        let mut arrivals = self.inbox().arrivals;
        let mut silent_since = Instant::now();
        loop {
            let notified = self.shared.progress.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            {
                let mut inbox = self.inbox();
                if let Some(found) = look(&mut inbox) {
                    return Waited { found: Some(found), silence: silent_since.elapsed(), arrivals };
                }
                if inbox.arrivals != arrivals {
                    arrivals = inbox.arrivals;
                    silent_since = Instant::now();
                }
            }
            if tokio::time::timeout_at((silent_since + silence).min(deadline), notified).await.is_err() {
                return Waited { found: look(&mut self.inbox()), silence: silent_since.elapsed(), arrivals };
            }
        }
    }

    /// Describes the length of the last wait that was in vain.
    pub(crate) fn waited(&self) -> String {
        let millis = self.shared.last_silence_ms.load(Ordering::Relaxed);
        format!("within {}", humantime::format_duration(Duration::from_millis(millis)))
    }
}
