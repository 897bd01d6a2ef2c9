//! Messages that break a rule: counted, and cached as examples while there are few of a kind.

use std::sync::atomic::Ordering;

use crate::engine::recording::{Recording, ViolationDetail};
use crate::engine::user::User;
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, UserId};
use crate::record::example::ViolationKind;
use crate::record::recorder::{Count, Place};

/// Counts a message that arrived again, or after a later one of its sender.
#[cold]
pub(super) fn count_out_of_order(
    user: &User,
    recording: &mut Recording,
    place: Place,
    stamp: &Stamp,
    frame: &[u8],
    count: Count,
) {
    if count == Count::Duplicated {
        recording.shared.live.duplicated.fetch_add(1, Ordering::Relaxed);
    }
    let (kind, what) = match count {
        Count::Reordered => (ViolationKind::Reordered, "arrived after a later one at"),
        _ => (ViolationKind::Duplicated, "arrived again at"),
    };
    let (sender, recipient) = (recording.user_name(stamp.sender), recording.user_name(user.id));
    let what = format!("message {} of {sender} {what} {recipient}", stamp.sequence);
    let detail = ViolationDetail {
        kind,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| what.clone(),
        frames: &[frame],
    };
    recording.violation(place, count, &detail);
}

/// Counts a message that is not what was sent.
pub(super) fn count_corrupted(
    user: &User,
    recording: &mut Recording,
    place: Place,
    what: &dyn Fn() -> String,
    stamp: Option<&Stamp>,
    frame: &[u8],
) {
    let detail = ViolationDetail {
        kind: ViolationKind::Corrupted,
        sender: stamp.map(|stamp| stamp.sender),
        recipient: Some(user.id),
        sequence: stamp.map(|stamp| stamp.sequence),
        what,
        frames: &[frame],
    };
    recording.violation(place, Count::Corrupted, &detail);
}

/// Counts a user list that names `named` twice.
#[cold]
pub(super) fn count_doubled_name(user: &User, recording: &mut Recording, place: Place, named: UserId, frame: &[u8]) {
    let what = format!("a user list names {} twice", recording.user_name(named));
    count_corrupted(user, recording, place, &|| what.clone(), None, frame);
}

/// Counts a message that reached a user it was not sent to.
pub(super) fn count_misrouted(user: &User, recording: &mut Recording, place: Place, stamp: &Stamp, frame: &[u8]) {
    let users = &recording.shared.plan.users;
    let what = match stamp.to {
        Addressee::EVERYBODY => "it was a broadcast and arrived as a private message".to_owned(),
        to => match (to.user(users.len()), recording.shared.plan.room_of(to)) {
            (Some(owner), _) => format!("it was meant for {} only", users[owner.index()].name),
            (None, Some(room)) => {
                let room = recording.shared.plan.rooms.name(room);
                format!("it was said in the room {room}, of which {} was no member", recording.user_name(user.id))
            }
            (None, None) => "it had no recipient".to_owned(),
        },
    };
    // The message belongs to its sender's group, not to that of the user who got it by mistake.
    let group = users.get(stamp.sender.index()).map_or(user.group, |sender| sender.group);
    let place = Place { group, ..place };
    let detail = ViolationDetail {
        kind: ViolationKind::Misrouted,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| what.clone(),
        frames: &[frame],
    };
    recording.violation(place, Count::Misrouted, &detail);
}
