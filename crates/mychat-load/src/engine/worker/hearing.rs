//! What arrives, by connection: at the user, or at a second connection that asked for a name in use.

use std::sync::atomic::Ordering;

use mychat_proto::AckStatus;
use mychat_proto::Inbound;

use super::{Worker, find};
use crate::engine::clock::Clock;
use crate::engine::connection::Role;
use crate::engine::desk::Finding;
use crate::engine::hear;
use crate::engine::hear::Heard;
use crate::engine::user::State;
use crate::engine::wire::{Hangup, Line, Wire};
use crate::plan::Nanos;
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, LatencyMetric as Timed, Place};

impl<W: Wire, C: Clock> Worker<W, C> {
    /// Bytes arrived, and were read at `now`.
    pub fn received(&mut self, line: Line, now: Nanos, bytes: &[u8]) {
        let Some(connection) = find(&mut self.lines, line) else { return };
        let mut deframer = std::mem::take(&mut connection.deframer);
        let role = connection.role;
        let mut rest = bytes;
        let mut delivered = 0;
        loop {
            if let Role::Own(index) = role
                && deframer.is_between_frames()
            {
                let (deliveries, used) = hear::copies(&mut self.users[index], &mut self.desk, now, rest);
                delivered += deliveries;
                rest = &rest[used..];
            }
            let mut feed = deframer.feed(rest);
            let heard = match (feed.next(), role) {
                (None, _) => break,
                (Some(Inbound::Frame(frame)), Role::Own(index)) => {
                    hear::frame(&mut self.users[index], &mut self.desk, now, frame)
                }
                (Some(Inbound::Frame(frame)), Role::Twin { .. }) => {
                    self.twin_heard(line, role, now, frame);
                    Heard::Nothing
                }
                (Some(Inbound::Oversize | Inbound::Overrun), _) => {
                    self.endless(role, now);
                    Heard::Nothing
                }
            };
            rest = feed.rest();
            match heard {
                Heard::Nothing => {}
                Heard::Delivery => delivered += 1,
                Heard::Answered(status) => self.answered(line, role, status, now),
            }
            // After a refusal the connection is given up, and what else the server says on it means nothing (rule U3).
            if heard != Heard::Delivery && !self.has(line) {
                break;
            }
        }
        if delivered > 0 {
            self.desk.shared.live.delivered.fetch_add(delivered, Ordering::Relaxed);
        }
        if let Some(connection) = find(&mut self.lines, line) {
            connection.deframer = deframer;
            if let Role::Own(index) = role
                && self.users[index].state == State::Online
            {
                self.pay_for(index, line, bytes.len(), now);
            }
        }
        self.make_room();
        self.tell_senders(now);
    }

    /// Forgets the oldest of the broadcasts that are kept, once they are too many and nobody's inbox needs them.
    fn make_room(&mut self) {
        let Some(up_to) = self.desk.lately.eviction_point() else { return };
        for user in self.users.iter_mut().filter(|user| user.follows.needs(up_to)) {
            hear::settle(user, &self.desk);
        }
        self.desk.lately.evict_oldest();
    }

    pub(super) fn answered(&mut self, line: Line, role: Role, status: AckStatus, now: Nanos) {
        let Role::Own(index) = role else { return };
        match (self.users[index].state, status) {
            (State::Asking, AckStatus::Ok) => self.welcome(index, now),
            (State::Asking, AckStatus::Fail) => {
                self.drop_line(line, Hangup::Close);
                self.refuse(index, &|| "the server answered CONNECT_ACK|FAIL".to_owned(), &[b"CONNECT_ACK|FAIL"]);
            }
            _ => {
                let user = &self.users[index];
                let (place, id) = (self.desk.place(user.group, now), user.id);
                self.wrong_reply(place, id, &|| "a CONNECT_ACK that nobody asked for".to_owned(), &[b"CONNECT_ACK"]);
            }
        }
    }

    pub(super) fn twin_heard(&mut self, line: Line, role: Role, now: Nanos, frame: &[u8]) {
        let Role::Twin { victim, intended, place, .. } = role else { return };
        if frame == b"CONNECT_ACK|FAIL" {
            self.desk.recorder.time(place, Timed::Ack, now.saturating_sub(intended));
            self.drop_line(line, Hangup::Close);
        } else if frame == b"CONNECT_ACK|OK" {
            // Where the name's holder was just leaving, the name was free.
            if self.desk.shared.presence[victim as usize].was_online_since(intended) {
                self.wrong_reply(place, victim, &|| "a name in use was given away again".to_owned(), &[frame]);
            }
            self.drop_line(line, Hangup::Close);
        }
    }

    pub(super) fn endless(&mut self, role: Role, now: Nanos) {
        let (Role::Own(index) | Role::Twin { user: index, .. }) = role;
        let user = &self.users[index];
        let (place, id) = (self.desk.place(user.group, now), user.id);
        let finding = Finding {
            kind: ViolationKind::Corrupted,
            sender: None,
            recipient: Some(id),
            sequence: None,
            what: &|| "more than 64 KiB without the end of a frame".to_owned(),
            frames: &[],
        };
        self.desk.violation(place, Count::Corrupted, &finding);
    }

    pub(super) fn wrong_reply(&mut self, place: Place, user: u32, what: &dyn Fn() -> String, frames: &[&[u8]]) {
        let finding = Finding {
            kind: ViolationKind::WrongReply,
            sender: None,
            recipient: Some(user),
            sequence: None,
            what,
            frames,
        };
        self.desk.violation(place, Count::WrongReplies, &finding);
    }

    /// A connection takes bytes again.
    pub fn writable(&mut self, line: Line) {
        let now = self.clock.now();
        let Some(connection) = find(&mut self.lines, line) else { return };
        if let Some(blocked) = connection.flush(&mut self.wire, line, now) {
            self.desk.blocked += blocked;
            if connection.half_close {
                self.wire.hang_up(line, Hangup::Half);
            }
        }
    }
}
