//! One worker's side of the [exchange](crate::router::Exchange): what its sessions cause goes into one order with what
//! the sessions of other workers cause, and from there into the turn log.

use std::sync::Arc;
use std::time::Instant;

use mychat_os::ThreadWaker;

use super::room_replay::RoomReplay;
use super::sessions::Sessions;
use crate::metrics::LocalCounts;
use crate::rooms::RoomOptions;
use crate::router::{Batch, Publish, SharedRouter};

/// Broadcasts that are in the turn log and not measured yet.
#[derive(Debug)]
struct Unmeasured {
    first_read_at: Instant,
    broadcasts: u32,
    /// The batch, if other workers have to write it too.
    shared: Option<Arc<Batch>>,
}

/// The batches of one worker.
#[derive(Debug)]
pub(crate) struct Publisher {
    router: SharedRouter,
    worker: u16,
    /// The wakers of all workers, by number.
    wakers: Arc<[Arc<ThreadWaker>]>,
    /// The frames that this worker's sessions caused and that are not in the common order yet.
    pub(crate) batch: Batch,
    /// The chat rooms at the place of the order up to which batches were replayed.
    pub(crate) rooms: RoomReplay,
    /// Batches of this worker that are in the common order and were not replayed here yet.
    in_flight: usize,
    /// At the start of this turn only worker 0 had sessions.
    is_single_worker: bool,
    /// Batches were taken that the exchange does not know to be written.
    has_unreported_write: bool,
    /// Workers that have to take a turn.
    to_wake: Vec<usize>,
    unmeasured: Vec<Unmeasured>,
    /// The version of the set of users that the other workers were last woken for.
    woken_for_version: u64,
}

impl Publisher {
    /// Creates the publisher of `worker`.
    pub(crate) fn new(
        router: SharedRouter,
        worker: u16,
        wakers: Arc<[Arc<ThreadWaker>]>,
        rooms: &Arc<RoomOptions>,
    ) -> Self {
        let is_single_worker = router.exchange().is_single_worker();
        Self {
            router,
            worker,
            wakers,
            batch: Batch::default(),
            rooms: RoomReplay::new(worker, rooms),
            in_flight: 0,
            is_single_worker,
            has_unreported_write: false,
            to_wake: Vec::new(),
            unmeasured: Vec::new(),
            woken_for_version: 0,
        }
    }

    /// Reads the mode for this turn. It must happen before the messages are read: worker 0 sends sessions first and then
    /// clears the flag (`Release`), so a worker that reads the cleared flag (`Acquire`) finds the sessions among its
    /// messages. A worker other than 0 that already has sessions ignores the flag, because worker 0 may not have cleared
    /// it yet.
    pub(crate) fn begin_turn(&mut self, has_sessions: bool) {
        self.is_single_worker = self.router.exchange().is_single_worker() && (self.worker == 0 || !has_sessions);
    }

    /// Returns true if only worker 0 has sessions.
    pub(crate) const fn is_single_worker(&self) -> bool {
        self.is_single_worker
    }

    /// Changes the mode for the rest of this turn.
    pub(crate) const fn set_single_worker(&mut self, is_single_worker: bool) {
        self.is_single_worker = is_single_worker;
    }

    /// Returns true if broadcasts or room events of this worker have not been replayed here yet, so that later frames must
    /// follow them.
    pub(crate) const fn has_pending(&self) -> bool {
        self.batch.needs_order() || self.in_flight > 0
    }

    /// Returns true if the exchange waits for this worker's report that it has written.
    pub(crate) const fn has_unreported_write(&self) -> bool {
        self.has_unreported_write
    }

    /// Submits the batch, and moves everything that the exchange has distributed into the turn log and the outboxes.
    pub(crate) fn publish(&mut self, when: Publish, sessions: &mut Sessions) {
        if self.is_single_worker {
            if let Some(first_read_at) = self.batch.first_read_at() {
                let broadcasts = self.batch.broadcast_count();
                self.unmeasured.push(Unmeasured { first_read_at, broadcasts, shared: None });
            }
            self.rooms.replay(&self.batch, sessions);
            return self.batch.clear();
        }
        self.submit(when);
        let (batches, must_report) = self.router.exchange().take(self.worker, &mut self.to_wake);
        self.has_unreported_write |= must_report;
        sessions.note_buffered(batches.iter().map(|batch| batch.len()).sum());
        for batch in batches {
            self.in_flight -= usize::from(batch.origin() == self.worker);
            if let Some(first_read_at) = batch.first_read_at() {
                let (broadcasts, shared) = (batch.broadcast_count(), Some(Arc::clone(&batch)));
                self.unmeasured.push(Unmeasured { first_read_at, broadcasts, shared });
            }
            self.rooms.replay(&batch, sessions);
        }
        self.wake_workers();
    }

    fn submit(&mut self, when: Publish) {
        let exchange = self.router.exchange();
        if self.batch.is_empty() {
            if when == Publish::Now && self.in_flight > 0 {
                exchange.submit(None, when, &mut self.to_wake);
            }
        } else {
            let is_private_only = !self.has_pending();
            self.batch.seal(self.worker, self.wakers.len());
            let batch = Arc::new(std::mem::take(&mut self.batch));
            if is_private_only {
                exchange.submit_private(&batch, &mut self.to_wake);
            } else {
                self.in_flight += 1;
                exchange.submit(Some(batch), when, &mut self.to_wake);
            }
        }
        // This worker takes its own part right after this.
        self.to_wake.retain(|&worker| worker != usize::from(self.worker));
    }

    /// Reports that the batches taken in the turn before are written. The sockets were read since, so what arrived in the
    /// meantime is submitted first and distributed together.
    pub(crate) fn report_written(&mut self) {
        if std::mem::take(&mut self.has_unreported_write) {
            self.submit(Publish::Batched);
            self.router.exchange().mark_written(self.worker, &mut self.to_wake);
            self.wake_workers();
        }
    }

    /// Adds the latency of the broadcasts that were just written to `counts`, if no other worker has still to write them.
    pub(crate) fn record_latencies(&mut self, counts: &mut LocalCounts) {
        if self.unmeasured.is_empty() {
            return;
        }
        let now = Instant::now();
        for Unmeasured { first_read_at, broadcasts, shared } in self.unmeasured.drain(..) {
            if shared.is_none_or(|batch| batch.finish_one()) {
                counts.add_broadcast_latency(u64::from(broadcasts), now.saturating_duration_since(first_read_at));
            }
        }
    }

    /// Wakes the other workers if the set of users has changed since the last call: all of them have to send rosters.
    pub(crate) fn announce_user_changes(&mut self) {
        let version = self.router.version();
        if self.woken_for_version != version && !self.is_single_worker {
            self.woken_for_version = version;
            self.to_wake.extend((0..self.wakers.len()).filter(|&worker| worker != usize::from(self.worker)));
            self.wake_workers();
        }
    }

    /// Wakes all workers except worker 0, which calls it.
    pub(crate) fn wake_other_workers(&mut self) {
        self.to_wake.extend(1..self.wakers.len());
        self.wake_workers();
    }

    fn wake_workers(&mut self) {
        for worker in self.to_wake.drain(..) {
            self.wakers[worker].wake();
        }
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.batch.shrink();
        self.rooms.shrink();
        self.unmeasured.shrink_to_fit();
    }
}
