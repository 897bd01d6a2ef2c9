//! The frames that one worker's sessions caused in one turn, in their order.

use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::time::Instant;

use mychat_proto::EncodeError;

use super::address::SessionAddress;

/// Broadcasts, and what has its place among them: private frames (rule M5), and what concerns chat rooms (rule Q2).
#[derive(Debug, Default)]
pub(crate) struct Batch {
    broadcasts: Vec<u8>,
    broadcast_count: u32,
    /// The bytes of all entries.
    private: Vec<u8>,
    entries: Vec<BatchEntry>,
    /// Some entries are room events.
    has_room_events: bool,
    /// The time at which the first broadcast was read.
    first_read_at: Option<Instant>,
    /// The worker whose sessions caused the frames.
    origin: u16,
    /// The number of workers that have not written the batch yet.
    unwritten: AtomicUsize,
}

/// The origin of a frame for one session. Only messages are counted as deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A message of another user, which the recipient is owed.
    Message,
    /// A reply of the server itself.
    Reply,
}

/// An event that concerns chat rooms, as the session's worker has read it. Every worker applies it at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomEvent {
    /// The session has the extension in force from here on. The bytes are its name.
    Enter,
    /// A command of the session. The bytes are its frame without terminator.
    Command,
    /// The session has ended, or the extension is no longer in force for it.
    Exit,
}

/// The meaning of an entry's bytes.
#[derive(Debug, Clone, Copy)]
enum EntryKind {
    Frame(FrameKind),
    Room(RoomEvent),
}

/// The place of one private frame or room event in a batch.
#[derive(Debug)]
struct BatchEntry {
    /// The recipient of a frame, or the origin of an event.
    session: SessionAddress,
    kind: EntryKind,
    /// Bytes and number of the broadcasts that come before it.
    broadcast_bytes_before: usize,
    broadcasts_before: u32,
    /// The end of its bytes in `Batch::private`.
    end: usize,
}

/// A receiver of a batch's frames, in order.
pub(crate) trait BatchSink {
    /// Takes `count` framed broadcasts for every user of this worker.
    fn broadcast(&mut self, frames: &[u8], count: u32);
    /// Takes one frame for the session at `to`, which may belong to another worker or be gone.
    fn private(&mut self, to: SessionAddress, kind: FrameKind, frame: &[u8]);
    /// Takes one room event of the session at `from`, which may belong to another worker or be gone.
    fn room_event(&mut self, from: SessionAddress, event: RoomEvent, bytes: &[u8]);
}

/// Capacities that a cleared batch may keep: bytes, and entries.
const KEPT_BYTES: usize = 32 * 1024;
const KEPT_ENTRIES: usize = 512;

impl Batch {
    /// Returns true if the batch has no frames and no events.
    pub(crate) const fn is_empty(&self) -> bool {
        self.broadcasts.is_empty() && self.entries.is_empty()
    }

    /// Returns true if the batch has broadcasts or room events, which later private frames must follow.
    pub(crate) const fn needs_order(&self) -> bool {
        !self.broadcasts.is_empty() || self.has_room_events
    }

    /// Returns the number of bytes.
    pub(crate) const fn len(&self) -> usize {
        self.broadcasts.len() + self.private.len()
    }

    /// Returns the number of broadcasts.
    pub(crate) const fn broadcast_count(&self) -> u32 {
        self.broadcast_count
    }

    /// Returns the time at which the first broadcast was read.
    pub(crate) const fn first_read_at(&self) -> Option<Instant> {
        self.first_read_at
    }

    /// Completes the batch: worker `origin` made it, and `workers` workers will write it.
    pub(crate) fn seal(&mut self, origin: u16, workers: usize) {
        self.origin = origin;
        *self.unwritten.get_mut() = workers;
    }

    /// Returns the worker that made the batch.
    pub(crate) const fn origin(&self) -> u16 {
        self.origin
    }

    /// Returns true if the batch has something for `worker`.
    pub(crate) fn has_frames_for(&self, worker: usize) -> bool {
        self.needs_order() || self.entries.iter().any(|entry| usize::from(entry.session.worker) == worker)
    }

    /// Records that one worker has written the batch. Returns true for the last of them.
    ///
    /// The workers share the batch through an `Arc` and no longer change it, so the counter guards no other memory. Its
    /// atomic decrement alone makes sure that exactly one worker sees the last count.
    pub(crate) fn finish_one(&self) -> bool {
        self.unwritten.fetch_sub(1, AcqRel) == 1
    }

    /// Appends a frame for every user, read at `now`.
    pub(crate) fn broadcast(
        &mut self,
        now: Instant,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.broadcasts)?;
        self.broadcast_count += 1;
        self.first_read_at.get_or_insert(now);
        Ok(())
    }

    /// Appends a frame for one session.
    pub(crate) fn private(
        &mut self,
        to: SessionAddress,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.private)?;
        self.push_entry(to, EntryKind::Frame(kind));
        Ok(())
    }

    /// Appends a room event of the session at `from`.
    pub(crate) fn room_event(&mut self, from: SessionAddress, event: RoomEvent, bytes: &[u8]) {
        self.private.extend_from_slice(bytes);
        self.push_entry(from, EntryKind::Room(event));
        self.has_room_events = true;
    }

    fn push_entry(&mut self, session: SessionAddress, kind: EntryKind) {
        self.entries.push(BatchEntry {
            session,
            kind,
            broadcast_bytes_before: self.broadcasts.len(),
            broadcasts_before: self.broadcast_count,
            end: self.private.len(),
        });
    }

    /// Passes all frames and events to `sink`, in order.
    pub(crate) fn replay(&self, sink: &mut impl BatchSink) {
        let (mut bytes_done, mut broadcasts_done, mut start) = (0, 0, 0);
        for entry in &self.entries {
            if entry.broadcast_bytes_before > bytes_done {
                let broadcasts = &self.broadcasts[bytes_done..entry.broadcast_bytes_before];
                sink.broadcast(broadcasts, entry.broadcasts_before - broadcasts_done);
                (bytes_done, broadcasts_done) = (entry.broadcast_bytes_before, entry.broadcasts_before);
            }
            let bytes = &self.private[start..entry.end];
            match entry.kind {
                EntryKind::Frame(kind) => sink.private(entry.session, kind, bytes),
                EntryKind::Room(event) => sink.room_event(entry.session, event, bytes),
            }
            start = entry.end;
        }
        if bytes_done < self.broadcasts.len() {
            sink.broadcast(&self.broadcasts[bytes_done..], self.broadcast_count - broadcasts_done);
        }
    }

    /// Empties the batch for the next turn.
    pub(crate) fn clear(&mut self) {
        self.broadcasts.clear();
        self.broadcasts.shrink_to(KEPT_BYTES);
        self.private.clear();
        self.private.shrink_to(KEPT_BYTES);
        self.entries.clear();
        self.entries.shrink_to(KEPT_ENTRIES);
        self.has_room_events = false;
        self.broadcast_count = 0;
        self.first_read_at = None;
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.broadcasts.shrink_to_fit();
        self.private.shrink_to_fit();
        self.entries.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::SessionKey;

    const TO: SessionAddress = SessionAddress { worker: 0, key: SessionKey { index: 7, generation: 0 } };

    #[derive(Default)]
    struct Replayed(Vec<String>);

    impl BatchSink for Replayed {
        fn broadcast(&mut self, frames: &[u8], count: u32) {
            assert_eq!(frames.len(), count as usize);
            self.0.push(String::from_utf8(frames.to_vec()).unwrap());
        }
        fn private(&mut self, to: SessionAddress, _kind: FrameKind, frame: &[u8]) {
            self.0.push(format!("({} {})", to.key.index, std::str::from_utf8(frame).unwrap()));
        }
        fn room_event(&mut self, from: SessionAddress, event: RoomEvent, bytes: &[u8]) {
            self.0.push(format!("[{} {event:?} {}]", from.key.index, std::str::from_utf8(bytes).unwrap()));
        }
    }

    fn text(text: &'static str) -> impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError> {
        |out| {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }

    #[test]
    fn m5_private_frames_keep_their_place_among_broadcasts() {
        let mut batch = Batch::default();
        batch.private(TO, FrameKind::Message, text("a")).unwrap();
        batch.broadcast(Instant::now(), text("B")).unwrap();
        batch.broadcast(Instant::now(), text("C")).unwrap();
        batch.private(TO, FrameKind::Message, text("d")).unwrap();
        batch.private(TO, FrameKind::Message, text("e")).unwrap();
        batch.broadcast(Instant::now(), text("F")).unwrap();
        let mut replayed = Replayed::default();
        batch.replay(&mut replayed);
        assert_eq!(replayed.0.concat(), "(7 a)BC(7 d)(7 e)F");
    }

    #[test]
    fn q2_room_events_keep_their_place_among_broadcasts() {
        let mut batch = Batch::default();
        batch.broadcast(Instant::now(), text("A")).unwrap();
        batch.room_event(TO, RoomEvent::Command, b"SAY|r|b");
        batch.broadcast(Instant::now(), text("C")).unwrap();
        batch.room_event(TO, RoomEvent::Exit, b"");
        let mut replayed = Replayed::default();
        batch.replay(&mut replayed);
        assert_eq!(replayed.0.concat(), "A[7 Command SAY|r|b]C[7 Exit ]");
        assert!(batch.needs_order() && batch.has_frames_for(5), "every worker applies it");
        batch.clear();
        assert!(batch.is_empty() && !batch.needs_order());
    }

    #[test]
    fn m4_a_frame_that_cannot_be_encoded_leaves_the_batch_empty() {
        let mut batch = Batch::default();
        batch.private(TO, FrameKind::Message, |_| Err(EncodeError::LineFeed)).unwrap_err();
        assert!(batch.is_empty());
    }
}
