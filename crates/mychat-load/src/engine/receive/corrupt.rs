//! Messages whose frames arrive damaged. Each is counted as corrupted once; what can still be told of it keeps it from being
//! counted as lost as well.

use super::deferred::leave_fast_path;
use super::delivery::{place_of, stay_in};
use super::violations::count_corrupted;
use super::{BROADCAST, PRIVATE, SAY};
use crate::engine::recording::Recording;
use crate::engine::user::User;
use crate::plan::stamp::{Stamp, StampError};
use crate::plan::{Addressee, RunTime, UserId};

/// Takes a frame that is neither a reply nor a whole message. A readable stamp in it tells which message it was.
pub(super) fn receive_corrupt(
    user: &mut User,
    recording: &mut Recording,
    now: RunTime,
    what: &dyn Fn() -> String,
    frame: &[u8],
) {
    let Some(stamp) = find_stamp(user, recording, frame) else {
        let place = recording.place(user.group, now);
        count_corrupted(user, recording, place, what, None, frame);
        if is_message_prefix(frame) {
            note_unidentified(user, recording, None);
        }
        return;
    };
    let action = match stamp.to {
        Addressee::EVERYBODY => BROADCAST,
        to if recording.shared.plan.room_of(to).is_some() => SAY,
        _ => PRIVATE,
    };
    let place = place_of(recording, &stamp, user.group, action, now);
    count_corrupted(user, recording, place, what, Some(&stamp), frame);
    note_changed(user, recording, &stamp);
}

/// Enters a message that arrived changed, and is identified by its stamp, into the inbox: it is not lost.
pub(super) fn note_changed(user: &mut User, recording: &mut Recording, stamp: &Stamp) {
    leave_fast_path(user, recording);
    recording.order.mark_incomplete(user.id);
    let room = recording.shared.plan.room_of(stamp.to);
    let stay = room.and_then(|room| stay_in(user, room));
    if let Some(session) = user.session.as_mut() {
        session.inbox.note_in_stay(stamp, stay.unwrap_or_default());
    }
}

/// Enters a message that nothing identifies into the inbox. At most its sender's name and its action are known.
pub(super) fn note_unidentified(user: &mut User, recording: &Recording, from: Option<(&[u8], u16)>) {
    // A message in a room may be any of its sender's, in any of the rooms.
    let from = from.filter(|(_, action)| *action != SAY);
    let known = from.and_then(|(name, action)| Some((user_named(recording, name)?, action == BROADCAST)));
    if let Some(session) = user.session.as_mut() {
        session.inbox.note_corrupt(known);
    }
}

/// Returns the index of the user of this name.
pub(super) fn user_named(recording: &Recording, name: &[u8]) -> Option<UserId> {
    recording.shared.names.get(std::str::from_utf8(name).ok()?).copied()
}

/// Finds a stamp of this run, of a message to this user, anywhere in a frame.
pub(super) fn find_stamp(user: &User, recording: &Recording, frame: &[u8]) -> Option<Stamp> {
    let is_ours = |stamp: &Stamp| {
        let plan = &recording.shared.plan;
        stamp.run == plan.run
            && stamp.sender.index() < plan.users.len()
            && (stamp.to == Addressee::EVERYBODY || stamp.to == user.id.into() || plan.room_of(stamp.to).is_some())
    };
    let read = |at: usize| match Stamp::read(&frame[at..]) {
        Ok(stamp) | Err(StampError::Body(stamp)) => Some(stamp),
        Err(StampError::Missing | StampError::Header) => None,
    };
    memchr::memchr_iter(b'~', frame).filter_map(read).find(is_ours)
}

/// Returns true if a frame is the beginning of a message, or begins like one.
fn is_message_prefix(frame: &[u8]) -> bool {
    let matches = |command: &[u8]| command.starts_with(frame) || frame.starts_with(command);
    !frame.is_empty() && [&b"BROADCAST|"[..], b"MESSAGE|", b"SAY|"].into_iter().any(matches)
}
