//! The online state of one user.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::RunTime;

/// The online state of one user in one word: the time of the last change, and a bit for online.
///
/// The worker that drives the user writes it, the workers of its correspondents read it. State and time share a word, so
/// that a reader never sees one without the other. The release store pairs with the readers' acquire loads: a reader that
/// sees a login also sees what that worker wrote before it.
#[derive(Debug, Default)]
pub struct OnlineState(AtomicU64);

impl OnlineState {
    /// Sets the state from `at` on.
    pub fn set(&self, online: bool, at: RunTime) {
        self.0.store(at.nanos() << 1 | u64::from(online), Ordering::Release);
    }

    /// Returns true if the user has been online from `at` until now without a break. Otherwise a message sent at `at` may
    /// be answered by 404.
    pub fn was_online_since(&self, at: RunTime) -> bool {
        self.online_since().is_some_and(|since| since <= at)
    }

    /// Returns the time of the user's login, if it is online.
    pub fn online_since(&self) -> Option<RunTime> {
        let word = self.0.load(Ordering::Acquire);
        (word & 1 == 1).then_some(RunTime::from_nanos(word >> 1))
    }
}
