//! Turns a frame from the server into samples, inbox entries, or a change of the user's login.

mod corrupt;
mod deferred;
mod delivery;
mod error_reply;
mod fast_path;
mod message;
mod order;
mod rooms;
mod violations;

use mychat_proto::{AckStatus, Reply};

use self::corrupt::receive_corrupt;
pub(super) use self::deferred::flush_deferred;
use self::message::receive_message;
pub(super) use self::rooms::finish_entering;
use super::recording::Recording;
use super::user::User;
use crate::plan::RunTime;

/// Meaning of a frame for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameEffect {
    /// Nothing more to do.
    None,
    /// A message was delivered for the first time.
    Delivery,
    /// The server answered `CONNECT`.
    ConnectAck(AckStatus),
}

/// Index of broadcasts in `Action::NAMES`.
const BROADCAST: u16 = 0;
/// Index of private messages in `Action::NAMES`.
const PRIVATE: u16 = 1;
/// Index of messages in rooms in `Action::NAMES`.
const SAY: u16 = 8;

/// Takes the cached broadcasts that `bytes` begins with; `bytes` starts at the beginning of a frame. Returns the number of
/// deliveries and the number of bytes taken.
#[inline]
pub(super) fn receive_cached(user: &mut User, recording: &mut Recording, now: RunTime, bytes: &[u8]) -> (u64, usize) {
    // An expected reply may look like anything, and an unterminated frame does not say where it ends.
    let is_comparable = user.replies.is_empty() && recording.shared.protocol.reply_framing.is_terminated();
    if is_comparable { fast_path::receive_run(user, recording, now, bytes) } else { (0, 0) }
}

/// Takes one frame from the user's own connection.
pub(super) fn receive_frame(user: &mut User, recording: &mut Recording, now: RunTime, frame: &[u8]) -> FrameEffect {
    if !user.replies.is_empty() && error_reply::receive_verbatim(user, recording, now, frame) {
        return FrameEffect::None;
    }
    // Most frames are one of these three. They are matched as bytes: a stamp is protected by its own checksum.
    if let Some(rest) = frame.strip_prefix(b"BROADCAST|") {
        return receive_message(user, recording, now, BROADCAST, frame, rest);
    }
    if let Some(rest) = frame.strip_prefix(b"MESSAGE|") {
        return receive_message(user, recording, now, PRIVATE, frame, rest);
    }
    if let Some(list) = frame.strip_prefix(b"USER_LIST|") {
        receive_user_list(user, recording, now, frame, list);
        return FrameEffect::None;
    }
    if frame.is_empty() {
        return FrameEffect::None;
    }
    // Rule N2: a user without rooms has negotiated nothing, and such a frame is none of its replies.
    if user.rooms.is_some() {
        if let Some(rest) = frame.strip_prefix(b"SAY|") {
            return receive_message(user, recording, now, SAY, frame, rest);
        }
        if let Some(effect) = rooms::receive_room_frame(user, recording, now, frame) {
            return effect;
        }
    }
    match Reply::parse(frame) {
        Ok(Reply::ConnectAck(status)) => FrameEffect::ConnectAck(status),
        Ok(Reply::Error { code, .. }) => {
            error_reply::receive_error(user, recording, now, code, frame);
            FrameEffect::None
        }
        Ok(_) => FrameEffect::None,
        Err(fault) => {
            receive_corrupt(user, recording, now, &|| format!("a frame that is no reply: {fault}"), frame);
            FrameEffect::None
        }
    }
}

/// Takes a user list. Records when each user that joined after this one first appears in it.
fn receive_user_list(user: &mut User, recording: &mut Recording, now: RunTime, frame: &[u8], list: &[u8]) {
    let news = recording.rosters.take(&mut user.listed, &recording.shared.names, list);
    if let Some(named) = recording.rosters.take_doubled() {
        let place = recording.place(user.group, now);
        violations::count_doubled_name(user, recording, place, named, frame);
    }
    if recording.load_start().is_none()
        && recording.shared.plan.shard.is_part()
        && let Some(all) = recording.rosters.latest(&user.listed)
    {
        recording.shared.note_listed(&all);
    }
    let (Some(news), Some(session)) = (news, &user.session) else { return };
    if user.hostile {
        return;
    }
    for &other in news.iter().filter(|other| **other != user.id) {
        let since = recording.shared.presence[other.index()].online_since();
        if let Some(since) = since.filter(|since| *since >= session.online_at) {
            recording.rosters.note((other, since), now);
        }
    }
}
