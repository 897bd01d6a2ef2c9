//! The jobs of a run: the queue from which they take checks, and the results that they share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::catalogue::Check;
use crate::harness::outcome::{Outcome, Status};

/// The results that the jobs of a run share.
pub(super) struct CheckResults {
    outcomes: Mutex<Vec<(usize, Outcome)>>,
    /// The first check after which the server served no user, and the part that did not work.
    pub(super) first_death: Mutex<Option<(String, String)>>,
    /// The number of times at which the server was found to serve no user.
    deaths: AtomicUsize,
    /// True if checks that flood the server may run.
    pub(super) may_flood: bool,
}

/// Checks that wait for a free job.
pub(super) struct Queue<'c> {
    checks: Mutex<VecDeque<(usize, &'c Check)>>,
    /// The number of jobs whose server still serves users.
    serving: AtomicUsize,
    /// The number of checks that have been taken and not finished.
    running: AtomicUsize,
    /// Notified whenever a check is finished.
    progress: Notify,
}

impl<'c> Queue<'c> {
    pub(super) fn new(checks: Vec<(usize, &'c Check)>, jobs: usize) -> Self {
        Self {
            checks: Mutex::new(checks.into()),
            serving: AtomicUsize::new(jobs),
            running: AtomicUsize::new(0),
            progress: Notify::new(),
        }
    }

    /// Takes the next check. The caller reports its end by [`Queue::finish_one`].
    pub(super) fn next(&self) -> Option<(usize, &'c Check)> {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let next = checks.pop_front();
        // Relaxed: all jobs of a run are one task.
        self.running.fetch_add(usize::from(next.is_some()), Ordering::Relaxed);
        next
    }

    /// Counts a check as finished.
    pub(super) fn finish_one(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.progress.notify_waiters();
    }

    /// Waits until the queue is empty and all checks are finished.
    pub(super) async fn finished(&self) {
        loop {
            let progress = self.progress.notified();
            let is_empty = self.checks.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            if is_empty && self.running.load(Ordering::Relaxed) == 0 {
                return;
            }
            progress.await;
        }
    }

    /// Removes a job whose server no longer serves users. Returns false, and keeps it, if it is the last one.
    pub(super) fn leave(&self) -> bool {
        let others = self.serving.load(Ordering::Relaxed) > 1;
        if others {
            self.serving.fetch_sub(1, Ordering::Relaxed);
        }
        others
    }
}

impl CheckResults {
    pub(super) fn new(may_flood: bool) -> Self {
        Self { outcomes: Mutex::default(), first_death: Mutex::default(), deaths: AtomicUsize::new(0), may_flood }
    }

    /// Records the first check after which the server served no user.
    pub(super) fn record_death(&self, check: &str, what: String) {
        let mut first_death = self.first_death.lock().unwrap_or_else(PoisonError::into_inner);
        first_death.get_or_insert((check.to_owned(), what));
    }

    /// Counts a time at which the server was found to serve no user.
    pub(super) fn count_death(&self) {
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn deaths(&self) -> usize {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Returns true if a check has failed in this run.
    pub(super) fn has_failed(&self, id: &str) -> bool {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter().any(|(_, outcome)| outcome.id == id && outcome.status == Status::Fail)
    }

    /// Adds the outcome of the check with this index in the selection.
    pub(super) fn done(&self, index: usize, outcome: Outcome) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
    }

    /// Returns the outcomes so far, and forgets them.
    pub(super) fn take(&self) -> Vec<(usize, Outcome)> {
        std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::catalogue;

    #[tokio::test]
    async fn the_queue_is_finished_when_the_last_check_is_not_when_it_is_taken() {
        let checks = catalogue();
        let queue = Queue::new(checks.iter().take(1).enumerate().collect(), 2);
        let taken = queue.next();
        assert!(taken.is_some() && queue.next().is_none());
        assert!(tokio::time::timeout(std::time::Duration::ZERO, queue.finished()).await.is_err());
        tokio::join!(queue.finished(), async { queue.finish_one() });
    }
}
