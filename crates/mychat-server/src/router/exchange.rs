//! Where the turns of all workers are put into one order (rule M5).
//!
//! ```text
//!   worker 0 ──batch──┐              ┌──► inbox 0     (one Arc, however many users are behind it)
//!                     ├─► waiting ───┤
//!   worker 1 ──batch──┘   one order  └──► inbox 1
//! ```
//!
//! Batches are given out to all workers at once, in the order in which they were handed in. That happens when **nobody
//! is still writing what was given out before**: what is said meanwhile goes out together, with one write for each
//! user. Were each batch given out as it comes, every worker would answer every other one with a write to each of its
//! users: as many more writes as there are workers, and each of them as much smaller. Nobody waits for longer than one
//! worker alone would take to write to everybody.
//!
//! Until worker 0 shares its users out it is alone, and none of this is needed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;

/// Bytes that wait from which on nobody reads more from clients until they were given out and taken.
const CONGESTED: usize = 512 * 1024;

/// Whether a batch may wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// Until everybody has written what was given out before.
    Batched,
    /// It may not: what follows must come after it.
    Now,
}

#[derive(Debug, Default)]
struct WorkerInbox {
    batches: Vec<Arc<Batch>>,
    bytes: usize,
    /// Whether there are broadcasts that were given out and that its worker has not written.
    is_behind: bool,
}

impl WorkerInbox {
    /// Returns whether its worker has to be told: if it was not told of something before.
    fn put(&mut self, batch: &Arc<Batch>) -> bool {
        self.batches.push(Arc::clone(batch));
        self.bytes += batch.len();
        self.batches.len() == 1
    }
}

#[derive(Debug, Default)]
struct ExchangeState {
    inboxes: Vec<WorkerInbox>,
    waiting: Vec<Arc<Batch>>,
    waiting_bytes: usize,
    /// Whether somebody was told not to read on.
    has_stopped: bool,
}

impl ExchangeState {
    fn is_congested(&self) -> bool {
        self.waiting_bytes > CONGESTED || self.inboxes.iter().any(|inbox| inbox.bytes > CONGESTED)
    }

    fn give_out(&mut self, calls: &mut Vec<usize>) {
        self.waiting_bytes = 0;
        for batch in self.waiting.drain(..) {
            for (worker, inbox) in self.inboxes.iter_mut().enumerate() {
                inbox.is_behind = true;
                if inbox.put(&batch) {
                    calls.push(worker);
                }
            }
        }
    }

    fn give_out_if_due(&mut self, calls: &mut Vec<usize>) {
        if !self.inboxes.iter().any(|inbox| inbox.is_behind) {
            self.give_out(calls);
        }
    }

    /// Those that were told not to read on are told when they may.
    fn open(&mut self, calls: &mut Vec<usize>) {
        if self.has_stopped && !self.is_congested() {
            self.has_stopped = false;
            calls.clear();
            calls.extend(0..self.inboxes.len());
        }
    }
}

/// The inboxes of all workers behind one lock. What is pushed to `calls` are the workers that have to take a turn.
#[derive(Debug)]
pub struct Exchange {
    desk: Mutex<ExchangeState>,
    is_alone: AtomicBool,
    /// Sessions that other workers than the first have, or are about to get.
    guests: AtomicUsize,
}

impl Exchange {
    /// For so many workers, of which the first may begin alone.
    pub fn new(workers: usize, is_alone: bool) -> Self {
        let inboxes = (0..workers).map(|_| WorkerInbox::default()).collect();
        let desk = Mutex::new(ExchangeState { inboxes, ..ExchangeState::default() });
        Self { desk, is_alone: AtomicBool::new(is_alone || workers == 1), guests: AtomicUsize::new(0) }
    }

    /// Whether nobody but worker 0 has users, so that there is nothing to exchange. Only worker 0 changes that.
    pub fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Acquire)
    }

    /// So many sessions are on their way to other workers.
    pub fn send_guests(&self, many: usize) {
        self.guests.fetch_add(many, Ordering::AcqRel);
    }

    /// So many sessions of a worker that is not the first are gone, and what they said is handed in.
    pub fn lose_guests(&self, many: usize) {
        self.guests.fetch_sub(many, Ordering::AcqRel);
    }

    /// From here on worker 0 is not alone: what it has given away is in the mail of the others.
    pub fn open_up(&self) {
        self.is_alone.store(false, Ordering::Release);
    }

    /// Worker 0 is alone again, if the others have no sessions and nothing is on its way. It has handed in everything.
    pub fn close_down(&self) -> bool {
        let desk = self.lock();
        let is_clear = desk.waiting.is_empty()
            && desk.inboxes.iter().all(|inbox| inbox.batches.is_empty() && !inbox.is_behind)
            && self.guests.load(Ordering::Acquire) == 0;
        if is_clear {
            self.is_alone.store(true, Ordering::Release);
        }
        is_clear
    }

    /// Hands in a batch that has its place behind all others, or none: what was handed in before may have to hurry.
    pub fn hand_in(&self, batch: Option<Arc<Batch>>, haste: Publish, calls: &mut Vec<usize>) {
        let mut desk = self.lock();
        if let Some(batch) = batch {
            desk.waiting_bytes += batch.len();
            desk.waiting.push(batch);
        }
        match haste {
            Publish::Batched => desk.give_out_if_due(calls),
            Publish::Now => desk.give_out(calls),
        }
    }

    /// Passes a batch without broadcasts to those whom it concerns. Its sender has nothing waiting that it must stay
    /// behind.
    pub fn pass(&self, batch: &Arc<Batch>, calls: &mut Vec<usize>) {
        let mut desk = self.lock();
        for (worker, inbox) in desk.inboxes.iter_mut().enumerate() {
            if batch.concerns(worker) && inbox.put(batch) {
                calls.push(worker);
            }
        }
    }

    /// Takes what is in the inbox of worker `me`, in order, and whether others wait until it is [`done`](Self::done).
    pub fn take(&self, me: u16, calls: &mut Vec<usize>) -> (Vec<Arc<Batch>>, bool) {
        let mut desk = self.lock();
        let inbox = &mut desk.inboxes[usize::from(me)];
        inbox.bytes = 0;
        let taken = (std::mem::take(&mut inbox.batches), inbox.is_behind);
        desk.open(calls);
        taken
    }

    /// Worker `me` has written what it took.
    pub fn done(&self, me: u16, calls: &mut Vec<usize>) {
        let mut desk = self.lock();
        let inbox = &mut desk.inboxes[usize::from(me)];
        inbox.is_behind = inbox.is_behind && !inbox.batches.is_empty();
        desk.give_out_if_due(calls);
        desk.open(calls);
    }

    /// Whether so much waits that nobody should read on. Whoever asks is called when that is over.
    pub fn is_congested(&self) -> bool {
        if self.is_alone() {
            return false;
        }
        let mut desk = self.lock();
        desk.has_stopped = desk.is_congested();
        desk.has_stopped
    }

    fn lock(&self) -> MutexGuard<'_, ExchangeState> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
