//! What a user does: one planned action into bytes, handed over, with the time of it written down.

use mychat_proto::MAX_FRAME;

use super::connection::Connection;
use super::desk::Desk;
use super::user::{Answer, Owed, User};
use super::wire::{Line, Wire};
use crate::plan::stamp::{EVERYBODY, STAMP_LEN, Stamp};
use crate::plan::{MAX_USERS, Nanos, PlannedAction, Recipient, UNKNOWN_NAME, nanos};
use crate::record::recorder::{Count, LatencyMetric, Place};
use crate::record::sent::{Sent, micros};
use mychat_scenario::model::{Action, Leave};

/// What remains to be done by the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// Nothing.
    Sent,
    /// The server did not read what was sent before: not handed over.
    Blocked,
    /// A second connection is to ask for the name of this user.
    OpenTwin(u32),
    /// The rest of the frame is to follow after a while.
    Stall(Nanos),
    /// The user is to leave in this way, and come back.
    Reconnect(Leave),
}

/// Bytes of a frame that is sent in two halves.
const HALF_FRAME: usize = 64;

/// `to` of a message that is for nobody.
pub(super) const NOBODY_AT_ALL: u32 = MAX_USERS;

/// Does the next thing. The user is online.
pub(super) fn act(
    user: &mut User,
    desk: &mut Desk,
    connection: &mut Connection,
    wire: &mut impl Wire,
    line: Line,
    planned: PlannedAction,
    at: Moment,
) -> Done {
    let shared = desk.shared.clone();
    let group = &shared.plan.scenario.groups[usize::from(user.group)];
    let action = &group.actions[usize::from(planned.action)].action;
    let mut frame = std::mem::take(&mut desk.frame);
    frame.clear();
    let answer = match action {
        Action::Broadcast { content } => {
            frame.extend_from_slice(b"BROADCAST|");
            let to = (EVERYBODY, user.broadcasts);
            write_content(&mut frame, user, desk, &planned, at, to, content.text.as_deref());
            None
        }
        Action::Private { content, .. } => {
            let (to, name) = match planned.recipient {
                Recipient::User(other) => (other, desk.name(other)),
                Recipient::All | Recipient::Unknown => (NOBODY_AT_ALL, UNKNOWN_NAME),
            };
            frame.extend_from_slice(b"MESSAGE|");
            frame.extend_from_slice(name.as_bytes());
            frame.push(b'|');
            let index = user.privates.get(&to).copied().unwrap_or(0);
            write_content(&mut frame, user, desk, &planned, at, (to, index), content.text.as_deref());
            (to == NOBODY_AT_ALL && shared.reading.unknown_answered).then_some(Answer::NotFound)
        }
        Action::Oversize { .. } => {
            oversize(&mut frame, user, desk, &planned, at);
            Some(Answer::Refusal)
        }
        Action::DuplicateName { .. } => {
            desk.frame = frame;
            let Recipient::User(victim) = planned.recipient else { return Done::Sent };
            return Done::OpenTwin(victim);
        }
        Action::Garbage { .. } => {
            // No UTF-8 starts with this byte, and no padding holds a line feed.
            frame.push(0xFF);
            pad(&mut frame, desk, &planned, planned.size as usize);
            Some(Answer::Refusal)
        }
        Action::HalfFrame { stall } => {
            // Without a stamp: how long it takes is this user's own doing, and nobody's figure.
            frame.extend_from_slice(b"BROADCAST|");
            pad(&mut frame, desk, &planned, HALF_FRAME);
            shared.framing.end(&mut frame, 0);
            user.rest = Some(frame.split_off(HALF_FRAME / 2));
            connection.hand_over(wire, line, &frame, at.now);
            note_sent(user, desk, action, planned.recipient, at);
            desk.frame = frame;
            return Done::Stall(nanos(*stall));
        }
        Action::Reconnect { leave } => {
            desk.frame = frame;
            note_sent(user, desk, action, planned.recipient, at);
            return Done::Reconnect(*leave);
        }
        Action::Frame { .. } => {
            let spoken = shared.spoken[usize::from(user.group)][usize::from(planned.action)].as_ref();
            frame.extend_from_slice(spoken.map_or(&[], |spoken| &spoken.bytes));
            spoken.filter(|spoken| !spoken.gets.is_empty()).map(|_| Answer::Spoken(planned.action))
        }
    };
    shared.framing.end(&mut frame, 0);
    let done = if connection.takes(frame.len()) {
        if let Some(answer) = answer {
            let sequence = shared.sent[user.id as usize].len();
            user.owed.push_back(Owed { answer, sequence, passed: false, intended: at.intended, place: at.place });
        }
        // Written down first: a recipient on another thread may have it before the write has returned here.
        note_sent(user, desk, action, planned.recipient, at);
        connection.hand_over(wire, line, &frame, at.now);
        Done::Sent
    } else {
        desk.recorder.count(at.place, Count::Blocked);
        Done::Blocked
    };
    desk.frame = frame;
    done
}

/// When something is done, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// When it was meant to be done.
    pub(super) intended: Nanos,
    /// When it is.
    pub(super) now: Nanos,
    /// Where it is counted.
    pub(super) place: Place,
}

fn note_sent(user: &mut User, desk: &mut Desk, action: &Action, recipient: Recipient, at: Moment) {
    desk.recorder.count(at.place, Count::Sent);
    desk.recorder.time(at.place, LatencyMetric::Lateness, at.now.saturating_sub(at.intended));
    let to = match (action, recipient) {
        (Action::Broadcast { .. }, _) => {
            user.broadcasts += 1;
            EVERYBODY
        }
        (Action::Private { .. }, Recipient::User(other)) => {
            *user.privates.entry(other).or_default() += 1;
            other
        }
        _ => NOBODY_AT_ALL,
    };
    let sent = Sent { at: micros(at.now), to, stage: at.place.stage };
    desk.shared.sent[user.id as usize].push(sent);
}

fn stamp(user: &User, desk: &Desk, at: Moment, to: u32, index: u32) -> Stamp {
    let intended = at.intended.saturating_sub(desk.load_start().unwrap_or(0));
    Stamp {
        run: desk.shared.plan.run,
        sender: user.id,
        session: user.visits % 4096,
        sequence: desk.shared.sent[user.id as usize].len(),
        index,
        intended: micros(intended),
        to,
    }
}

fn write_content(
    frame: &mut Vec<u8>,
    user: &User,
    desk: &Desk,
    planned: &PlannedAction,
    at: Moment,
    (to, index): (u32, u32),
    text: Option<&str>,
) {
    let room = (planned.size as usize).saturating_sub(STAMP_LEN);
    let text = text.unwrap_or("");
    let text = &text[..text.floor_char_boundary(room)];
    let padding = desk.shared.plan.padding(planned.padding, room - text.len());
    stamp(user, desk, at, to, index).write(frame, text, padding);
}

/// A broadcast that is too long. Its stamp says that it is for nobody: whoever gets any of it tells on the server.
fn oversize(frame: &mut Vec<u8>, user: &User, desk: &Desk, planned: &PlannedAction, at: Moment) {
    frame.extend_from_slice(b"BROADCAST|");
    stamp(user, desk, at, NOBODY_AT_ALL, 0).write(frame, "", "");
    pad(frame, desk, planned, planned.size as usize);
}

/// Fills a frame up to `size` bytes.
fn pad(frame: &mut Vec<u8>, desk: &Desk, planned: &PlannedAction, size: usize) {
    while frame.len() < size {
        let piece = (size - frame.len()).min(MAX_FRAME);
        frame.extend_from_slice(desk.shared.plan.padding(planned.padding, piece).as_bytes());
    }
}
