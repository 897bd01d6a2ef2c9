//! Where the turns of all workers are put into one order (rule M5).
//!
//! ```text
//!   worker 0 ──batch──┐             ┌──► inbox 1 … n   (one Arc, however many users are behind it)
//!                     ├─ one lock ──┤
//!   worker 1 ──batch──┘             └──► and back: what others published before mine
//! ```
//!
//! A worker that publishes takes its own inbox under the same lock: those batches come before its own, for every
//! worker alike. The order in which the lock is taken *is* the order of broadcasts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;

/// Bytes in an inbox from which on nobody reads more from clients until it was emptied.
const CONGESTED: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
struct Inbox {
    batches: Vec<Arc<Batch>>,
    bytes: usize,
}

/// The inboxes of all workers behind one lock.
#[derive(Debug)]
pub struct Exchange {
    inboxes: Mutex<Vec<Inbox>>,
    workers: usize,
}

impl Exchange {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self { inboxes: Mutex::new((0..workers).map(|_| Inbox::default()).collect()), workers }
    }

    /// Whether there is but one worker, which needs no exchange.
    pub const fn is_idle(&self) -> bool {
        self.workers == 1
    }

    /// Publishes what worker `me` has to say, if anything, and returns what others said before that.
    pub fn publish(&self, me: u16, batch: Option<&Arc<Batch>>) -> Vec<Arc<Batch>> {
        let mut inboxes = self.lock();
        if let Some(batch) = batch {
            for (worker, inbox) in inboxes.iter_mut().enumerate() {
                if worker != usize::from(me) {
                    inbox.batches.push(Arc::clone(batch));
                    inbox.bytes += batch.len();
                }
            }
        }
        std::mem::take(&mut inboxes[usize::from(me)]).batches
    }

    /// Whether others have said something that this worker has not taken yet.
    pub fn is_waiting(&self, me: u16) -> bool {
        !self.lock()[usize::from(me)].batches.is_empty()
    }

    /// Whether some worker is too far behind for others to go on reading.
    pub fn is_congested(&self) -> bool {
        !self.is_idle() && self.lock().iter().any(|inbox| inbox.bytes > CONGESTED)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Inbox>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &'static str) -> Arc<Batch> {
        let mut batch = Batch::default();
        batch
            .broadcast(std::time::Instant::now(), |out| {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            })
            .unwrap();
        Arc::new(batch)
    }

    #[test]
    fn m5_two_workers_hear_the_same_order() {
        let exchange = Exchange::new(2);
        let (a, b, c) = (said("a"), said("b"), said("c"));
        let mut zero = exchange.publish(0, Some(&a));
        zero.push(a);
        let mut one = exchange.publish(1, Some(&b));
        one.push(b);
        zero.extend(exchange.publish(0, Some(&c)));
        zero.push(c);
        one.extend(exchange.publish(1, None));
        let order = |heard: &[Arc<Batch>]| heard.iter().map(|batch| Arc::as_ptr(batch) as usize).collect::<Vec<_>>();
        assert_eq!(order(&zero), order(&one));
        assert_eq!(zero.len(), 3);
    }

    #[test]
    fn an_inbox_that_nobody_empties_stops_the_readers() {
        let exchange = Exchange::new(2);
        assert!(!exchange.is_congested());
        let big = said(Box::leak("x".repeat(CONGESTED + 1).into_boxed_str()));
        exchange.publish(0, Some(&big));
        assert!(exchange.is_congested());
        exchange.publish(1, None);
        assert!(!exchange.is_congested());
    }
}
