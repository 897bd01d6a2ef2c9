//! Users that read slowly, with pauses, or not at all.

use super::{READ_ON, Worker, find};
use crate::engine::clock::Clock;
use crate::engine::connection::Role;
use crate::engine::desk::Due;
use crate::engine::wire::{Line, ReadMode, Room, Wire};
use crate::plan::{Nanos, nanos};
use mychat_scenario::model::ReadPolicy;

impl<W: Wire, C: Clock> Worker<W, C> {
    pub(super) fn policy(&self, index: usize) -> ReadPolicy {
        self.desk.shared.plan.group(self.users[index].id).read
    }

    pub(super) fn room(&self, index: usize) -> Room {
        if self.policy(index) == ReadPolicy::Fast { Room::Usual } else { Room::Small }
    }

    /// A user is online: from now on it reads as it is meant to.
    pub(super) fn begin_reading(&mut self, index: usize, line: Line, now: Nanos) {
        match self.policy(index) {
            ReadPolicy::Fast => {}
            ReadPolicy::Rate(_) => self.wire.read(line, ReadMode::Chunks(SIP)),
            ReadPolicy::Pauses { every, .. } => {
                self.put(now + nanos(every), Due::StopReading { key: line.key, generation: line.generation });
            }
            ReadPolicy::Never => self.wire.read(line, ReadMode::Stopped),
        }
    }

    /// So many bytes were read: a user with a rate waits until they are paid for.
    pub(super) fn pay_for(&mut self, index: usize, line: Line, bytes: usize, now: Nanos) {
        if let ReadPolicy::Rate(rate) = self.policy(index) {
            self.wire.read(line, ReadMode::Stopped);
            let until = now + (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            self.put(until, Due::ReadOn { key: line.key, generation: line.generation });
        }
    }

    pub(super) fn stop_reading(&mut self, line: Line, now: Nanos) {
        let Some(Role::Own(index)) = find(&mut self.lines, line).map(|connection| connection.role) else { return };
        if let ReadPolicy::Pauses { pause, every } = self.policy(index) {
            self.wire.read(line, ReadMode::Stopped);
            self.put(now + nanos(pause), Due::ReadOn { key: line.key, generation: line.generation });
            self.put(now + nanos(every), Due::StopReading { key: line.key, generation: line.generation });
        }
    }

    pub(super) fn read_on(&mut self, line: Line) {
        let Some(Role::Own(index)) = find(&mut self.lines, line).map(|connection| connection.role) else { return };
        let rated = matches!(self.policy(index), ReadPolicy::Rate(_));
        self.wire.read(line, if rated { ReadMode::Chunks(SIP) } else { READ_ON });
    }
}

/// Bytes that a user with a rate reads at once.
const SIP: usize = 256;
