//! Messages whose frames came damaged: each is counted as corrupted, and whatever can still be told of it keeps it from being
//! counted as lost as well.

use super::copies::stray;
use super::message::{corrupted, placed};
use super::{BROADCAST, PRIVATE};
use crate::engine::desk::Desk;
use crate::engine::user::User;
use crate::plan::Nanos;
use crate::plan::stamp::{EVERYBODY, Stamp, StampError};

/// Takes a frame that is neither a reply nor a message as it stands. A stamp in it says what it was.
pub(super) fn mangled(user: &mut User, desk: &mut Desk, now: Nanos, what: &dyn Fn() -> String, frame: &[u8]) {
    let Some(stamp) = stamp_in(user, desk, frame) else {
        let place = desk.place(user.group, now);
        corrupted(user, desk, place, what, None, frame);
        if is_piece(frame) {
            damaged(user, desk, None);
        }
        return;
    };
    let action = if stamp.to == EVERYBODY { BROADCAST } else { PRIVATE };
    let place = placed(desk, &stamp, user.group, action, now);
    corrupted(user, desk, place, what, Some(&stamp), frame);
    changed(user, desk, &stamp);
}

/// Takes note of a message that is known for what it was: changed, but not lost.
pub(super) fn changed(user: &mut User, desk: &Desk, stamp: &Stamp) {
    stray(user, desk);
    if let Some(visit) = user.visit.as_mut() {
        visit.inbox.note(stamp);
    }
}

/// Takes note of a message of which nobody can say any more which it was: of whose, and whether it went to everybody, at
/// most.
pub(super) fn damaged(user: &mut User, desk: &Desk, whose: Option<(&[u8], u16)>) {
    let known = whose.and_then(|(name, action)| Some((named(desk, name)?, action == BROADCAST)));
    if let Some(visit) = user.visit.as_mut() {
        visit.inbox.note_corrupt(known);
    }
}

/// The user of this name.
pub(super) fn named(desk: &Desk, name: &[u8]) -> Option<u32> {
    desk.shared.names.get(std::str::from_utf8(name).ok()?).copied()
}

/// A stamp of this run, anywhere in a frame, of a message to this user.
pub(super) fn stamp_in(user: &User, desk: &Desk, frame: &[u8]) -> Option<Stamp> {
    let ours = |stamp: &Stamp| {
        let plan = &desk.shared.plan;
        stamp.run == plan.run
            && (stamp.sender as usize) < plan.users.len()
            && (stamp.to == EVERYBODY || stamp.to == user.id)
    };
    let read = |at: usize| match Stamp::read(&frame[at..]) {
        Ok(stamp) | Err(StampError::Body(stamp)) => Some(stamp),
        Err(StampError::Missing | StampError::Header) => None,
    };
    memchr::memchr_iter(b'~', frame).filter_map(read).find(ours)
}

/// Whether a frame is what a message begins with, and no more of it.
fn is_piece(frame: &[u8]) -> bool {
    let begun = |command: &[u8]| command.starts_with(frame) || frame.starts_with(command);
    !frame.is_empty() && [&b"BROADCAST|"[..], b"MESSAGE|"].into_iter().any(begun)
}
