//! Bytes that arrive on a connection: a user's own, or that of a duplicate login.

use std::sync::atomic::Ordering;

use mychat_proto::Inbound;

use super::Worker;
use crate::engine::clock::Clock;
use crate::engine::connection::{ConnRole, DuplicateLogin};
use crate::engine::receive::{self, FrameEffect};
use crate::engine::recording::ViolationDetail;
use crate::engine::wire::{CloseMode, ConnId, Wire};
use crate::plan::RunTime;
use crate::record::example::ViolationKind;
use crate::record::recorder::Count;

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Called when bytes were read from a connection at `now`. Latencies end at `arrived`, the time at which the machine had the
    /// last of the bytes; whatever the generator does next begins at `now`. Returns the number of messages that were delivered.
    pub fn received(&mut self, conn: ConnId, now: RunTime, arrived: RunTime, bytes: &[u8]) -> u64 {
        let Some(connection) = self.connections.get_mut(conn) else { return 0 };
        let mut deframer = std::mem::take(&mut connection.deframer);
        let role = connection.role;
        let mut rest = bytes;
        let mut delivered = 0;
        loop {
            if let ConnRole::User(index) = role
                && deframer.is_between_frames()
            {
                let (deliveries, used) =
                    receive::receive_cached(&mut self.users[index], &mut self.recording, arrived, rest);
                delivered += deliveries;
                rest = &rest[used..];
            }
            let mut feed = deframer.feed(rest);
            let effect = match (feed.next(), role) {
                (None, _) => break,
                (Some(Inbound::Frame(frame)), ConnRole::User(index)) => {
                    receive::receive_frame(&mut self.users[index], &mut self.recording, arrived, frame)
                }
                (Some(Inbound::Frame(frame)), ConnRole::Duplicate(duplicate)) => {
                    self.duplicate_answered(conn, duplicate, arrived, frame);
                    FrameEffect::None
                }
                (Some(Inbound::Oversize | Inbound::Overrun), _) => {
                    self.count_unterminated(role, arrived);
                    FrameEffect::None
                }
            };
            rest = feed.rest();
            match effect {
                FrameEffect::None => {}
                FrameEffect::Delivery => delivered += 1,
                FrameEffect::ConnectAck(status) => self.connect_answered(conn, role, status, arrived),
            }
            // After a refusal the connection is closed, and further frames on it mean nothing (rule U3).
            if effect != FrameEffect::Delivery && self.connections.get(conn).is_none() {
                break;
            }
        }
        if delivered > 0 {
            self.recording.shared.live.delivered.fetch_add(delivered, Ordering::Relaxed);
        }
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.deframer = deframer;
            if let ConnRole::User(index) = role
                && self.users[index].is_online()
            {
                self.throttle(index, conn, bytes.len(), now);
            }
        }
        self.trim_broadcasts();
        self.send_confirmations(now);
        delivered
    }

    /// Frees the oldest cached broadcasts once there are too many, after the inboxes that need them have taken them.
    fn trim_broadcasts(&mut self) {
        let Some(end) = self.recording.broadcasts.eviction_point() else { return };
        for user in self.users.iter_mut().filter(|user| user.cursor.needs(end)) {
            receive::flush_deferred(user, &self.recording);
        }
        self.recording.broadcasts.evict_oldest();
    }

    /// Counts more than 64 KiB without the end of a frame as corrupted.
    fn count_unterminated(&mut self, role: ConnRole, now: RunTime) {
        let (ConnRole::User(index) | ConnRole::Duplicate(DuplicateLogin { user: index, .. })) = role;
        let user = &self.users[index];
        let detail = ViolationDetail {
            kind: ViolationKind::Corrupted,
            sender: None,
            recipient: Some(user.id),
            sequence: None,
            what: &|| "more than 64 KiB without the end of a frame".to_owned(),
            frames: &[],
        };
        self.recording.violation(self.recording.place(user.group, now), Count::Corrupted, &detail);
    }

    /// Called when a connection takes bytes again.
    pub fn writable(&mut self, conn: ConnId) {
        let now = self.clock.now();
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if let Some(blocked) = connection.flush(&mut self.wire, conn, now) {
            self.recording.blocked += blocked;
            if connection.half_close {
                self.wire.close(conn, CloseMode::HalfClose);
            }
        }
    }
}
