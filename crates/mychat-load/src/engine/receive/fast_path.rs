//! The fast path: one read's cached broadcasts are taken at once.
//!
//! A user that receives the broadcasts in cache order is described by its position in the cache alone. Its inbox is
//! updated later, some hundred broadcasts at a time: each needs two numbers per sender, which then stay in the processor's
//! cache. Anything unusual flushes the deferred broadcasts first and is handled message by message.

use super::FrameEffect;
use super::deferred::flush_deferred;
use super::delivery::deliver;
use crate::engine::recording::Recording;
use crate::engine::user::User;
use crate::plan::RunTime;
use crate::record::broadcast_cache::FrameRun;
use crate::record::recorder::Place;

/// Broadcasts that one user defers at least.
const DEFERRED: usize = 256;

/// Takes the broadcasts that `bytes` begins with, as far as they are those that follow the user's position in the cache.
/// Returns the number of deliveries and the number of bytes taken.
#[inline]
pub(super) fn receive_run(user: &mut User, recording: &mut Recording, now: RunTime, bytes: &[u8]) -> (u64, usize) {
    let run = recording.broadcasts.run(user.cursor.at(), bytes);
    if run.is_empty() {
        return (0, 0);
    }
    let length = recording.broadcasts.length(&run);
    (take_run(user, recording, now, &run, bytes), length)
}

/// Takes the cached broadcasts of `run`; `bytes` begins with them. Returns the number of deliveries.
pub(super) fn take_run(user: &mut User, recording: &mut Recording, now: RunTime, run: &FrameRun, bytes: &[u8]) -> u64 {
    let is_new = user.cursor.is_new(run);
    user.cursor.advance(run.end());
    let is_ordinary =
        !user.cursor.is_off_fast_path() && !user.hostile && user.session.is_some() && user.past_sessions.is_empty();
    if is_new && is_ordinary && recording.broadcasts.is_unique(run) {
        // The ordinals of unique broadcasts ascend: the last one is the highest.
        if let Some(last) = recording.broadcasts.frames(run).last() {
            *user.cursor.newest_mut() = last.meta.ordered();
        }
        record_deliveries(user, recording, now, run);
        defer(user, recording, run);
        return run.len() as u64;
    }
    take_one_by_one(user, recording, now, run, bytes)
}

fn take_one_by_one(user: &mut User, recording: &mut Recording, now: RunTime, run: &FrameRun, bytes: &[u8]) -> u64 {
    let (mut delivered, mut done) = (0, 0);
    for index in 0..run.len() {
        let one = run.single(index);
        let Some(cached) = recording.broadcasts.frames(&one).first() else { break };
        let length = recording.broadcasts.length(&one);
        let (meta, text) = (cached.meta, done..done + length - cached.terminator());
        let frame = bytes.get(text).unwrap_or_default();
        delivered += u64::from(deliver(user, recording, now, meta, frame) == FrameEffect::Delivery);
        done += length;
    }
    delivered
}

/// Records the latencies of these broadcasts.
fn record_deliveries(user: &User, recording: &mut Recording, now: RunTime, run: &FrameRun) {
    for same_place in recording.broadcasts.frames(run).chunk_by(|one, next| one.meta.place == next.meta.place) {
        let Some(first) = same_place.first() else { continue };
        let place = Place { group: user.group, ..first.meta.place };
        let cell = recording.recorder.cell(place);
        for cached in same_place {
            let meta = &cached.meta;
            let service = meta.sent.map(|sent| now.since(sent));
            cell.delivery(now.since(meta.intended), service);
            recording.fanout.note(meta.stamp.sender, meta.stamp.index, meta.intended, now);
        }
    }
}

/// Leaves these broadcasts for the user's inbox to take later.
fn defer(user: &mut User, recording: &Recording, run: &FrameRun) {
    if !user.cursor.defer(run) {
        flush_deferred(user, recording);
        user.cursor.restart_deferred(run);
    }
    // The limit differs from user to user, so that not all inboxes are updated in one turn.
    if user.cursor.deferred_len() > DEFERRED + user.id.index() % DEFERRED {
        flush_deferred(user, recording);
    }
}
