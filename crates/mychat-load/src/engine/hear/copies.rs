//! Copies of broadcasts that are known by now: what one read brought is taken at once.
//!
//! A user that gets the broadcasts as the others got them is described by how far it has come. Its inbox hears of them
//! later, some hundred at a time: of each sender it needs two numbers, which are at hand for all of them then, and would
//! have to be fetched for each. Whatever is out of the ordinary settles that first and is looked at message by message.

use super::Heard;
use super::message::arrive;
use crate::engine::desk::Desk;
use crate::engine::user::User;
use crate::plan::Nanos;
use crate::record::broadcast_cache::{CachePosition, FrameRun};
use crate::record::inbox::Arrival;
use crate::record::recorder::Place;

/// How far a user has come among the broadcasts that are kept.
#[derive(Debug, Default)]
pub(in crate::engine) struct Follows {
    /// Behind the last one that it got.
    at: CachePosition,
    /// Behind the farthest: what is kept from here on it has not got.
    farthest: CachePosition,
    /// Those that its inbox has not heard of yet.
    unsettled: FrameRun,
    /// Whether it got anything that was not kept: then nothing can be said of it without its inbox.
    strays: bool,
}

impl Follows {
    pub(super) fn at(&self) -> CachePosition {
        self.at
    }

    pub(super) fn came_to(&mut self, at: CachePosition) {
        self.at = at;
        self.farthest = self.farthest.max(at);
    }

    /// Whether its inbox has still to hear of something that is to be forgotten.
    pub(in crate::engine) fn needs(&self, forgotten: CachePosition) -> bool {
        !self.unsettled.is_empty() && self.unsettled.start() < forgotten
    }
}

/// Takes the broadcasts that `bytes` begins with, as far as they are those that came to others behind the last one that
/// this user got. Gives how many were deliveries, and how many bytes all of them were.
pub(super) fn copies(user: &mut User, desk: &mut Desk, now: Nanos, bytes: &[u8]) -> (u64, usize) {
    let run = desk.lately.run(user.follows.at, bytes);
    if run.is_empty() {
        return (0, 0);
    }
    let length = desk.lately.length(&run);
    (take(user, desk, now, &run, bytes), length)
}

/// Takes copies of these broadcasts; `bytes` begins with them. Gives how many were deliveries.
pub(super) fn take(user: &mut User, desk: &mut Desk, now: Nanos, run: &FrameRun, bytes: &[u8]) -> u64 {
    let is_news = run.start() >= user.follows.farthest;
    user.follows.came_to(run.end());
    let is_ordinary = !user.follows.strays && !user.hostile && user.visit.is_some() && user.past.is_empty();
    if is_news && is_ordinary && desk.lately.is_unique(run) {
        record(user, desk, now, run);
        postpone(user, desk, run);
        return run.len() as u64;
    }
    one_by_one(user, desk, now, run, bytes)
}

fn one_by_one(user: &mut User, desk: &mut Desk, now: Nanos, run: &FrameRun, bytes: &[u8]) -> u64 {
    let (mut delivered, mut done) = (0, 0);
    for index in 0..run.len() {
        let one = run.single(index);
        let Some(kept) = desk.lately.frames(&one).first() else { break };
        let length = desk.lately.length(&one);
        let (known, text) = (kept.meta, done..done + length - kept.terminator());
        let frame = bytes.get(text).unwrap_or_default();
        delivered += u64::from(arrive(user, desk, now, known, frame) == Heard::Delivery);
        done += length;
    }
    delivered
}

/// Records that these broadcasts arrived.
fn record(user: &User, desk: &mut Desk, now: Nanos, run: &FrameRun) {
    for alike in desk.lately.frames(run).chunk_by(|one, next| one.meta.place == next.meta.place) {
        let Some(first) = alike.first() else { continue };
        let place = Place { group: user.group, ..first.meta.place };
        let cell = desk.recorder.cell(place);
        for kept in alike {
            let known = &kept.meta;
            let service = known.sent.map(|sent| now.saturating_sub(sent));
            cell.delivery(now.saturating_sub(known.intended), service);
            desk.fanout.note(known.stamp.sender, known.stamp.index, known.intended, now);
        }
    }
}

/// The inbox hears of these later.
fn postpone(user: &mut User, desk: &Desk, run: &FrameRun) {
    /// So many at a time, and a few more: not all users at once.
    const MANY: usize = 256;
    if !user.follows.unsettled.append(run) {
        settle(user, desk);
        user.follows.unsettled = run.clone();
    }
    if user.follows.unsettled.len() > MANY + user.id as usize % MANY {
        settle(user, desk);
    }
}

/// The inbox hears of what was put off.
pub(in crate::engine) fn settle(user: &mut User, desk: &Desk) {
    if user.follows.unsettled.is_empty() {
        return;
    }
    let run = std::mem::take(&mut user.follows.unsettled);
    let Some(visit) = user.visit.as_mut() else { return };
    for kept in desk.lately.frames(&run) {
        let arrival = visit.inbox.note(&kept.meta.stamp);
        debug_assert_eq!(arrival, Arrival::InOrder, "a plain broadcast that was new to this user");
    }
}

/// From now on the user's inbox knows more than how far it has come.
pub(super) fn stray(user: &mut User, desk: &Desk) {
    settle(user, desk);
    user.follows.strays = true;
}
