//! Users that read slowly, with pauses, or not at all.

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::ConnRole;
use crate::engine::timer_queue::TimerEvent;
use crate::engine::wire::{ConnId, ReadMode, ReceiveBuffer, Wire};
use crate::plan::{RunTime, nanos};
use mychat_scenario::model::ReadPolicy;

/// Bytes that a user with a limited rate reads at once.
const RATE_CHUNK: usize = 256;

impl<W: Wire, C: Clock> Worker<W, C> {
    pub(super) fn read_policy(&self, index: usize) -> ReadPolicy {
        self.recording.shared.plan.group(self.users[index].id).read
    }

    pub(super) fn receive_buffer(&self, index: usize) -> ReceiveBuffer {
        if self.read_policy(index) == ReadPolicy::Fast { ReceiveBuffer::Default } else { ReceiveBuffer::Small }
    }

    /// Starts to read by the user's policy, once it is online.
    pub(super) fn apply_read_policy(&mut self, index: usize, conn: ConnId, now: RunTime) {
        match self.read_policy(index) {
            ReadPolicy::Fast => {}
            ReadPolicy::Rate(_) => self.wire.set_read_mode(conn, ReadMode::Chunks(RATE_CHUNK)),
            ReadPolicy::Pauses { every, .. } => self.timers.push(now + nanos(every), TimerEvent::PauseReading(conn)),
            ReadPolicy::Never => self.wire.set_read_mode(conn, ReadMode::Stopped),
        }
    }

    /// Stops reading after `bytes` bytes for as long as they take at the user's rate, where it has one.
    pub(super) fn throttle(&mut self, index: usize, conn: ConnId, bytes: usize, now: RunTime) {
        if let ReadPolicy::Rate(rate) = self.read_policy(index) {
            self.wire.set_read_mode(conn, ReadMode::Stopped);
            let until = now + (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            self.timers.push(until, TimerEvent::ResumeReading(conn));
        }
    }

    pub(super) fn pause_reading(&mut self, conn: ConnId, now: RunTime) {
        let Some(index) = self.user_of(conn) else { return };
        if let ReadPolicy::Pauses { pause, every } = self.read_policy(index) {
            self.wire.set_read_mode(conn, ReadMode::Stopped);
            self.timers.push(now + nanos(pause), TimerEvent::ResumeReading(conn));
            self.timers.push(now + nanos(every), TimerEvent::PauseReading(conn));
        }
    }

    pub(super) fn resume_reading(&mut self, conn: ConnId) {
        let Some(index) = self.user_of(conn) else { return };
        let is_rated = matches!(self.read_policy(index), ReadPolicy::Rate(_));
        self.wire.set_read_mode(conn, ReadMode::Chunks(if is_rated { RATE_CHUNK } else { usize::MAX }));
    }

    /// Returns the user whose own connection this is.
    fn user_of(&self, conn: ConnId) -> Option<usize> {
        match self.connections.get(conn)?.role {
            ConnRole::User(index) => Some(index),
            ConnRole::Duplicate(_) => None,
        }
    }
}
