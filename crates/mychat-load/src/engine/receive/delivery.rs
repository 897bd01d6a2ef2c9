//! Enters an intact message into the recipient's inbox and records its latency.

use super::FrameEffect;
use super::deferred::flush_deferred;
use super::order;
use super::violations::count_out_of_order;
use crate::engine::recording::{BroadcastMeta, Recording};
use crate::engine::user::User;
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, GroupId, RunTime};
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
    let Some(session) = user.session.as_mut() else { return FrameEffect::None };
    let arrival = session.inbox.note(&stamp);
    match arrival {
        Arrival::InOrder => {}
        Arrival::OutOfOrder => count_out_of_order(user, recording, place, &stamp, frame, Count::Reordered),
        Arrival::Duplicate => {
            count_out_of_order(user, recording, place, &stamp, frame, Count::Duplicated);
            return FrameEffect::None;
        }
    }
    let is_public = stamp.to == Addressee::EVERYBODY;
    if is_public {
        order::observe(user, recording, &meta, place, arrival);
    }
    if !recording.shared.plan.shard.has(stamp.sender) {
        // The sender's machine has another clock: there is no latency.
        recording.recorder.count(place, Count::Delivered);
        return FrameEffect::Delivery;
    }
    if place.is_closed() && (!is_public || stamp.sender == user.id || !recording.shared.rules.broadcast_echo) {
        recording.confirmations.push((stamp.sender, stamp.sequence));
    }
    let service = sent.map(|sent| now.since(sent));
    recording.recorder.cell(place).delivery(now.since(intended), service);
    recording.longest_service = recording.longest_service.max(service.unwrap_or(0));
    if is_public && !user.hostile {
        recording.fanout.note(stamp.sender, stamp.index, intended, now);
    }
    FrameEffect::Delivery
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
