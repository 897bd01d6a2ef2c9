//! Messages: whose they are, whether they are whole, and how long they took.

use super::copies::{settle, stray, take};
use super::mangled::{changed, damaged, mangled, named, stamp_in};
use super::{BROADCAST, Heard};
use crate::engine::act::NOBODY_AT_ALL;
use crate::engine::desk::{Desk, Finding};
use crate::engine::user::User;
use crate::plan::Nanos;
use crate::plan::stamp::{EVERYBODY, Stamp, StampError};
use crate::record::example::ViolationKind;
use crate::record::inbox::Arrival;
use crate::record::recorder::{Count, Place};
use mychat_scenario::model::{Action, Weighted};

/// What a whole broadcast is, to all its recipients alike.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Known {
    pub(super) stamp: Stamp,
    /// Where it belongs, but for the recipient's group.
    pub(super) place: Place,
    pub(super) intended: Nanos,
    /// When it was handed over.
    pub(super) sent: Option<Nanos>,
}

impl Known {
    /// Whose it is, and which of all that user's messages.
    pub(in crate::engine) fn message(&self) -> (u32, u32) {
        (self.stamp.sender, self.stamp.sequence)
    }

    /// Whether its sender waits for it to arrive.
    pub(in crate::engine) fn is_closed(&self) -> bool {
        self.place.is_closed()
    }
}

pub(super) fn message(user: &mut User, desk: &mut Desk, now: Nanos, action: u16, frame: &[u8], rest: &[u8]) -> Heard {
    // A private message comes once; only broadcasts have copies.
    if action == BROADCAST
        && let Some(run) = desk.lately.find(user.follows.at(), frame)
    {
        came_back(user, desk.lately.frames(&run).first().map(|kept| kept.meta.stamp).as_ref());
        return if take(user, desk, now, &run, frame) > 0 { Heard::Delivery } else { Heard::Nothing };
    }
    let Some(cut) = memchr::memchr(b'|', rest) else {
        mangled(user, desk, now, &|| "a message without content".to_owned(), frame);
        return Heard::Nothing;
    };
    let (sender, content) = (&rest[..cut], &rest[cut + 1..]);
    let stamp = match Stamp::read(content) {
        Ok(stamp) | Err(StampError::Body(stamp)) if stamp.run != desk.shared.plan.run => {
            return stranger(user, desk, now);
        }
        Ok(stamp) => stamp,
        Err(StampError::Missing) if stamp_in(user, desk, frame).is_some() => {
            mangled(user, desk, now, &|| "its stamp is not where its content begins".to_owned(), frame);
            return Heard::Nothing;
        }
        Err(StampError::Missing) if !stamps_all(desk, sender) => return stranger(user, desk, now),
        Err(StampError::Missing | StampError::Header) => {
            let place = Place { action, ..desk.place(user.group, now) };
            corrupted(user, desk, place, &|| "its stamp is damaged".to_owned(), None, frame);
            damaged(user, desk, Some((sender, action)));
            return Heard::Nothing;
        }
        // Oversize frames say that they are for nobody.
        Err(StampError::Body(stamp)) if action == BROADCAST && stamp.to == NOBODY_AT_ALL => {
            let place = placed(desk, &stamp, user.group, action, now);
            let what = || "a frame that is too long to be processed, or a piece of it".to_owned();
            corrupted(user, desk, place, &what, Some(&stamp), frame);
            return Heard::Nothing;
        }
        Err(StampError::Body(stamp)) => {
            let place = placed(desk, &stamp, user.group, action, now);
            corrupted(user, desk, place, &|| "its content is not what was sent".to_owned(), Some(&stamp), frame);
            if is_for(&stamp, user.id, action) {
                changed(user, desk, &stamp);
            }
            return Heard::Nothing;
        }
    };
    came_back(user, Some(&stamp));
    let place = placed(desk, &stamp, user.group, action, now);
    if !is_for(&stamp, user.id, action) {
        misrouted(user, desk, place, &stamp, frame);
        return Heard::Nothing;
    }
    let intended = desk.load_start().unwrap_or(0) + stamp.intended * 1000;
    let sent = desk.shared.sent.get(stamp.sender as usize).and_then(|log| log.get(stamp.sequence));
    let known = Known { stamp, place, intended, sent: sent.map(|sent| sent.at * 1000) };
    let name = desk.shared.plan.users.get(stamp.sender as usize).map(|user| user.name.as_bytes());
    if name != Some(sender) {
        corrupted(user, desk, place, &|| "its sender is not who sent it".to_owned(), Some(&stamp), frame);
        changed(user, desk, &stamp);
        return Heard::Nothing;
    }
    if action == BROADCAST && desk.load_start().is_some() {
        let behind = desk.keep(frame, known);
        user.follows.came_to(behind);
    } else {
        stray(user, desk);
    }
    arrive(user, desk, now, known, frame)
}

/// What a user that waits for answers hears of its own tells how far the server has come with what it sent.
fn came_back(user: &mut User, stamp: Option<&Stamp>) {
    if let Some(stamp) = stamp.filter(|stamp| stamp.sender == user.id && !user.owed.is_empty()) {
        user.came_back(stamp.sequence);
    }
}

/// Takes a whole message that is for this user.
pub(super) fn arrive(user: &mut User, desk: &mut Desk, now: Nanos, known: Known, frame: &[u8]) -> Heard {
    settle(user, desk);
    let Known { stamp, intended, sent, .. } = known;
    let place = Place { group: user.group, ..known.place };
    if came_before(user, desk, &stamp, sent) {
        out_of_line(user, desk, place, &stamp, frame, Count::Duplicated);
        return Heard::Nothing;
    }
    let Some(visit) = user.visit.as_mut() else { return Heard::Nothing };
    match visit.inbox.note(&stamp) {
        Arrival::InOrder => {}
        Arrival::OutOfOrder => out_of_line(user, desk, place, &stamp, frame, Count::Reordered),
        Arrival::Duplicate => {
            out_of_line(user, desk, place, &stamp, frame, Count::Duplicated);
            return Heard::Nothing;
        }
    }
    if !desk.shared.plan.shard.has(stamp.sender) {
        // It was sent by another machine's clock.
        desk.recorder.count(place, Count::Delivered);
        return Heard::Delivery;
    }
    let public = stamp.to == EVERYBODY;
    if place.is_closed() && (!public || stamp.sender == user.id || !desk.shared.reading.broadcast_echo) {
        desk.arrived.push((stamp.sender, stamp.sequence));
    }
    let service = sent.map(|sent| now.saturating_sub(sent));
    desk.recorder.cell(place).delivery(now.saturating_sub(intended), service);
    if public && !user.hostile {
        desk.fanout.note(stamp.sender, stamp.index, intended, now);
    }
    Heard::Delivery
}

/// Whether a message was received in an earlier visit of the same user. Only what was sent before this visit began can
/// have been: nothing else is looked up.
fn came_before(user: &User, desk: &Desk, stamp: &Stamp, sent: Option<Nanos>) -> bool {
    if user.past.is_empty() {
        return false;
    }
    // What another machine sent was sent by another clock.
    let sent = sent.filter(|_| desk.shared.plan.shard.has(stamp.sender)).unwrap_or(0);
    user.visit.as_ref().is_some_and(|visit| sent < visit.asked)
        && user
            .past
            .iter()
            .rev()
            .map_while(|past| desk.visits.get(*past as usize))
            .take_while(|past| past.ended.is_none_or(|ended| ended >= sent))
            .any(|past| past.inbox.has(stamp))
}

/// Whether all that a user of this name says carries a stamp.
fn stamps_all(desk: &Desk, name: &[u8]) -> bool {
    let bare = |action: &Weighted| matches!(action.action, Action::Frame { .. } | Action::HalfFrame { .. });
    named(desk, name).is_some_and(|user| !desk.shared.plan.group(user).actions.iter().any(bare))
}

#[cold]
fn out_of_line(user: &User, desk: &mut Desk, place: Place, stamp: &Stamp, frame: &[u8], count: Count) {
    let (kind, what) = match count {
        Count::Reordered => (ViolationKind::Reordered, "came after a later one to"),
        _ => (ViolationKind::Duplicated, "came once more to"),
    };
    let what = format!("message {} of {} {what} {}", stamp.sequence, desk.name(stamp.sender), desk.name(user.id));
    let finding = Finding {
        kind,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| what.clone(),
        frames: &[frame],
    };
    desk.violation(place, count, &finding);
}

/// Whether a message came to where it was sent, in the way it was sent.
fn is_for(stamp: &Stamp, user: u32, action: u16) -> bool {
    if action == BROADCAST { stamp.to == EVERYBODY } else { stamp.to == user }
}

/// Where a message belongs: to the stage it was meant for and the recipient's group.
pub(super) fn placed(desk: &Desk, stamp: &Stamp, group: u16, action: u16, now: Nanos) -> Place {
    let plan = &desk.shared.plan;
    let place = match desk.load_start() {
        Some(_) => Place { stage: plan.stage_at(stamp.intended * 1000) as u16, group, action },
        None => Place { action, ..desk.place(group, now) },
    };
    let known = (stamp.sender as usize) < plan.users.len();
    if known && plan.is_closed_loop(stamp.sender) { place.closed() } else { place }
}

fn stranger(user: &User, desk: &mut Desk, now: Nanos) -> Heard {
    let place = desk.place(user.group, now);
    desk.recorder.count(place, Count::Strangers);
    Heard::Nothing
}

pub(super) fn corrupted(
    user: &User,
    desk: &mut Desk,
    place: Place,
    what: &dyn Fn() -> String,
    stamp: Option<&Stamp>,
    frame: &[u8],
) {
    let finding = Finding {
        kind: ViolationKind::Corrupted,
        sender: stamp.map(|stamp| stamp.sender),
        recipient: Some(user.id),
        sequence: stamp.map(|stamp| stamp.sequence),
        what,
        frames: &[frame],
    };
    desk.violation(place, Count::Corrupted, &finding);
}

fn misrouted(user: &User, desk: &mut Desk, place: Place, stamp: &Stamp, frame: &[u8]) {
    let whose = match stamp.to {
        EVERYBODY => "it was sent to everybody and came as a private message".to_owned(),
        to => match desk.shared.plan.users.get(to as usize) {
            Some(owner) => format!("it was for {} alone", owner.name),
            None => "it was for nobody".to_owned(),
        },
    };
    // It is the sender's message that went astray: counted with the sender's group.
    let group = desk.shared.plan.users.get(stamp.sender as usize).map_or(user.group, |sender| sender.group);
    let place = Place { group, ..place };
    let finding = Finding {
        kind: ViolationKind::Misrouted,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| whose.clone(),
        frames: &[frame],
    };
    desk.violation(place, Count::Misrouted, &finding);
}
