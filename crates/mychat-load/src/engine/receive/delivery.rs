//! Enters an intact message into the recipient's inbox and records its latency.

use super::FrameEffect;
use super::deferred::flush_deferred;
use super::order;
use super::violations::{count_misrouted, count_out_of_order};
use crate::engine::recording::{BroadcastMeta, Recording};
use crate::engine::user::{MembershipState, User};
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, GroupId, RoomId, RunTime};
use crate::record::inbox::Arrival;
use crate::record::recorder::{Count, Place};

/// Takes an intact message that is addressed to this user.
pub(super) fn deliver(
    user: &mut User,
    recording: &mut Recording,
    now: RunTime,
    meta: BroadcastMeta,
    frame: &[u8],
) -> FrameEffect {
    flush_deferred(user, recording);
    let BroadcastMeta { stamp, intended, sent, .. } = meta;
    let place = Place { group: user.group, ..meta.place };
    if arrived_in_past_session(user, recording, &stamp, sent) {
        count_out_of_order(user, recording, place, &stamp, frame, Count::Duplicated);
        return FrameEffect::None;
    }
    let room = recording.shared.plan.room_of(stamp.to);
    let stay = room.and_then(|room| stay_in(user, room));
    if room.is_some() && stay.is_none() {
        count_misrouted(user, recording, place, &stamp, frame);
        return FrameEffect::None;
    }
    let Some(session) = user.session.as_mut() else { return FrameEffect::None };
    let arrival = session.inbox.note_in_stay(&stamp, stay.unwrap_or_default());
    match arrival {
        Arrival::InOrder => {}
        Arrival::OutOfOrder => count_out_of_order(user, recording, place, &stamp, frame, Count::Reordered),
        Arrival::Duplicate => {
            count_out_of_order(user, recording, place, &stamp, frame, Count::Duplicated);
            return FrameEffect::None;
        }
    }
    let is_public = stamp.to == Addressee::EVERYBODY;
    if is_public || room.is_some() {
        order::observe(user, recording, &meta, (place, room), arrival);
    }
    if !recording.shared.plan.shard.has(stamp.sender) {
        // The sender's machine has another clock: there is no latency.
        recording.recorder.count(place, Count::Delivered);
        return FrameEffect::Delivery;
    }
    // A private message has one recipient, and a sender is a member of its rooms.
    let is_private = !is_public && room.is_none();
    let has_no_echo = is_public && !recording.shared.rules.broadcast_echo;
    if place.is_closed() && (is_private || stamp.sender == user.id || has_no_echo) {
        recording.confirmations.push((stamp.sender, stamp.sequence));
    }
    let service = sent.map(|sent| now.since(sent));
    recording.recorder.cell(place).delivery(now.since(intended), service);
    if is_public && !user.hostile {
        recording.fanout.note(stamp.sender, stamp.index, intended, now);
    }
    FrameEffect::Delivery
}

/// Returns the index of the user's stay in a room of which it is a member: from the echo of its `JOIN` to that of its `LEAVE`
/// (rules Q3, Q4).
pub(super) fn stay_in(user: &mut User, room: RoomId) -> Option<usize> {
    let membership = user.rooms.as_mut()?.membership(room)?;
    (membership.state != MembershipState::Joining).then_some(membership.stay)
}

/// Returns the cell of a message: the stage in which it was due, and the recipient's group.
pub(super) fn place_of(recording: &Recording, stamp: &Stamp, group: GroupId, action: u16, now: RunTime) -> Place {
    let plan = &recording.shared.plan;
    let place = match recording.load_start() {
        Some(_) => Place { stage: plan.stage_at(stamp.intended), group, action },
        None => Place { action, ..recording.place(group, now) },
    };
    let is_in_plan = stamp.sender.index() < plan.users.len();
    if is_in_plan && plan.is_closed_loop(stamp.sender) { place.closed() } else { place }
}

/// Returns true if a message arrived in an earlier session of the same user. Only a message sent before this session began
/// can have, so that nothing else is looked up.
fn arrived_in_past_session(user: &User, recording: &Recording, stamp: &Stamp, sent: Option<RunTime>) -> bool {
    if user.past_sessions.is_empty() {
        return false;
    }
    // The send time of another shard's message was taken by another clock.
    let sent = sent.filter(|_| recording.shared.plan.shard.has(stamp.sender)).unwrap_or_default();
    user.session.as_ref().is_some_and(|session| sent < session.requested_at)
        && user
            .past_sessions
            .iter()
            .rev()
            .map_while(|past| recording.sessions.get(*past as usize))
            .take_while(|past| past.ended_at.is_none_or(|ended| ended >= sent))
            .any(|past| past.inbox.has(stamp.sender, stamp.to, stamp.index))
}
