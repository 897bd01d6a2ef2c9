//! What a user hears: a frame from the server into the recorder, the inbox, or an event in the user's life.

mod answer;
mod copies;
mod mangled;
mod message;

use mychat_proto::{AckStatus, Reply};

pub(super) use self::copies::{Follows, settle};
use self::mangled::mangled;
pub(super) use self::message::Known;
use self::message::message;
use super::desk::Desk;
use super::user::User;
use crate::plan::Nanos;

/// What a frame means for the user's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// The first copy of a message arrived.
    Delivery,
    /// The answer to CONNECT.
    Answered(AckStatus),
}

/// Indices into `Action::NAMES`.
const BROADCAST: u16 = 0;
const PRIVATE: u16 = 1;

/// Takes what `bytes`, which begin with a frame, hold of copies of broadcasts that are known by now. Gives how many were
/// deliveries, and how many bytes are done with.
pub(super) fn copies(user: &mut User, desk: &mut Desk, now: Nanos, bytes: &[u8]) -> (u64, usize) {
    // What an action wants for an answer may look like anything, and without terminators a frame has no end of its own.
    let comparable = user.owed.is_empty() && desk.shared.replies.is_terminated();
    if comparable { self::copies::copies(user, desk, now, bytes) } else { (0, 0) }
}

/// Takes one frame of the user's own connection.
pub(super) fn frame(user: &mut User, desk: &mut Desk, now: Nanos, frame: &[u8]) -> Heard {
    if !user.owed.is_empty() && answer::fits(user, desk, now, frame) {
        return Heard::Nothing;
    }
    // By far the most frames are these three, and none of them needs to be looked at as text: a stamp is checked by its
    // own sums.
    if let Some(rest) = frame.strip_prefix(b"BROADCAST|") {
        return message(user, desk, now, BROADCAST, frame, rest);
    }
    if let Some(rest) = frame.strip_prefix(b"MESSAGE|") {
        return message(user, desk, now, PRIVATE, frame, rest);
    }
    if let Some(list) = frame.strip_prefix(b"USER_LIST|") {
        roster(user, desk, now, list);
        return Heard::Nothing;
    }
    if frame.is_empty() {
        return Heard::Nothing;
    }
    match Reply::parse(frame) {
        Ok(Reply::ConnectAck(status)) => Heard::Answered(status),
        Ok(Reply::Error { code, .. }) => {
            answer::error(user, desk, now, code, frame);
            Heard::Nothing
        }
        Ok(_) => Heard::Nothing,
        Err(fault) => {
            mangled(user, desk, now, &|| format!("a frame that is no reply: {fault}"), frame);
            Heard::Nothing
        }
    }
}

/// A list: whoever is new in it and joined after this user did is now known to one user more.
fn roster(user: &mut User, desk: &mut Desk, now: Nanos, list: &[u8]) {
    let news = desk.rosters.take(&mut user.listed, &desk.shared.names, list);
    if desk.load_start().is_none()
        && desk.shared.plan.shard.is_part()
        && let Some(all) = desk.rosters.latest(&user.listed)
    {
        desk.shared.note_listed(&all);
    }
    let (Some(news), Some(visit)) = (news, &user.visit) else { return };
    if user.hostile {
        return;
    }
    for &other in news.iter().filter(|other| **other != user.id) {
        if let Some(since) = desk.shared.presence[other as usize].online_since().filter(|since| *since >= visit.online)
        {
            desk.rosters.note((other, since), now);
        }
    }
}
