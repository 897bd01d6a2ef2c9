//! Finds the message in a frame and checks that it is intact.

use super::corrupt::{find_stamp, note_changed, note_unidentified, receive_corrupt, user_named};
use super::deferred::leave_fast_path;
use super::delivery::{deliver, place_of};
use super::fast_path::take_run;
use super::violations::{count_corrupted, count_misrouted};
use super::{BROADCAST, FrameEffect, PRIVATE, SAY};
use crate::engine::recording::{BroadcastMeta, Recording};
use crate::engine::user::User;
use crate::plan::stamp::{Stamp, StampError};
use crate::plan::{Addressee, RunTime, UserId};
use crate::record::recorder::{Count, Place};
use mychat_scenario::model::{Action, Weighted};

/// Takes a broadcast, a private message or a message in a room; `rest` is its frame behind the command.
pub(super) fn receive_message(
    user: &mut User,
    recording: &mut Recording,
    now: RunTime,
    action: u16,
    frame: &[u8],
    rest: &[u8],
) -> FrameEffect {
    // A private message is not cached: it has one recipient.
    if action != PRIVATE
        && let Some(run) = recording.broadcasts.find(user.cursor.at(), frame)
    {
        mark_overtaken(user, recording.broadcasts.frames(&run).first().map(|cached| cached.meta.stamp).as_ref());
        let delivered = take_run(user, recording, now, &run, frame) > 0;
        return if delivered { FrameEffect::Delivery } else { FrameEffect::None };
    }
    let (room, rest) = match memchr::memchr(b'|', rest) {
        Some(cut) if action == SAY => (Some(&rest[..cut]), &rest[cut + 1..]),
        _ => (None, rest),
    };
    let Some(cut) = memchr::memchr(b'|', rest) else {
        receive_corrupt(user, recording, now, &|| "a message without content".to_owned(), frame);
        return FrameEffect::None;
    };
    let (sender, content) = (&rest[..cut], &rest[cut + 1..]);
    let stamp = match Stamp::read(content) {
        Ok(stamp) if stamp.run == recording.shared.plan.run => stamp,
        Ok(_) => return count_stranger(user, recording, now),
        Err(unreadable) => return receive_unreadable(user, recording, now, (action, room, sender, unreadable), frame),
    };
    mark_overtaken(user, Some(&stamp));
    let place = place_of(recording, &stamp, user.group, action, now);
    if !is_addressed_to(recording, &stamp, user.id, (action, room)) {
        count_misrouted(user, recording, place, &stamp, frame);
        return FrameEffect::None;
    }
    let shared = &recording.shared;
    if shared.plan.users.get(stamp.sender.index()).map(|user| user.name.as_bytes()) != Some(sender) {
        count_corrupted(user, recording, place, &|| "its sender is not who sent it".to_owned(), Some(&stamp), frame);
        note_changed(user, recording, &stamp);
        return FrameEffect::None;
    }
    let intended = stamp.intended.in_run(recording.load_start().unwrap_or_default());
    let sent = shared.sent.get(stamp.sender.index()).and_then(|log| log.get(stamp.sequence));
    let mut meta = BroadcastMeta { stamp, place, intended, sent: sent.map(|sent| sent.at), ordinal: None };
    if action != PRIVATE && recording.load_start().is_some() {
        meta.ordinal = recording.ordinal(&meta);
        let behind = recording.cache_broadcast(frame, meta);
        user.cursor.advance(behind);
    } else {
        leave_fast_path(user, recording);
    }
    deliver(user, recording, now, meta, frame)
}

/// Takes a message whose stamp is missing, damaged, or does not match its content.
#[cold]
fn receive_unreadable(
    user: &mut User,
    recording: &mut Recording,
    now: RunTime,
    (action, room, sender, unreadable): (u16, Option<&[u8]>, &[u8], StampError),
    frame: &[u8],
) -> FrameEffect {
    match unreadable {
        StampError::Body(stamp) if stamp.run != recording.shared.plan.run => {
            return count_stranger(user, recording, now);
        }
        // Oversize frames carry a stamp without a recipient.
        StampError::Body(stamp) if action == BROADCAST && stamp.to == Addressee::NOBODY => {
            let place = place_of(recording, &stamp, user.group, action, now);
            let what = || "a frame that is too long to be processed, or a piece of it".to_owned();
            count_corrupted(user, recording, place, &what, Some(&stamp), frame);
        }
        StampError::Body(stamp) => {
            let place = place_of(recording, &stamp, user.group, action, now);
            let what = || "its content is not what was sent".to_owned();
            count_corrupted(user, recording, place, &what, Some(&stamp), frame);
            if is_addressed_to(recording, &stamp, user.id, (action, room)) {
                note_changed(user, recording, &stamp);
            }
        }
        StampError::Missing if find_stamp(user, recording, frame).is_some() => {
            receive_corrupt(user, recording, now, &|| "its stamp is not where its content begins".to_owned(), frame);
        }
        StampError::Missing if !always_stamps(recording, sender) => return count_stranger(user, recording, now),
        StampError::Missing | StampError::Header => {
            let place = Place { action, ..recording.place(user.group, now) };
            count_corrupted(user, recording, place, &|| "its stamp is damaged".to_owned(), None, frame);
            note_unidentified(user, recording, Some((sender, action)));
        }
    }
    FrameEffect::None
}

/// Marks the pending replies that a message of the user's own has overtaken on its way back.
fn mark_overtaken(user: &mut User, stamp: Option<&Stamp>) {
    if let Some(stamp) = stamp.filter(|stamp| stamp.sender == user.id && !user.replies.is_empty()) {
        user.replies.mark_overtaken(stamp.sequence);
    }
}

/// Returns true if every message of the user of this name carries a stamp.
fn always_stamps(recording: &Recording, name: &[u8]) -> bool {
    let is_unstamped = |action: &Weighted| matches!(action.action, Action::Frame { .. } | Action::HalfFrame { .. });
    let plan = &recording.shared.plan;
    user_named(recording, name).is_some_and(|user| !plan.group(user).actions.iter().any(is_unstamped))
}

/// Returns true if a message reached `user` in the way it was sent: as a broadcast, privately, or in `room`.
fn is_addressed_to(recording: &Recording, stamp: &Stamp, user: UserId, (action, room): (u16, Option<&[u8]>)) -> bool {
    match action {
        BROADCAST => stamp.to == Addressee::EVERYBODY,
        SAY => {
            let plan = &recording.shared.plan;
            plan.room_of(stamp.to).is_some_and(|said_in| room == Some(plan.rooms.name(said_in).as_bytes()))
        }
        _ => stamp.to == user.into(),
    }
}

/// Counts a message that does not belong to this run.
fn count_stranger(user: &User, recording: &mut Recording, now: RunTime) -> FrameEffect {
    let place = recording.place(user.group, now);
    recording.recorder.count(place, Count::Strangers);
    FrameEffect::None
}
