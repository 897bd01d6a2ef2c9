//! The position of one user among the cached broadcasts of its worker.

use crate::record::broadcast_cache::{CachePosition, FrameRun};
use crate::record::order_log::NewestMessage;

/// A user's position among the cached broadcasts. While it receives them in cache order, this position alone says
/// which it has. Its inbox is updated later, some hundred broadcasts at a time.
#[derive(Debug, Default)]
pub(in crate::engine) struct BroadcastCursor {
    /// Behind the last broadcast that it received.
    at: CachePosition,
    /// The largest value of `at` so far: cached broadcasts from here on are new to this user.
    farthest: CachePosition,
    /// Received broadcasts that its inbox does not hold yet.
    deferred: FrameRun,
    /// True once it has received a message that is not in the cache. From then on only its inbox knows what it has.
    off_fast_path: bool,
    /// The message with the highest ordinal that it received, in any session.
    newest: Option<NewestMessage>,
}

impl BroadcastCursor {
    #[inline]
    pub(in crate::engine) fn at(&self) -> CachePosition {
        self.at
    }

    /// Moves to `at`, behind a broadcast that the user received.
    #[inline]
    pub(in crate::engine) fn advance(&mut self, at: CachePosition) {
        self.at = at;
        self.farthest = self.farthest.max(at);
    }

    /// Returns the message with the highest ordinal that the user has received, in any session.
    #[inline]
    pub(in crate::engine) fn newest_mut(&mut self) -> &mut Option<NewestMessage> {
        &mut self.newest
    }

    /// Returns true if `run` lies behind everything that the user has received.
    #[inline]
    pub(in crate::engine) fn is_new(&self, run: &FrameRun) -> bool {
        run.start() >= self.farthest
    }

    #[inline]
    pub(in crate::engine) fn is_off_fast_path(&self) -> bool {
        self.off_fast_path
    }

    pub(in crate::engine) fn leave_fast_path(&mut self) {
        self.off_fast_path = true;
    }

    /// Adds `run` to the deferred broadcasts; returns false if it does not follow them.
    #[inline]
    pub(in crate::engine) fn defer(&mut self, run: &FrameRun) -> bool {
        self.deferred.append(run)
    }

    /// Replaces the deferred broadcasts, which the inbox holds by now.
    pub(in crate::engine) fn restart_deferred(&mut self, run: &FrameRun) {
        self.deferred = run.clone();
    }

    #[inline]
    pub(in crate::engine) fn deferred_len(&self) -> usize {
        self.deferred.len()
    }

    /// Removes the deferred broadcasts, for the inbox.
    pub(in crate::engine) fn take_deferred(&mut self) -> FrameRun {
        std::mem::take(&mut self.deferred)
    }

    /// Returns true if a deferred broadcast lies before `end`, up to which the cache is about to be freed.
    pub(in crate::engine) fn needs(&self, end: CachePosition) -> bool {
        self.deferred_len() > 0 && self.deferred.start() < end
    }
}
