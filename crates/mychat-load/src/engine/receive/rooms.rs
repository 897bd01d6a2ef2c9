//! Frames of chat rooms: echoes of the user's own requests, and news about other members.

use std::sync::atomic::Ordering;

use mychat_proto::extension::capabilities;
use mychat_proto::{Capability, ExtensionReply};

use super::FrameEffect;
use super::error_reply::confirm_own;
use crate::engine::recording::Recording;
use crate::engine::user::{MembershipState, RoomRequest, RoomRequestKind, User};
use crate::plan::{RoomId, RunTime};
use crate::record::recorder::LatencyMetric;

/// Takes a frame of the extension other than `SAY`. Returns `None` if it is none.
pub(super) fn receive_room_frame(
    user: &mut User,
    recording: &mut Recording,
    now: RunTime,
    frame: &[u8],
) -> Option<FrameEffect> {
    // Most are about other members. Comparing the end of the frame with the user's name is cheaper than parsing it.
    let is_own = frame.ends_with(recording.user_name(user.id).as_bytes());
    if !is_own && (frame.starts_with(b"JOIN|") || frame.starts_with(b"LEAVE|")) {
        return Some(FrameEffect::None);
    }
    match ExtensionReply::parse(frame) {
        Ok(ExtensionReply::Join { room, user: name }) if name == recording.user_name(user.id) => {
            echoed(user, recording, now, ("JOIN", room), frame);
        }
        Ok(ExtensionReply::Leave { room, user: name }) if name == recording.user_name(user.id) => {
            echoed(user, recording, now, ("LEAVE", room), frame);
        }
        Ok(ExtensionReply::Capabilities { list }) => negotiated(user, recording, now, list, frame),
        Ok(_) => {}
        // Not a frame of the extension, or one that the caller reports as corrupted.
        Err(_) => return None,
    }
    Some(FrameEffect::None)
}

/// Takes the echo of a request of the user's own.
fn echoed(user: &mut User, recording: &mut Recording, now: RunTime, (verb, name): (&str, &str), frame: &[u8]) {
    let is_answer = |request: &RoomRequest| match request.kind {
        RoomRequestKind::Join(room) | RoomRequestKind::Leave(room) => {
            request.kind.verb() == verb && recording.shared.plan.rooms.name(room) == name
        }
        RoomRequestKind::Negotiate => false,
    };
    let Some(request) = take_first_if(user, is_answer) else {
        let what = format!("{verb} of {name} was not the next answer that was due (rule Q1)");
        let place = recording.place(user.group, now);
        return recording.wrong_reply(place, user.id, &|| what.clone(), &[frame]);
    };
    match request.kind {
        RoomRequestKind::Join(room) => joined(user, room, now),
        RoomRequestKind::Leave(room) => left(user, room, now),
        RoomRequestKind::Negotiate => {}
    }
    answered(user, recording, now, &request);
}

fn take_first_if(user: &mut User, is_answer: impl Fn(&RoomRequest) -> bool) -> Option<RoomRequest> {
    let requests = &mut user.rooms.as_mut()?.requests;
    requests.front().is_some_and(is_answer).then(|| requests.pop_front())?
}

fn joined(user: &mut User, room: RoomId, now: RunTime) {
    let Some(membership) = user.rooms.as_mut().and_then(|rooms| rooms.membership(room)) else { return };
    membership.state = MembershipState::Member;
    let stay = membership.stay;
    if let Some(stay) = user.session.as_mut().and_then(|session| session.rooms.get_mut(stay)) {
        stay.joined_at = Some(now);
    }
}

/// Ends the membership of a user that has left a room, or was not let in.
fn left(user: &mut User, room: RoomId, now: RunTime) {
    let Some(membership) = user.rooms.as_mut().and_then(|rooms| rooms.end(room)) else { return };
    if let Some(stay) = user.session.as_mut().and_then(|session| session.rooms.get_mut(membership.stay)) {
        stay.left_at = Some(now);
    }
}

fn answered(user: &mut User, recording: &mut Recording, now: RunTime, request: &RoomRequest) {
    recording.recorder.time(request.place, LatencyMetric::Ack, now.since(request.intended));
    confirm_own(user, recording);
    finish_entering_if_answered(user, recording);
}

/// Takes the answer to `CAPABILITIES`.
fn negotiated(user: &mut User, recording: &mut Recording, now: RunTime, list: &str, frame: &[u8]) {
    let request = take_first_if(user, |request| request.kind == RoomRequestKind::Negotiate);
    let place = recording.place(user.group, now);
    if request.is_none() {
        recording.wrong_reply(place, user.id, &|| "nothing asked for these capabilities".to_owned(), &[frame]);
    } else if capabilities(list).all(|capability| capability.name != Capability::ROOMS) {
        recording.wrong_reply(place, user.id, &|| "the server has no rooms for this user".to_owned(), &[frame]);
    }
    finish_entering_if_answered(user, recording);
}

/// Takes an `ERROR` as the answer to the oldest request about rooms. Returns false if none is open.
pub(super) fn request_failed(user: &mut User, recording: &mut Recording, now: RunTime, frame: &[u8]) -> bool {
    let Some(request) = take_first_if(user, |_| true) else { return false };
    if let RoomRequestKind::Join(room) | RoomRequestKind::Leave(room) = request.kind {
        left(user, room, now);
    }
    let what = format!("{} was answered by an error", request.kind.verb());
    recording.wrong_reply(request.place, user.id, &|| what.clone(), &[frame]);
    answered(user, recording, now, &request);
    true
}

/// Ends the entering of a user that has an answer to each of its requests.
fn finish_entering_if_answered(user: &mut User, recording: &Recording) {
    if user.rooms.as_ref().is_some_and(|rooms| rooms.requests.is_empty()) {
        finish_entering(user, recording);
    }
}

/// Counts the login of a user as done: it is in its rooms, or never will be.
pub(in crate::engine) fn finish_entering(user: &mut User, recording: &Recording) {
    let Some(rooms) = user.rooms.as_mut() else { return };
    if std::mem::take(&mut rooms.is_entering) && user.sessions == 1 {
        recording.shared.live.logins_done.fetch_add(1, Ordering::Relaxed);
    }
}
