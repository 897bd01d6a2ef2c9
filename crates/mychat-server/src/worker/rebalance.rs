//! Moves sessions to the other workers when one is not enough, and stops using them when they are empty.
//!
//! ```text
//!   single worker ──busy, and the machine has an idle core──► sessions on all workers
//!         ▲                                                             │
//!         └───────────── the other workers have no sessions ◄───────────┘
//! ```
//!
//! Each further worker has a cost: turns of its own, and an order that all agree on. It pays if a core is free for it, and
//! not if clients on the same machine need that core. So worker 0 starts as the single worker while the others sleep.
//!
//! No frame is lost during a move. Worker 0 moves sessions at the end of a turn, when everything is written, and only
//! worker 0 could have caused frames for them. The sessions are in the other worker's channel, and their new addresses in
//! the directory, before a frame for them can be submitted to the exchange.

use std::collections::HashSet;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::info;

use super::cpu_pressure::CpuPressure;
use super::{Worker, WorkerMessage, roster_budget, sharing_workers};
use crate::config::Spread;
use crate::metrics::{Counter, EndReason};
use crate::rooms::RoomRegistry;
use crate::router::{Publish, RoomEvent, SessionAddress, SessionKey};
use crate::session::Session;

/// The state of one worker that decides when sessions move.
#[derive(Debug)]
pub(super) struct Rebalancer {
    pressure: CpuPressure,
    /// The number of ended sessions that the exchange has been told of.
    removed_reported: u32,
}

impl Rebalancer {
    pub(super) const fn new(now: Instant) -> Self {
        Self { pressure: CpuPressure::new(now), removed_reported: 0 }
    }

    /// Makes the next check move sessions whatever the load.
    pub(super) const fn force(&mut self) {
        self.pressure.force();
    }

    /// Returns how many sessions ended since the last call, given the number that ended so far.
    const fn take_newly_removed(&mut self, removed: u32) -> u32 {
        removed.wrapping_sub(std::mem::replace(&mut self.removed_reported, removed))
    }
}

impl Worker {
    /// At the end of a turn: worker 0 moves sessions away if that pays, or returns to the single-worker mode; the others
    /// report sessions that ended.
    pub(super) fn rebalance(&mut self) {
        if self.id != 0 {
            let newly_removed = self.rebalancer.take_newly_removed(self.sessions.removed());
            if newly_removed > 0 {
                self.shared.router.exchange().remove_migrated(newly_removed as usize);
            }
            return;
        }
        if self.intake.other_workers.is_empty() || !self.rebalancer.pressure.is_due(self.now) {
            return;
        }
        if self.publisher.is_single_worker() {
            if self.rebalancer.pressure.observe(self.now) && self.sessions.users() > 1 {
                self.spread_sessions();
            }
        } else if self.shared.config.spread == Spread::Busy
            && !self.publisher.has_pending()
            && !self.publisher.has_unreported_write()
        {
            self.rebalancer.pressure = CpuPressure::new(self.now);
            self.collapse_if_others_are_empty();
        }
    }

    /// Moves sessions so that each worker has about as many.
    fn spread_sessions(&mut self) {
        if self.drain_deadline.is_some() || !self.intake.is_accepting() {
            return;
        }
        let others: Vec<_> = self.intake.other_workers.iter().filter_map(mpsc::WeakSender::upgrade).collect();
        let slots: Vec<_> = others.iter().filter_map(|other| other.try_reserve().ok()).collect();
        if slots.len() < self.intake.other_workers.len() || slots.is_empty() {
            return;
        }
        let groups = self.take_groups(slots.len());
        let moved: usize = groups.iter().map(Vec::len).sum();
        for (slot, sessions) in slots.into_iter().zip(groups) {
            self.shared.router.exchange().add_migrated(sessions.len());
            let roster_version = self.roster.sent_version();
            let rooms = self.publisher.rooms.snapshot();
            slot.send(WorkerMessage::MigrateSessions { sessions, roster_version, rooms });
        }
        self.set_single_worker(false);
        info!(moved, workers = self.shared.wakers.len(), "users shared out");
    }

    /// Takes out the sessions that move: one group for each of `others` workers, with the slab indices they get there.
    fn take_groups(&mut self, others: usize) -> Vec<Vec<(u32, Session)>> {
        let mut groups: Vec<Vec<_>> = (0..others).map(|_| Vec::new()).collect();
        let joiners: HashSet<u32> = self.roster.joiners().iter().map(|key| key.index).collect();
        let movable = self.sessions.iter().filter(|(index, session)| session.is_movable() && !joiners.contains(index));
        // The indices of the sessions that move are soon those of others.
        self.rooms_listed_at.clear();
        for (turn, index) in movable.map(|(index, _)| index).collect::<Vec<_>>().into_iter().enumerate() {
            // Worker 0 keeps every first session of a round.
            let Some(group) = (turn % (others + 1)).checked_sub(1) else { continue };
            let from = self.sessions.address(index);
            if self.sessions[index].deregister(&self.poller).is_err() {
                continue;
            }
            let session = self.sessions.take_for_migration(index);
            let key = SessionKey { index: groups[group].len() as u32, ..from.key };
            if let Some(registration) = &session.registration {
                let to = SessionAddress { worker: group as u16 + 1, key };
                self.shared.router.relocate(registration, from, to);
                if session.extensions.rooms {
                    self.publisher.rooms.registry.relocate(key.generation, to);
                }
            }
            groups[group].push((key.index, session));
        }
        groups
    }

    /// Adds sessions of worker 0 to this worker, which has none. Their users have the roster of `roster_version`. `rooms` are
    /// the rooms at the place of the order at which the single-worker mode ended.
    pub(super) fn adopt_migrated(
        &mut self,
        sessions: Vec<(u32, Session)>,
        roster_version: u64,
        rooms: Box<RoomRegistry>,
    ) {
        self.publisher.rooms.registry = rooms;
        self.publisher.set_single_worker(false);
        self.update_limit_shares();
        self.roster.adopt_version(roster_version);
        let mut adopted = Vec::with_capacity(sessions.len());
        for (index, mut session) in sessions {
            if session.reregister(&self.poller, index).is_ok() {
                adopted.push((index as usize, session));
            } else {
                self.drop_lost_session(index, &session);
            }
        }
        // The poller reports what arrived during the move.
        self.sessions.adopt_migrated(adopted.into_iter().collect());
    }

    /// Counts a session as broken that could not be registered here because the machine is out of memory.
    fn drop_lost_session(&mut self, index: u32, session: &Session) {
        if let Some(registration) = &session.registration {
            let key = SessionKey { index, generation: session.generation };
            let address = SessionAddress { worker: self.id, key };
            if session.extensions.rooms {
                // Before the name is free: its next user may join the same rooms.
                self.publisher.batch.room_event(address, RoomEvent::Exit, &[]);
                self.publisher.publish(Publish::Now, &mut self.sessions);
            }
            self.shared.router.release(registration, address);
        }
        self.sessions.counts.sub(Counter::Users, 1);
        self.sessions.counts.sub(Counter::Connections, 1);
        self.shared.metrics.count(Counter::Ended(EndReason::Broken));
        self.shared.router.exchange().remove_migrated(1);
    }

    /// Sets this worker's share of the limits that apply to all users together.
    pub(super) fn update_limit_shares(&mut self) {
        let config = &self.shared.config;
        let is_single_worker = self.publisher.is_single_worker();
        self.roster.set_budget(roster_budget(config, is_single_worker));
        self.sessions.limit = config.send.share_of_one(sharing_workers(config, is_single_worker));
    }

    fn collapse_if_others_are_empty(&mut self) {
        if self.shared.router.exchange().try_collapse() {
            self.set_single_worker(true);
        }
    }

    fn set_single_worker(&mut self, is_single_worker: bool) {
        self.publisher.set_single_worker(is_single_worker);
        self.update_limit_shares();
        if !is_single_worker {
            self.shared.router.exchange().leave_single_worker();
            self.publisher.wake_other_workers();
        }
    }
}
