//! The frames that one worker's sessions caused in one turn, in their order.

use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::time::Instant;

use mychat_proto::EncodeError;

use super::address::SessionAddress;

/// Broadcasts, and the private frames among them that must keep their place in the order (rule M5).
#[derive(Debug, Default)]
pub(crate) struct Batch {
    broadcasts: Vec<u8>,
    broadcast_count: u32,
    private: Vec<u8>,
    private_frames: Vec<PrivateFrame>,
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

/// The place of one private frame in a batch.
#[derive(Debug)]
struct PrivateFrame {
    to: SessionAddress,
    kind: FrameKind,
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
}

/// Capacities that a cleared batch may keep: bytes, and private frames.
const KEPT_BYTES: usize = 32 * 1024;
const KEPT_FRAMES: usize = 512;

impl Batch {
    /// Returns true if the batch has no frames.
    pub(crate) const fn is_empty(&self) -> bool {
        self.broadcasts.is_empty() && self.private_frames.is_empty()
    }

    /// Returns true if the batch has broadcasts, which later private frames must follow.
    pub(crate) const fn has_broadcasts(&self) -> bool {
        !self.broadcasts.is_empty()
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

    /// Returns true if the batch has frames for sessions of `worker`.
    pub(crate) fn has_frames_for(&self, worker: usize) -> bool {
        self.has_broadcasts() || self.private_frames.iter().any(|frame| usize::from(frame.to.worker) == worker)
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
        self.private_frames.push(PrivateFrame {
            to,
            kind,
            broadcast_bytes_before: self.broadcasts.len(),
            broadcasts_before: self.broadcast_count,
            end: self.private.len(),
        });
        Ok(())
    }

    /// Passes all frames to `sink`, in order.
    pub(crate) fn replay(&self, sink: &mut impl BatchSink) {
        let (mut bytes_done, mut broadcasts_done, mut start) = (0, 0, 0);
        for frame in &self.private_frames {
            if frame.broadcast_bytes_before > bytes_done {
                let broadcasts = &self.broadcasts[bytes_done..frame.broadcast_bytes_before];
                sink.broadcast(broadcasts, frame.broadcasts_before - broadcasts_done);
                (bytes_done, broadcasts_done) = (frame.broadcast_bytes_before, frame.broadcasts_before);
            }
            sink.private(frame.to, frame.kind, &self.private[start..frame.end]);
            start = frame.end;
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
        self.private_frames.clear();
        self.private_frames.shrink_to(KEPT_FRAMES);
        self.broadcast_count = 0;
        self.first_read_at = None;
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.broadcasts.shrink_to_fit();
        self.private.shrink_to_fit();
        self.private_frames.shrink_to_fit();
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
    fn m4_a_frame_that_cannot_be_encoded_leaves_the_batch_empty() {
        let mut batch = Batch::default();
        batch.private(TO, FrameKind::Message, |_| Err(EncodeError::LineFeed)).unwrap_err();
        assert!(batch.is_empty());
    }
}
