//! Broadcasts that a user has received and its inbox does not hold yet.

use crate::engine::recording::Recording;
use crate::engine::user::User;
use crate::record::inbox::Arrival;

/// Enters the deferred broadcasts into the user's inbox.
pub(in crate::engine) fn flush_deferred(user: &mut User, recording: &Recording) {
    if user.cursor.deferred_len() == 0 {
        return;
    }
    let run = user.cursor.take_deferred();
    let Some(session) = user.session.as_mut() else { return };
    for cached in recording.broadcasts.frames(&run) {
        let arrival = session.inbox.note(&cached.meta.stamp);
        debug_assert_eq!(arrival, Arrival::InOrder, "a plain broadcast that was new to this user");
    }
}

/// From now on only the user's inbox says what it has received.
pub(super) fn leave_fast_path(user: &mut User, recording: &Recording) {
    flush_deferred(user, recording);
    user.cursor.leave_fast_path();
}
