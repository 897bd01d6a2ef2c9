//! Turns one planned action of a user into bytes, logs the message and sends it.

use mychat_proto::MAX_FRAME;

use super::connection::UserConnection;
use super::recording::Recording;
use super::user::{ExpectedReply, MembershipState, PendingReply, RoomRequest, RoomRequestKind, User};
use super::wire::{ConnId, Wire};
use crate::plan::stamp::{STAMP_LEN, Stamp};
use crate::plan::{Addressee, Nanos, PlannedAction, Recipient, RoomId, RunTime, UNKNOWN_NAME, UserId, nanos};
use crate::record::recorder::{Count, LatencyMetric, Place};
use crate::record::room_stay::RoomStay;
use crate::record::sent::Sent;
use mychat_scenario::model::{Action, Leave};

/// Remaining work for the worker after an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendOutcome {
    /// Nothing: the frame was sent.
    Sent,
    /// Nothing: the server does not read what was sent before, and the frame was dropped.
    Blocked,
    /// Open a second connection that asks for the name of this user.
    OpenDuplicate(UserId),
    /// Send the second half of the frame after this time.
    PauseMidFrame(Nanos),
    /// Let the user leave in this way and log in again.
    Reconnect(Leave),
}

/// Times of an action, and the cell in which it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendContext {
    /// Its due time.
    pub(super) intended: RunTime,
    pub(super) now: RunTime,
    pub(super) place: Place,
}

/// The connection that an action's frame goes to.
pub(super) struct FrameOutput<'w, W> {
    pub(super) conn: ConnId,
    pub(super) connection: &'w mut UserConnection,
    pub(super) wire: &'w mut W,
    /// Buffer in which the frame is built.
    pub(super) frame: &'w mut Vec<u8>,
}

/// Bytes of a frame that is sent in two halves.
const HALF_FRAME: usize = 64;

impl<W: Wire> FrameOutput<'_, W> {
    fn send(&mut self, now: RunTime) {
        self.connection.send(self.wire, self.conn, self.frame, now);
    }
}

/// Performs one action of a user, who is online.
pub(super) fn perform<W: Wire>(
    user: &mut User,
    recording: &mut Recording,
    mut output: FrameOutput<'_, W>,
    planned: PlannedAction,
    at: SendContext,
) -> SendOutcome {
    let shared = recording.shared.clone();
    let group = &shared.plan.scenario.groups[user.group.index()];
    let action = &group.actions[usize::from(planned.action)].action;
    output.frame.clear();
    let room = picked_room(user, recording, action, planned.recipient);
    let expected = match action {
        Action::Say { .. } | Action::JoinRoom | Action::LeaveRoom if room.is_none() => return SendOutcome::Blocked,
        Action::DuplicateName { .. } => {
            let Recipient::User(name_holder) = planned.recipient else { return SendOutcome::Sent };
            return SendOutcome::OpenDuplicate(name_holder);
        }
        Action::Reconnect { leave } => {
            log_sent(user, recording, action, planned.recipient, at);
            return SendOutcome::Reconnect(*leave);
        }
        Action::HalfFrame { stall } => {
            write_half_frame(output.frame, recording, &planned);
            user.second_half = Some(output.frame.split_off(HALF_FRAME / 2));
            output.send(at.now);
            log_sent(user, recording, action, planned.recipient, at);
            return SendOutcome::PauseMidFrame(nanos(*stall));
        }
        _ => write_frame(output.frame, user, recording, action, (&planned, room), at),
    };
    shared.protocol.framing.end(output.frame, 0);
    if !output.connection.has_room(output.frame.len()) {
        recording.recorder.count(at.place, Count::Blocked);
        return SendOutcome::Blocked;
    }
    if let Some(expected) = expected {
        let sequence = shared.sent[user.id.index()].len();
        let (intended, place) = (at.intended, at.place);
        user.replies.push(PendingReply { expected, sequence, overtaken: false, intended, place });
    }
    if let Some(room) = room {
        note_room_request(user, recording, action, room, at);
    }
    // The log entry comes first: a recipient's worker may read the message before the write returns here.
    let to = room.filter(|_| matches!(action, Action::Say { .. })).map(|room| shared.plan.room_addressee(room));
    log_message(user, recording, to.unwrap_or_else(|| addressee(action, planned.recipient)), at);
    output.send(at.now);
    SendOutcome::Sent
}

/// Returns the room of an action; `None` if the action has none, or is impossible with the user's memberships.
fn picked_room(user: &User, recording: &Recording, action: &Action, recipient: Recipient) -> Option<RoomId> {
    let (Some(rooms), Recipient::Room(draw)) = (&user.rooms, recipient) else { return None };
    match action {
        Action::JoinRoom => rooms.pick_to_join(&recording.shared.plan, user.id, draw),
        _ => rooms.pick_member(draw),
    }
}

/// Changes the user's membership as a request about `room` asks for, and expects its answer.
fn note_room_request(user: &mut User, recording: &Recording, action: &Action, room: RoomId, at: SendContext) {
    let (Some(rooms), Some(session)) = (&mut user.rooms, &mut user.session) else { return };
    let kind = match action {
        Action::JoinRoom => {
            rooms.begin(room, session.rooms.len());
            session.rooms.push(RoomStay::new(recording.shared.plan.room_addressee(room), at.now));
            RoomRequestKind::Join(room)
        }
        Action::LeaveRoom => {
            let Some(membership) = rooms.membership(room) else { return };
            membership.state = MembershipState::Leaving;
            if let Some(stay) = session.rooms.get_mut(membership.stay) {
                stay.leaving_at = Some(at.now);
            }
            RoomRequestKind::Leave(room)
        }
        _ => return,
    };
    rooms.requests.push_back(RoomRequest { kind, intended: at.intended, place: at.place });
}

/// Writes the frame of an action without its terminator. Returns the reply that the server owes for it.
fn write_frame(
    frame: &mut Vec<u8>,
    user: &User,
    recording: &Recording,
    action: &Action,
    (planned, room): (&PlannedAction, Option<RoomId>),
    at: SendContext,
) -> Option<ExpectedReply> {
    let shared = &recording.shared;
    match action {
        Action::Broadcast { content } => {
            frame.extend_from_slice(b"BROADCAST|");
            let stamp = stamp(user, recording, at, Addressee::EVERYBODY, user.broadcasts);
            write_content(frame, recording, planned, &stamp, content.text.as_deref());
            None
        }
        Action::Private { content, .. } => {
            let (to, name) = match planned.recipient {
                Recipient::User(other) => (other.into(), recording.user_name(other)),
                Recipient::All | Recipient::Unknown | Recipient::Room(_) => (Addressee::NOBODY, UNKNOWN_NAME),
            };
            frame.extend_from_slice(b"MESSAGE|");
            frame.extend_from_slice(name.as_bytes());
            frame.push(b'|');
            let index = user.privates.get(&to).copied().unwrap_or(0);
            let stamp = stamp(user, recording, at, to, index);
            write_content(frame, recording, planned, &stamp, content.text.as_deref());
            (to == Addressee::NOBODY && shared.rules.unknown_answered).then_some(ExpectedReply::NotFound)
        }
        Action::Oversize { .. } => {
            // A broadcast that is too long. Its stamp names no recipient, so that any piece of it that arrives is a violation.
            frame.extend_from_slice(b"BROADCAST|");
            stamp(user, recording, at, Addressee::NOBODY, 0).write(frame, "", "");
            pad(frame, recording, planned, planned.size as usize);
            Some(ExpectedReply::AnyError)
        }
        Action::Garbage { .. } => {
            // No UTF-8 text contains this byte, and the padding contains no line feed.
            frame.push(0xFF);
            pad(frame, recording, planned, planned.size as usize);
            Some(ExpectedReply::AnyError)
        }
        Action::Frame { .. } => {
            let verbatim = shared.verbatim[user.group.index()][usize::from(planned.action)].as_ref()?;
            frame.extend_from_slice(&verbatim.bytes);
            (!verbatim.replies.is_empty()).then_some(ExpectedReply::Verbatim(planned.action))
        }
        Action::Say { content } => {
            let room = room?;
            let to = shared.plan.room_addressee(room);
            frame.extend_from_slice(b"SAY|");
            frame.extend_from_slice(shared.plan.rooms.name(room).as_bytes());
            frame.push(b'|');
            let index = user.privates.get(&to).copied().unwrap_or(0);
            write_content(frame, recording, planned, &stamp(user, recording, at, to, index), content.text.as_deref());
            None
        }
        Action::JoinRoom | Action::LeaveRoom => {
            frame.extend_from_slice(if matches!(action, Action::JoinRoom) { b"JOIN|" } else { b"LEAVE|" });
            frame.extend_from_slice(shared.plan.rooms.name(room?).as_bytes());
            None
        }
        Action::DuplicateName { .. } | Action::HalfFrame { .. } | Action::Reconnect { .. } => None,
    }
}

/// Writes a whole frame that is going to be sent in two halves. It has no stamp: its latency depends on the user's pause.
fn write_half_frame(frame: &mut Vec<u8>, recording: &Recording, planned: &PlannedAction) {
    frame.extend_from_slice(b"BROADCAST|");
    pad(frame, recording, planned, HALF_FRAME);
    recording.shared.protocol.framing.end(frame, 0);
}

/// Counts the action as sent and appends its message to the sender's log.
fn log_sent(user: &mut User, recording: &mut Recording, action: &Action, recipient: Recipient, at: SendContext) {
    log_message(user, recording, addressee(action, recipient), at);
}

/// Returns the recipient of the message of an action, other than a room; nobody if it has none.
fn addressee(action: &Action, recipient: Recipient) -> Addressee {
    match (action, recipient) {
        (Action::Broadcast { .. }, _) => Addressee::EVERYBODY,
        (Action::Private { .. }, Recipient::User(other)) => other.into(),
        _ => Addressee::NOBODY,
    }
}

/// Counts a message as sent and appends it to the sender's log.
fn log_message(user: &mut User, recording: &mut Recording, to: Addressee, at: SendContext) {
    recording.recorder.count(at.place, Count::Sent);
    recording.recorder.time(at.place, LatencyMetric::Lateness, at.now.since(at.intended));
    match to {
        Addressee::EVERYBODY => user.broadcasts += 1,
        Addressee::NOBODY => {}
        to => *user.privates.entry(to).or_default() += 1,
    }
    let sent = Sent { at: at.now, to, stage: at.place.stage };
    recording.shared.sent[user.id.index()].push(sent);
}

fn stamp(user: &User, recording: &Recording, at: SendContext, to: Addressee, index: u32) -> Stamp {
    Stamp {
        run: recording.shared.plan.run,
        sender: user.id,
        session: user.sessions % 4096,
        sequence: recording.shared.sent[user.id.index()].len(),
        index,
        intended: at.intended.in_load(recording.load_start().unwrap_or_default()),
        to,
    }
}

fn write_content(
    frame: &mut Vec<u8>,
    recording: &Recording,
    planned: &PlannedAction,
    stamp: &Stamp,
    text: Option<&str>,
) {
    let space = (planned.size as usize).saturating_sub(STAMP_LEN);
    let text = text.unwrap_or("");
    let text = &text[..text.floor_char_boundary(space)];
    let padding = recording.shared.plan.padding(planned.padding, space - text.len());
    stamp.write(frame, text, padding);
}

/// Fills a frame up to `size` bytes.
fn pad(frame: &mut Vec<u8>, recording: &Recording, planned: &PlannedAction, size: usize) {
    while frame.len() < size {
        let piece = (size - frame.len()).min(MAX_FRAME);
        frame.extend_from_slice(recording.shared.plan.padding(planned.padding, piece).as_bytes());
    }
}
