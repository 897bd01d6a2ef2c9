//! What a user hears: a frame from the server into the recorder, the inbox, or an event in the user's life.

use mychat_proto::{Reply, Status};

use super::desk::{Desk, Finding};
use super::user::{Answer, Owed, State, User};
use crate::observe::example::Kind;
use crate::observe::inbox::Arrival;
use crate::observe::recorder::{Clock, Count, Place};
use crate::plan::Nanos;
use crate::plan::stamp::{EVERYBODY, Stamp, Unreadable};

/// What a frame means for the user's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// The first copy of a message arrived.
    Delivery,
    /// The answer to CONNECT.
    Answered(Status),
}

/// Indices into `Action::NAMES`.
const BROADCAST: u16 = 0;
const PRIVATE: u16 = 1;

/// Takes one frame of the user's own connection.
pub(super) fn frame(user: &mut User, desk: &mut Desk, now: Nanos, frame: &[u8]) -> Heard {
    if !user.owed.is_empty() && answers(user, desk, now, frame) {
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
            error(user, desk, now, code, frame);
            Heard::Nothing
        }
        Ok(_) => Heard::Nothing,
        Err(fault) => {
            let place = desk.place(user.group, now);
            corrupted(user, desk, place, &|| format!("a frame that is no reply: {fault}"), None, frame);
            Heard::Nothing
        }
    }
}

/// Whether a frame is what one of the user's own frames asked for.
fn answers(user: &mut User, desk: &mut Desk, now: Nanos, frame: &[u8]) -> bool {
    let spoken = &desk.shared.spoken[usize::from(user.group)];
    let fits = |owed: &Owed| {
        let Answer::Spoken(action) = owed.answer else { return false };
        spoken[usize::from(action)].as_ref().is_some_and(|spoken| spoken.gets.iter().any(|want| want.matches(frame)))
    };
    let Some(owed) = user.owed.iter().position(fits).and_then(|at| user.owed.remove(at)) else { return false };
    // Whatever it was that was answered, a server that closes at every error may do so now.
    user.rebuked = Some(now);
    desk.recorder.time(owed.place, Clock::Ack, now.saturating_sub(owed.intended));
    goes_on(user, desk);
    true
}

/// A list: whoever is new in it and joined after this user did is now known to one user more.
fn roster(user: &mut User, desk: &mut Desk, now: Nanos, list: &[u8]) {
    let news = desk.rosters.take(&mut user.listed, &desk.shared.names, list);
    if desk.load_start().is_none()
        && desk.shared.plan.shard.is_part()
        && let Some(all) = desk.rosters.latest(&user.listed)
    {
        desk.shared.note_listed(all);
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

/// What a whole broadcast is, to all its recipients alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    stamp: Stamp,
    /// Where it belongs, but for the recipient's group.
    place: Place,
    intended: Nanos,
    /// When it was handed over.
    sent: Option<Nanos>,
}

fn message(user: &mut User, desk: &mut Desk, now: Nanos, action: u16, frame: &[u8], rest: &[u8]) -> Heard {
    // A private message comes once; only broadcasts have copies.
    if action == BROADCAST
        && let Some(known) = desk.lately.find(frame)
    {
        return arrive(user, desk, now, known, frame);
    }
    let Some(cut) = memchr::memchr(b'|', rest) else {
        let place = desk.place(user.group, now);
        corrupted(user, desk, place, &|| "a message without content".to_owned(), None, frame);
        return Heard::Nothing;
    };
    let (sender, content) = (&rest[..cut], &rest[cut + 1..]);
    let stamp = match Stamp::read(content) {
        Ok(stamp) | Err(Unreadable::Body(stamp)) if stamp.run != desk.shared.plan.run => {
            return stranger(user, desk, now);
        }
        Ok(stamp) => stamp,
        Err(Unreadable::Foreign) => return stranger(user, desk, now),
        Err(Unreadable::Head) => {
            let place = Place { action, ..desk.place(user.group, now) };
            corrupted(user, desk, place, &|| "its stamp is damaged".to_owned(), None, frame);
            return Heard::Nothing;
        }
        Err(Unreadable::Body(stamp)) => {
            let place = placed(desk, &stamp, user.group, action, now);
            corrupted(user, desk, place, &|| "its content is not what was sent".to_owned(), Some(&stamp), frame);
            // It is known for what it was: changed, but not lost.
            if let Some(visit) = user.visit.as_mut().filter(|_| is_for(&stamp, user.id, action)) {
                visit.inbox.note(&stamp);
            }
            return Heard::Nothing;
        }
    };
    let place = placed(desk, &stamp, user.group, action, now);
    if !is_for(&stamp, user.id, action) {
        misrouted(user, desk, place, &stamp, frame);
        return Heard::Nothing;
    }
    let intended = desk.load_start().unwrap_or(0) + stamp.intended * 1000;
    let sent = desk.shared.sent.get(stamp.sender as usize).and_then(|log| log.get(stamp.sequence));
    let known = Known { stamp, place, intended, sent: sent.map(|sent| sent.at * 1000) };
    let name = desk.shared.plan.users.get(stamp.sender as usize).map(|user| user.name.as_bytes());
    if name != Some(sender) {
        corrupted(user, desk, place, &|| "its sender is not who sent it".to_owned(), Some(&stamp), frame);
    } else if action == BROADCAST && desk.load_start().is_some() {
        desk.lately.keep(frame, known);
    }
    arrive(user, desk, now, known, frame)
}

/// Takes a whole message that is for this user.
fn arrive(user: &mut User, desk: &mut Desk, now: Nanos, known: Known, frame: &[u8]) -> Heard {
    let Known { stamp, intended, sent, .. } = known;
    let place = Place { group: user.group, ..known.place };
    let Some(visit) = user.visit.as_mut() else { return Heard::Nothing };
    match visit.inbox.note(&stamp) {
        Arrival::Fresh => {}
        Arrival::Late => out_of_line(user, desk, place, &stamp, frame, Count::Reordered),
        Arrival::Again => {
            out_of_line(user, desk, place, &stamp, frame, Count::Duplicated);
            return Heard::Nothing;
        }
    }
    if !desk.shared.plan.shard.has(stamp.sender) {
        // It was sent by another machine's clock.
        desk.recorder.count(place, Count::Delivered);
        return Heard::Delivery;
    }
    let public = stamp.to == EVERYBODY;
    if place.is_closed() && (!public || stamp.sender == user.id || !desk.shared.reading.broadcast_echo) {
        desk.arrived.push((stamp.sender, stamp.sequence));
    }
    desk.recorder.delivery(place, now.saturating_sub(intended), sent.map(|sent| now.saturating_sub(sent)));
    if public && !user.hostile {
        desk.fanout.note(stamp.sender, stamp.index, intended, now);
    }
    Heard::Delivery
}

#[cold]
fn out_of_line(user: &User, desk: &mut Desk, place: Place, stamp: &Stamp, frame: &[u8], count: Count) {
    let (kind, what) = match count {
        Count::Reordered => (Kind::Reordered, "came after a later one to"),
        _ => (Kind::Duplicated, "came once more to"),
    };
    let what = format!("message {} of {} {what} {}", stamp.sequence, desk.name(stamp.sender), desk.name(user.id));
    let finding = Finding {
        kind,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| what.clone(),
        frames: &[frame],
    };
    desk.violation(place, count, &finding);
}

/// Whether a message came to where it was sent, in the way it was sent.
fn is_for(stamp: &Stamp, user: u32, action: u16) -> bool {
    if action == BROADCAST { stamp.to == EVERYBODY } else { stamp.to == user }
}

/// Where a message belongs: to the stage it was meant for and the recipient's group.
fn placed(desk: &Desk, stamp: &Stamp, group: u16, action: u16, now: Nanos) -> Place {
    let plan = &desk.shared.plan;
    let place = match desk.load_start() {
        Some(_) => Place { stage: plan.stage_at(stamp.intended * 1000) as u16, group, action },
        None => Place { action, ..desk.place(group, now) },
    };
    let known = (stamp.sender as usize) < plan.users.len();
    if known && plan.is_closed_loop(stamp.sender) { place.closed() } else { place }
}

fn stranger(user: &User, desk: &mut Desk, now: Nanos) -> Heard {
    let place = desk.place(user.group, now);
    desk.recorder.count(place, Count::Strangers);
    Heard::Nothing
}

fn corrupted(
    user: &User,
    desk: &mut Desk,
    place: Place,
    what: &dyn Fn() -> String,
    stamp: Option<&Stamp>,
    frame: &[u8],
) {
    let finding = Finding {
        kind: Kind::Corrupted,
        sender: stamp.map(|stamp| stamp.sender),
        recipient: Some(user.id),
        sequence: stamp.map(|stamp| stamp.sequence),
        what,
        frames: &[frame],
    };
    desk.violation(place, Count::Corrupted, &finding);
}

fn misrouted(user: &User, desk: &mut Desk, place: Place, stamp: &Stamp, frame: &[u8]) {
    let whose = match stamp.to {
        EVERYBODY => "it was sent to everybody and came as a private message".to_owned(),
        to => match desk.shared.plan.users.get(to as usize) {
            Some(owner) => format!("it was for {} alone", owner.name),
            None => "it was for nobody".to_owned(),
        },
    };
    // It is the sender's message that went astray: counted with the sender's group.
    let group = desk.shared.plan.users.get(stamp.sender as usize).map_or(user.group, |sender| sender.group);
    let place = Place { group, ..place };
    let finding = Finding {
        kind: Kind::Misrouted,
        sender: Some(stamp.sender),
        recipient: Some(user.id),
        sequence: Some(stamp.sequence),
        what: &|| whose.clone(),
        frames: &[frame],
    };
    desk.violation(place, Count::Misrouted, &finding);
}

/// An ERROR: the answer that is owed, a wrong one, or one that nobody asked for.
fn error(user: &mut User, desk: &mut Desk, now: Nanos, code: &str, frame: &[u8]) {
    if user.state == State::Asking {
        // Rule U3: the code behind a FAIL, or the reason for a refusal to come.
        return;
    }
    let first = |wanted: Answer| user.owed.iter().position(|owed| owed.answer == wanted);
    let fitting = if code == "404" { first(Answer::NotFound) } else { None }.or_else(|| first(Answer::Refusal));
    if let Some(at) = fitting {
        if let Some(owed) = user.owed.remove(at) {
            if owed.answer == Answer::Refusal {
                user.rebuked = Some(now);
            }
            desk.recorder.time(owed.place, Clock::Ack, now.saturating_sub(owed.intended));
            goes_on(user, desk);
        }
        return;
    }
    if code == "404" && may_be_unreachable(user, desk, now) {
        let place = desk.place(user.group, now);
        desk.recorder.count(place, Count::Unreachable);
        goes_on(user, desk);
        return;
    }
    let (place, count, kind, what) = if let Some(owed) = user.owed.pop_front() {
        let due = if owed.answer == Answer::NotFound { "404 was due" } else { "something else was due" };
        (owed.place, Count::WrongReplies, Kind::WrongReply, due)
    } else {
        // Codes are three digits where the server keeps to the protocol; whatever it is, few are told apart.
        if desk.errors.len() < 64 || desk.errors.contains_key(code) {
            *desk.errors.entry(code.to_owned()).or_default() += 1;
        }
        (desk.place(user.group, now), Count::Errors, Kind::Error, "no action of this user asks for an error")
    };
    let finding = Finding {
        kind,
        sender: None,
        recipient: Some(user.id),
        sequence: None,
        what: &|| what.to_owned(),
        frames: &[frame],
    };
    desk.violation(place, count, &finding);
}

/// A closed loop was answered, though by an error.
fn goes_on(user: &User, desk: &mut Desk) {
    if let Some((sequence, _)) = user.awaiting {
        desk.arrived.push((user.id, sequence));
    }
}

/// Whether one of the user's latest private messages went to somebody who was not surely there.
fn may_be_unreachable(user: &User, desk: &Desk, now: Nanos) -> bool {
    let log = &desk.shared.sent[user.id as usize];
    let patience = crate::plan::nanos(desk.shared.timeout);
    let latest = (0..log.len()).rev().map_while(|sequence| log.get(sequence));
    // A server that stood still answers much at once, after much else was sent: time is the only limit.
    latest
        .take_while(|sent| sent.at * 1000 + patience >= now)
        .any(|sent| desk.shared.presence.get(sent.to as usize).is_some_and(|who| !who.was_online_since(sent.at * 1000)))
}
