//! Compares the order in which a user receives broadcasts with the common order.

use crate::engine::recording::{BroadcastMeta, Recording};
use crate::engine::user::User;
use crate::record::inbox::Arrival;
use crate::record::order_log::LateArrival;
use crate::record::recorder::Place;
use mychat_scenario::model::Verify;

/// Notes a broadcast that arrived at a user for the first time. One that comes after a later one is logged.
#[inline]
pub(super) fn observe(
    user: &mut User,
    recording: &mut Recording,
    meta: &BroadcastMeta,
    place: Place,
    arrival: Arrival,
) {
    // Without an inbox by message nothing tells a late arrival from a duplicate.
    if recording.shared.plan.verify != Verify::Full {
        return;
    }
    let Some(newest) = meta.ordered() else { return recording.order.mark_incomplete(user.id) };
    let (recipient, is_reordered) = (user.id, arrival == Arrival::OutOfOrder);
    let late = |after| LateArrival { recipient, after, place, is_reordered };
    recording.order.observe(user.cursor.newest_mut(), newest, late);
}
