//! The exchange that puts the batches of all workers into one order (rule M5).
//!
//! ```text
//!   worker 0 ──batch──┐               ┌──► inbox of worker 0   (one Arc, however many users the worker has)
//!                     ├─► submitted ──┤
//!   worker 1 ──batch──┘   one order   └──► inbox of worker 1
//! ```
//!
//! Batches are distributed to all workers at once, in the order in which they were submitted, and only when **no worker
//! still has to write what was distributed before**. What is submitted in the meantime is distributed together and costs
//! one write per user. If each batch were distributed on arrival, every worker would answer every batch of the others
//! with a write to each of its users, and the number of writes would grow with the number of workers. No batch waits
//! longer than a single worker would need to write to all users.
//!
//! While only worker 0 has sessions, it bypasses the exchange.
//!
//! All shared state is behind one mutex, except two atomics that [`Exchange`] explains.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;

/// Bytes that wait in the exchange or in one inbox above which workers stop reading from clients.
const CONGESTION_BYTES: usize = 512 * 1024;

/// The moment at which a submitted batch is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publish {
    /// As soon as every worker has written what was distributed before.
    Batched,
    /// At once: frames that the caller sends next must follow the batch.
    Now,
}

#[derive(Debug, Default)]
struct WorkerInbox {
    batches: Vec<Arc<Batch>>,
    bytes: usize,
    /// Broadcasts were distributed that the worker has not reported as written.
    has_unwritten: bool,
}

impl WorkerInbox {
    /// Appends a batch. Returns true if the worker has to be woken: an inbox that had batches has woken it before.
    fn push(&mut self, batch: &Arc<Batch>) -> bool {
        self.batches.push(Arc::clone(batch));
        self.bytes += batch.len();
        self.batches.len() == 1
    }
}

#[derive(Debug, Default)]
struct ExchangeState {
    inboxes: Vec<WorkerInbox>,
    submitted: Vec<Arc<Batch>>,
    submitted_bytes: usize,
    /// A worker has been told to stop reading from clients.
    has_paused_readers: bool,
}

impl ExchangeState {
    fn is_congested(&self) -> bool {
        self.submitted_bytes > CONGESTION_BYTES || self.inboxes.iter().any(|inbox| inbox.bytes > CONGESTION_BYTES)
    }

    fn distribute(&mut self, to_wake: &mut Vec<usize>) {
        self.submitted_bytes = 0;
        for batch in self.submitted.drain(..) {
            for (worker, inbox) in self.inboxes.iter_mut().enumerate() {
                inbox.has_unwritten = true;
                if inbox.push(&batch) {
                    to_wake.push(worker);
                }
            }
        }
    }

    fn distribute_if_all_written(&mut self, to_wake: &mut Vec<usize>) {
        if !self.inboxes.iter().any(|inbox| inbox.has_unwritten) {
            self.distribute(to_wake);
        }
    }

    /// Wakes all workers if some were told to stop reading and the congestion is over.
    fn resume_readers(&mut self, to_wake: &mut Vec<usize>) {
        if self.has_paused_readers && !self.is_congested() {
            self.has_paused_readers = false;
            to_wake.clear();
            to_wake.extend(0..self.inboxes.len());
        }
    }
}

/// The submitted batches and the inboxes of all workers.
///
/// Methods push the workers that have to take a turn to `to_wake`; the caller wakes them after the lock is released.
#[derive(Debug)]
pub(crate) struct Exchange {
    state: Mutex<ExchangeState>,
    /// Only worker 0 has sessions. Worker 0 writes it, the other workers read it.
    ///
    /// Worker 0 stores `false` with `Release` after it has put migrated sessions into the mailboxes. A worker that loads
    /// `false` with `Acquire` therefore finds them there. A worker that still loads `true` has either no sessions, so
    /// that it publishes nothing, or has received some by message, and then it does not use this flag
    /// (`Publisher::begin_turn`).
    is_single_worker: AtomicBool,
    /// Sessions that workers other than 0 have or are about to get.
    ///
    /// Worker 0 adds before it sends a session away. The other worker subtracts after it has submitted the session's last
    /// batch, with `AcqRel`. Worker 0 reads 0 with `Acquire` under the lock, so it also sees what was submitted before.
    migrated: AtomicUsize,
}

impl Exchange {
    /// Creates an exchange for `workers` workers. If `single_worker` is true, or there is only one, worker 0 starts as
    /// the only one with sessions.
    pub(crate) fn new(workers: usize, single_worker: bool) -> Self {
        let inboxes = (0..workers).map(|_| WorkerInbox::default()).collect();
        Self {
            state: Mutex::new(ExchangeState { inboxes, ..ExchangeState::default() }),
            is_single_worker: AtomicBool::new(single_worker || workers == 1),
            migrated: AtomicUsize::new(0),
        }
    }

    /// Returns true if only worker 0 has sessions, so that there is nothing to exchange.
    pub(crate) fn is_single_worker(&self) -> bool {
        self.is_single_worker.load(Ordering::Acquire)
    }

    /// Adds `count` to the sessions of the workers other than 0. Worker 0 calls it before it sends them.
    pub(crate) fn add_migrated(&self, count: usize) {
        self.migrated.fetch_add(count, Ordering::AcqRel);
    }

    /// Subtracts `count` sessions that ended on a worker other than 0, whose batches are submitted.
    pub(crate) fn remove_migrated(&self, count: usize) {
        self.migrated.fetch_sub(count, Ordering::AcqRel);
    }

    /// Ends the single-worker mode. Worker 0 calls it after it has sent the migrated sessions.
    pub(crate) fn leave_single_worker(&self) {
        self.is_single_worker.store(false, Ordering::Release);
    }

    /// Returns to the single-worker mode if no other worker has sessions and no batch is on its way. Returns true on
    /// success. Worker 0 calls it when everything of its own is submitted.
    pub(crate) fn try_collapse(&self) -> bool {
        let state = self.lock();
        let is_clear = state.submitted.is_empty()
            && state.inboxes.iter().all(|inbox| inbox.batches.is_empty() && !inbox.has_unwritten)
            && self.migrated.load(Ordering::Acquire) == 0;
        if is_clear {
            self.is_single_worker.store(true, Ordering::Release);
        }
        is_clear
    }

    /// Appends `batch` to the order. `None` submits nothing but may distribute what was submitted before.
    pub(crate) fn submit(&self, batch: Option<Arc<Batch>>, when: Publish, to_wake: &mut Vec<usize>) {
        let mut state = self.lock();
        if let Some(batch) = batch {
            state.submitted_bytes += batch.len();
            state.submitted.push(batch);
        }
        match when {
            Publish::Batched => state.distribute_if_all_written(to_wake),
            Publish::Now => state.distribute(to_wake),
        }
    }

    /// Puts a batch without broadcasts straight into the inboxes of its recipients' workers. Its origin must have no
    /// earlier broadcasts on their way.
    pub(crate) fn submit_private(&self, batch: &Arc<Batch>, to_wake: &mut Vec<usize>) {
        let mut state = self.lock();
        for (worker, inbox) in state.inboxes.iter_mut().enumerate() {
            if batch.has_frames_for(worker) && inbox.push(batch) {
                to_wake.push(worker);
            }
        }
    }

    /// Takes the batches from the inbox of `worker`, in order. The second value is true if the worker must call
    /// [`mark_written`](Self::mark_written) once they are written, because others wait for that.
    pub(crate) fn take(&self, worker: u16, to_wake: &mut Vec<usize>) -> (Vec<Arc<Batch>>, bool) {
        let mut state = self.lock();
        let inbox = &mut state.inboxes[usize::from(worker)];
        inbox.bytes = 0;
        let taken = (std::mem::take(&mut inbox.batches), inbox.has_unwritten);
        state.resume_readers(to_wake);
        taken
    }

    /// Records that `worker` has written the batches it took.
    pub(crate) fn mark_written(&self, worker: u16, to_wake: &mut Vec<usize>) {
        let mut state = self.lock();
        let inbox = &mut state.inboxes[usize::from(worker)];
        inbox.has_unwritten = inbox.has_unwritten && !inbox.batches.is_empty();
        state.distribute_if_all_written(to_wake);
        state.resume_readers(to_wake);
    }

    /// Returns true during congestion: the caller should stop reading from clients, and is woken when it is over.
    pub(crate) fn pause_if_congested(&self) -> bool {
        if self.is_single_worker() {
            return false;
        }
        let mut state = self.lock();
        state.has_paused_readers = state.is_congested();
        state.has_paused_readers
    }

    fn lock(&self) -> MutexGuard<'_, ExchangeState> {
        // No method panics halfway through a change, so a poisoned lock guards sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
