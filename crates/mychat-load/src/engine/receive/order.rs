//! Compares the order in which a user receives broadcasts with the common order.

use crate::engine::recording::{BroadcastMeta, Recording};
use crate::engine::user::User;
use crate::plan::RoomId;
use crate::record::inbox::Arrival;
use crate::record::order_log::{LateArrival, NewestMessage, OrderedMessage};
use crate::record::recorder::Place;
use mychat_scenario::model::Verify;

/// Notes a broadcast, or a message in `room`, that arrived at a user for the first time. One that comes after a later one is
/// logged.
#[inline]
pub(super) fn observe(
    user: &mut User,
    recording: &mut Recording,
    meta: &BroadcastMeta,
    (place, room): (Place, Option<RoomId>),
    arrival: Arrival,
) {
    // Without an inbox by message nothing tells a late arrival from a duplicate.
    if recording.shared.plan.verify != Verify::Full {
        return;
    }
    let Some(message) = meta.ordered() else { return recording.order.mark_incomplete(user.id) };
    let (recipient, is_reordered) = (user.id, arrival == Arrival::OutOfOrder);
    // Among the later messages one of the same room is preferred: all its members have seen it, and can be witnesses.
    let in_room = room.and_then(|room| note_in_room(user, room, message));
    let late = |after| LateArrival { recipient, after: in_room.unwrap_or(after), place, is_reordered };
    recording.order.observe(user.cursor.newest_mut(), message, late);
}

/// Notes a message among those of its room. Returns the later one of the room that the user had received before.
fn note_in_room(user: &mut User, room: RoomId, message: NewestMessage) -> Option<OrderedMessage> {
    let membership = user.rooms.as_mut()?.membership(room)?;
    match membership.newest {
        Some((highest, after)) if highest > message.0 => Some(after),
        _ => {
            membership.newest = Some(message);
            None
        }
    }
}
