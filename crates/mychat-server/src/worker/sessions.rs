//! The sessions of one worker and the frames that wait for them.
//!
//! A frame is not written when it is caused. Broadcasts go into the turn log once, private frames into the outbox of
//! their recipient. At the end of the turn the flush (`flush.rs`) gives each session its part in one write.

use std::ops::{Index, IndexMut};
use std::time::Instant;

use mychat_proto::EncodeError;
use slab::Slab;

use super::session_writer::{FlushOutcome, SessionWriter};
use crate::limits::SendLimit;
use crate::metrics::{Counter, EndReason, LocalCounts, Metrics};
use crate::outbox::TurnLog;
use crate::router::{FrameKind, SessionAddress, SessionKey};
use crate::session::Session;
use crate::session::state::SessionState;

/// Bytes buffered in one turn from which on the turn leaves unused capacity behind.
const LARGE_TURN_BYTES: usize = 16 * 1024;

/// Bytes of room frames, over all recipients, that cause a flush of the sessions that have some. It bounds the copies for a
/// large room, and keeps them in the cache until they are written.
const FLUSH_ROOM_BYTES: usize = 256 * 1024;

/// The sessions of one worker; see the [module](self).
#[derive(Debug)]
pub(crate) struct Sessions {
    slab: Slab<Session>,
    /// The newest roster that was written, as framed `USER_LIST` replies.
    pub(crate) roster: Vec<u8>,
    /// The counts of this turn.
    pub(crate) counts: LocalCounts,
    /// The limits at which a session that does not read is disconnected.
    pub(crate) limit: SendLimit,
    worker: u16,
    /// The sessions that have a name and get broadcasts.
    users: usize,
    /// The bytes that waited for all sessions when the counts were last added to the metrics.
    queued_bytes: u64,
    /// The number of sessions that ended here so far; it wraps.
    removed: u32,
    pub(super) log: TurnLog,
    pub(super) is_roster_due_for_all: bool,
    /// Sessions with private frames to flush.
    pub(super) dirty: Vec<u32>,
    /// Private frames since the last flush.
    pub(super) enqueued: usize,
    /// Bytes of room frames, over all recipients, since the last flush.
    pub(super) room_bytes: usize,
    /// A turn was large enough to leave unused capacity behind.
    had_large_turn: bool,
    pub(super) outcome: FlushOutcome,
}

impl Index<u32> for Sessions {
    type Output = Session;

    fn index(&self, index: u32) -> &Session {
        &self.slab[index as usize]
    }
}

impl IndexMut<u32> for Sessions {
    fn index_mut(&mut self, index: u32) -> &mut Session {
        &mut self.slab[index as usize]
    }
}

impl Sessions {
    /// Creates the sessions of `worker`, without any session yet.
    pub(crate) fn new(worker: u16, limit: SendLimit) -> Self {
        Self {
            slab: Slab::new(),
            roster: Vec::new(),
            counts: LocalCounts::default(),
            limit,
            worker,
            users: 0,
            queued_bytes: 0,
            removed: 0,
            log: TurnLog::default(),
            is_roster_due_for_all: false,
            dirty: Vec::new(),
            enqueued: 0,
            room_bytes: 0,
            had_large_turn: false,
            outcome: FlushOutcome::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Returns the number of sessions that have a name and get broadcasts.
    pub(crate) const fn users(&self) -> usize {
        self.users
    }

    /// Returns the number of sessions that ended here so far; it wraps.
    pub(crate) const fn removed(&self) -> u32 {
        self.removed
    }

    /// Iterates over all sessions and their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Session)> {
        self.slab.iter().map(|(index, session)| (index as u32, session))
    }

    /// Iterates over all sessions.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slab.iter_mut().map(|(_, session)| session)
    }

    /// Borrows the sessions, and separately everything else that a flush needs.
    pub(super) fn split_for_flush(&mut self, now: Instant) -> (&mut Slab<Session>, SessionWriter<'_>) {
        let writer = SessionWriter {
            log: &self.log,
            roster: &self.roster,
            limit: self.limit,
            sessions: self.slab.len(),
            queued_bytes: self.queued_bytes,
            now,
            counts: &mut self.counts,
            outcome: &mut self.outcome,
        };
        (&mut self.slab, writer)
    }

    /// Returns the session at `index`, if there is one.
    pub(crate) fn get(&self, index: u32) -> Option<&Session> {
        self.slab.get(index as usize)
    }

    /// Returns the session at `index`, if there is one.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        self.slab.get_mut(index as usize)
    }

    /// Returns the session with this key, unless it has ended.
    pub(crate) fn find(&self, key: SessionKey) -> Option<&Session> {
        self.get(key.index).filter(|session| session.generation == key.generation)
    }

    /// Returns the session with this key, unless it has ended.
    pub(crate) fn find_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.get_mut(key.index).filter(|session| session.generation == key.generation)
    }

    /// Returns the address of the session at `index`.
    pub(crate) fn address(&self, index: u32) -> SessionAddress {
        SessionAddress { worker: self.worker, key: self.key(index) }
    }

    /// Returns the key of the session at `index`.
    pub(crate) fn key(&self, index: u32) -> SessionKey {
        SessionKey { index, generation: self[index].generation }
    }

    /// Returns the index that the next inserted session will have.
    pub(crate) fn next_index(&self) -> u32 {
        self.slab.vacant_key() as u32
    }

    /// Adds a new connection.
    pub(crate) fn insert(&mut self, session: Session) {
        self.slab.insert(session);
        self.counts.add(Counter::Connections, 1);
    }

    /// Counts the session at `index` as a user and starts its broadcasts.
    pub(crate) fn subscribe(&mut self, index: u32) {
        self.slab[index as usize].outbox.subscribe(&self.log);
        self.users += 1;
        self.counts.add(Counter::Users, 1);
    }

    /// Ends the broadcasts of the session at `index`; what waits for it is still written.
    pub(crate) fn unsubscribe(&mut self, index: u32) {
        self.uncount_user(index);
        self.slab[index as usize].outbox.unsubscribe(&self.log);
        self.mark_dirty(index);
    }

    /// Removes the session at `index` and drops what waits for it. `end` is the reason.
    pub(crate) fn remove(&mut self, index: u32, end: EndReason) {
        self.uncount_user(index);
        self.removed = self.removed.wrapping_add(1);
        let mut session = self.slab.remove(index as usize);
        let undelivered = session.outbox.drop_waiting(&self.log, &mut self.counts);
        self.counts.add(Counter::Dropped(end), undelivered);
        self.counts.sub(Counter::Connections, 1);
    }

    fn uncount_user(&mut self, index: u32) {
        if self[index].outbox.is_subscribed() {
            self.users -= 1;
            self.counts.sub(Counter::Users, 1);
        }
    }

    /// Removes the session at `index`, which moves to another worker.
    pub(crate) fn take_for_migration(&mut self, index: u32) -> Session {
        self.users -= usize::from(self[index].outbox.is_subscribed());
        self.slab.remove(index as usize)
    }

    /// Adds users that moved here from worker 0, each at its slab index. There must be no sessions yet.
    pub(crate) fn adopt_migrated(&mut self, sessions: Slab<Session>) {
        debug_assert!(self.slab.is_empty());
        self.slab = sessions;
        for (_, session) in &mut self.slab {
            session.has_send_deadline = false;
            session.outbox.subscribe(&self.log);
            self.users += 1;
        }
    }

    /// Appends a frame to the outbox of the session with this key. A session that has ended gets nothing, and a message
    /// to it counts as dropped.
    ///
    /// # Errors
    /// `write` failed; nothing was appended.
    pub(crate) fn enqueue(
        &mut self,
        key: SessionKey,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let owed = u64::from(kind == FrameKind::Message);
        let session = self.slab.get_mut(key.index as usize);
        let is_open =
            |session: &&mut Session| session.generation == key.generation && session.state != SessionState::Closing;
        let Some(session) = session.filter(is_open) else {
            // It ended while the frame was on its way from another worker.
            self.counts.add(Counter::Owed, owed);
            self.counts.add(Counter::DroppedGone, owed);
            return Ok(());
        };
        session.outbox.enqueue(&self.log, kind, write)?;
        self.counts.add(Counter::Owed, owed);
        self.enqueued += 1;
        self.mark_dirty(key.index);
        Ok(())
    }

    /// Appends whole frames of a chat room to the outbox of the session with this key; `messages` of them are messages. If
    /// much was appended since the last flush, it is written first, which bounds the copies for a large room.
    pub(crate) fn enqueue_room_frames(&mut self, key: SessionKey, frames: &[u8], messages: u32) {
        let owed = u64::from(messages);
        self.counts.add(Counter::Owed, owed);
        self.counts.add(Counter::RoomOwed, owed);
        let session = self.slab.get_mut(key.index as usize);
        let is_open =
            |session: &&mut Session| session.generation == key.generation && session.state != SessionState::Closing;
        let Some(session) = session.filter(is_open) else {
            self.counts.add(Counter::DroppedGone, owed);
            return;
        };
        session.outbox.enqueue_frames(&self.log, frames, messages);
        self.enqueued += 1;
        self.room_bytes += frames.len();
        self.mark_dirty(key.index);
        if self.room_bytes >= FLUSH_ROOM_BYTES {
            self.flush_dirty(Instant::now());
        }
    }

    /// Makes the next flush send [`roster`](Self::roster) to every user. Returns the cost in bytes over all recipients.
    pub(crate) fn send_roster_to_all(&mut self) -> usize {
        self.is_roster_due_for_all = true;
        self.roster.len() * self.users
    }

    /// Makes the next flush send [`roster`](Self::roster) to one session.
    pub(crate) fn send_roster_to(&mut self, key: SessionKey) {
        if let Some(session) = self.find_mut(key) {
            session.outbox.request_roster();
            self.mark_dirty(key.index);
        }
    }

    /// Adds the counts of this turn to the metrics of the server.
    pub(crate) fn report_counts(&mut self, metrics: &Metrics) {
        self.queued_bytes = self.waiting_bytes();
        metrics.absorb(&mut self.counts);
    }

    /// Returns the bytes that wait for all sessions. The count of this turn is a change of a gauge and may be negative.
    pub(crate) const fn waiting_bytes(&self) -> u64 {
        self.queued_bytes.wrapping_add(self.counts.get(Counter::QueueBytes))
    }

    /// Records that `bytes` were buffered in this turn.
    pub(crate) const fn note_buffered(&mut self, bytes: usize) {
        self.had_large_turn |= bytes >= LARGE_TURN_BYTES;
    }

    /// Returns true if a turn since the last call was large enough to leave unused capacity behind.
    pub(crate) const fn take_had_large_turn(&mut self) -> bool {
        std::mem::replace(&mut self.had_large_turn, false)
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.slab.shrink_to_fit();
        self.roster.shrink_to_fit();
        self.dirty.shrink_to_fit();
        self.log.shrink();
    }

    fn mark_dirty(&mut self, index: u32) {
        let outbox = &mut self.slab[index as usize].outbox;
        if !outbox.is_dirty {
            outbox.is_dirty = true;
            self.dirty.push(index);
        }
    }
}

impl Sessions {
    /// Appends `count` framed broadcasts for every user to the turn log.
    pub(crate) fn append_broadcasts(&mut self, frames: &[u8], count: u32) {
        self.log.append(frames, count);
        self.counts.add(Counter::Owed, u64::from(count) * self.users as u64);
    }

    /// Appends a frame for the session at `to`, if it belongs to this worker.
    pub(crate) fn append_private(&mut self, to: SessionAddress, kind: FrameKind, frame: &[u8]) {
        if to.worker == self.worker {
            let written = self.enqueue(to.key, kind, |out| {
                out.extend_from_slice(frame);
                Ok(())
            });
            debug_assert!(written.is_ok(), "the frame was checked when it was first encoded");
        }
    }
}
