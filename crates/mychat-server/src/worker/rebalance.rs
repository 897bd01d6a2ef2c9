//! When one worker is not enough: the others get their share of the users.
//!
//! ```text
//!   worker 0 alone ──busy, and the machine is not──► users shared out ──the others have none left──► alone again
//! ```
//!
//! Every further worker costs something: a turn of its own, and an order that all agree on. That is worth it where a core
//! is free for it, and not where the clients on the same machine need it. So worker 0 begins alone, and the others sleep.
//!
//! Nothing is lost on the way, because nothing is on the way: worker 0 does this at the end of a turn, when everything
//! that was said is written, and it is the only one who could have said something to those that it gives away. They
//! are in the other's mail, and their new addresses in the directory, before anything can be handed in for them.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tracing::info;

use super::{Worker, WorkerMessage, roster_budget, sharers};
use crate::config::Spread;
use crate::metrics::{Counter, EndReason};
use crate::router::SessionAddress;
use crate::session::Session;
use crate::worker::cpu_pressure::CpuPressure;

impl Worker {
    /// At the end of a turn: shares users out if that is worth it, or notices that the others have none left.
    pub(super) fn share(&mut self) {
        if self.me != 0 {
            let gone = self.delivery.gone().wrapping_sub(std::mem::replace(&mut self.gone_told, self.delivery.gone()));
            if gone > 0 {
                self.shared.router.exchange().lose_guests(gone as usize);
            }
            return;
        }
        if self.others.is_empty() || !self.strain.is_due(self.now) {
            return;
        }
        if self.is_alone {
            if self.strain.calls_for_help(self.now) && self.users > 1 {
                self.spread();
            }
        } else if self.shared.config.spread == Spread::Busy && self.is_settled() && !self.is_writing {
            self.strain = CpuPressure::new(self.now);
            self.rejoin();
        }
    }

    /// Gives each of the other workers as many users as this one keeps.
    fn spread(&mut self) {
        if !self.is_alone || self.drain.is_some() || self.reception.is_none() {
            return;
        }
        let others: Vec<_> = self.others.iter().filter_map(mpsc::WeakSender::upgrade).collect();
        let rooms: Vec<_> = others.iter().filter_map(|other| other.try_reserve().ok()).collect();
        if rooms.len() < self.others.len() || rooms.is_empty() {
            return;
        }
        let crowds = self.divide(rooms.len() + 1);
        let moved: usize = crowds.iter().map(Vec::len).sum();
        for (room, crowd) in rooms.into_iter().zip(crowds) {
            self.shared.router.exchange().send_guests(crowd.len());
            room.send(WorkerMessage::MigrateSessions(crowd, self.roster.version()));
        }
        self.set_alone(false);
        info!(moved, workers = self.shared.bells.len(), "users shared out");
    }

    /// Takes the users out that others are to have: one crowd for each.
    fn divide(&mut self, shares: usize) -> Vec<Vec<(u32, Session)>> {
        let mut crowds: Vec<Vec<_>> = (1..shares).map(|_| Vec::new()).collect();
        let joiners: HashSet<u32> = self.joiners.iter().map(|&(index, _)| index).collect();
        let is_movable = |index, session: &Session| session.is_movable() && !joiners.contains(&index);
        let sessions = self.delivery.sessions.iter().map(|(index, session)| (index as u32, session));
        let movable = sessions.filter_map(|(index, session)| is_movable(index, session).then_some(index));
        for (turn, index) in movable.collect::<Vec<_>>().into_iter().enumerate() {
            let Some(worker) = (turn % shares).checked_sub(1) else { continue };
            let from = self.delivery.address(index);
            let Some(session) = self.delivery.sessions.get_mut(index as usize) else { continue };
            if session.pack_up(&self.watch).is_err() {
                continue;
            }
            let session = self.delivery.hand_over(index);
            let to = SessionAddress { worker: worker as u16 + 1, index: crowds[worker].len() as u32, ..from };
            if let Some(seat) = &session.seat {
                self.shared.router.relocate(seat, from, to);
            }
            self.users -= 1;
            crowds[worker].push((to.index, session));
        }
        crowds
    }

    /// Users of worker 0 are this one's from now on; it had none. They have the list of that version.
    pub(super) fn take_crowd(&mut self, crowd: Vec<(u32, Session)>, version: u64) {
        self.is_alone = false;
        self.take_share();
        self.roster.announced(version, 0);
        let mut settled = Vec::with_capacity(crowd.len());
        for (place, mut session) in crowd {
            if session.settle(&self.watch, place).is_ok() {
                settled.push((place as usize, session));
            } else {
                let who = SessionAddress { worker: self.me, index: place, generation: session.generation };
                self.mourn(session.seat.as_ref(), who);
            }
        }
        self.users = settled.len();
        // Whatever arrived on the way is told as soon as they are watched.
        self.delivery.take_over(settled.into_iter().collect());
    }

    /// A session got lost on its way here, because the machine is out of memory.
    fn mourn(&mut self, seat: Option<&crate::router::NameRegistration>, who: SessionAddress) {
        if let Some(seat) = seat {
            self.shared.router.release(seat, who);
        }
        self.delivery.tally.sub(Counter::Users, 1);
        self.delivery.tally.sub(Counter::Connections, 1);
        self.shared.metrics.count(Counter::Ended(EndReason::Broken));
        self.shared.router.exchange().lose_guests(1);
    }

    /// The limits that hold for all users together hold here for this worker's part of them.
    pub(super) fn take_share(&mut self) {
        let config = &self.shared.config;
        self.roster.set_budget(roster_budget(config, self.is_alone));
        self.delivery.limit = config.send.of_one(sharers(config, self.is_alone));
    }

    fn rejoin(&mut self) {
        if self.shared.router.exchange().close_down() {
            self.set_alone(true);
        }
    }

    fn set_alone(&mut self, is_alone: bool) {
        self.is_alone = is_alone;
        self.take_share();
        if !is_alone {
            self.shared.router.exchange().open_up();
            self.calls.extend(1..self.shared.bells.len());
            self.call();
        }
    }
}
