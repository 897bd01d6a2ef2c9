//! What a worker has to do with the others: one order of broadcasts, and no turn for nothing.

use std::sync::Arc;
use std::time::Instant;

use super::Worker;
use crate::router::Publish;

impl Worker {
    /// Whether everything that was said here is in the log, so that what is said now may go around it.
    pub(crate) const fn is_settled(&self) -> bool {
        !self.stage.has_broadcasts() && self.unsettled == 0
    }

    /// Puts what was said here, and what was said elsewhere before that, into the log: as far as it was given out.
    pub(crate) fn publish(&mut self, haste: Publish) {
        if self.is_alone {
            if let Some(since) = self.stage.since() {
                self.fresh.push((since, self.stage.broadcasts(), None));
            }
            self.stage.replay(&mut self.delivery);
            return self.stage.clear();
        }
        self.hand_in(haste);
        let (batches, is_behind) = self.shared.router.exchange().take(self.me, &mut self.calls);
        self.is_writing |= is_behind;
        self.delivery.held(batches.iter().map(|batch| batch.len()).sum());
        for batch in batches {
            self.unsettled -= usize::from(batch.from() == self.me);
            if let Some(since) = batch.since() {
                self.fresh.push((since, batch.broadcasts(), Some(Arc::clone(&batch))));
            }
            batch.replay(&mut self.delivery);
        }
        self.call();
    }

    fn hand_in(&mut self, haste: Publish) {
        let exchange = self.shared.router.exchange();
        if self.stage.is_empty() {
            if haste == Publish::Now && self.unsettled > 0 {
                exchange.hand_in(None, haste, &mut self.calls);
            }
        } else {
            let is_passed = self.is_settled();
            self.stage.seal(self.me, self.shared.bells.len());
            let batch = Arc::new(std::mem::take(&mut self.stage));
            if is_passed {
                exchange.pass(&batch, &mut self.calls);
            } else {
                self.unsettled += 1;
                exchange.hand_in(Some(batch), haste, &mut self.calls);
            }
        }
        // This worker takes its own share at once.
        self.calls.retain(|&worker| worker != usize::from(self.me));
    }

    /// What was taken in the turn before is written, and the sockets were looked at again since: what arrived meanwhile
    /// goes with what comes next.
    pub(super) fn finish_writing(&mut self) {
        if std::mem::take(&mut self.is_writing) {
            self.hand_in(Publish::Batched);
            self.shared.router.exchange().done(self.me, &mut self.calls);
            self.call();
        }
    }

    /// Measures the broadcasts that were just written, where nobody has still to write them.
    pub(super) fn observe(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        for (since, count, batch) in self.fresh.drain(..) {
            if batch.is_none_or(|batch| batch.is_done()) {
                self.delivery.tally.broadcasts_took(u64::from(count), now.saturating_duration_since(since));
            }
        }
    }

    /// The set of users has changed: everybody owes lists.
    pub(super) fn tell_others(&mut self) {
        let version = self.shared.router.version();
        if self.told_version != version && !self.is_alone {
            self.told_version = version;
            self.calls.extend((0..self.shared.bells.len()).filter(|&worker| worker != usize::from(self.me)));
            self.call();
        }
    }

    pub(super) fn call(&mut self) {
        for worker in self.calls.drain(..) {
            self.shared.bells[worker].wake();
        }
    }
}
