//! Confirmations that messages of closed loops have arrived, from the recipient's worker to the sender's.

use crate::plan::UserId;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mychat_os::ThreadWaker;

/// A message of a closed loop that arrived: the sender's index in the plan, and the message's sequence number.
pub type Confirmation = (UserId, u32);

/// Confirmations for the users of one worker. Other workers push, this one takes.
///
/// The mutex orders the two: whatever a worker pushed before it released the lock is taken by the next `take`. The waker is
/// used after the lock is released, and only by the push that found the queue empty: a later push finds either that entry,
/// whose wake-up is still to come or under way, or a queue that was emptied, and then wakes itself. No entry stays unseen.
#[derive(Debug, Default)]
pub struct ConfirmationQueue {
    confirmations: Mutex<Vec<Confirmation>>,
    /// Set once by the coordinator, before the worker's thread starts; absent in simulated runs.
    waker: OnceLock<Arc<ThreadWaker>>,
}

impl ConfirmationQueue {
    /// Sets what wakes the worker when the queue is no longer empty. Only the first call has an effect.
    pub fn set_waker(&self, waker: &Arc<ThreadWaker>) {
        self.waker.get_or_init(|| Arc::clone(waker));
    }

    /// Adds a confirmation.
    pub fn push(&self, confirmation: Confirmation) {
        let mut confirmations = self.confirmations.lock().unwrap_or_else(PoisonError::into_inner);
        confirmations.push(confirmation);
        let is_first = confirmations.len() == 1;
        drop(confirmations);
        if let Some(waker) = self.waker.get().filter(|_| is_first) {
            waker.wake();
        }
    }

    /// Removes and returns all confirmations.
    pub fn take(&self) -> Vec<Confirmation> {
        std::mem::take(&mut *self.confirmations.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
