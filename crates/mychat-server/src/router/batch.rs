//! What one worker has to say in one turn, in its order.

use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::time::Instant;

use mychat_proto::EncodeError;

use super::directory::SessionAddress;

/// Broadcasts, and private frames among them that must keep their place in the order (rule M5).
#[derive(Debug, Default)]
pub struct Batch {
    broadcasts: Vec<u8>,
    count: u32,
    private: Vec<u8>,
    slips: Vec<PrivateFrame>,
    since: Option<Instant>,
    from: u16,
    /// Workers that have not written it yet.
    left: AtomicUsize,
}

/// What a private frame is, which decides whether it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// What another user said: it is owed to its recipient.
    Message,
    /// What the server says.
    Answer,
}

/// One private frame: behind which of the broadcasts, and where its bytes end.
#[derive(Debug)]
struct PrivateFrame {
    to: SessionAddress,
    kind: FrameKind,
    after: usize,
    /// The broadcasts before it.
    count: u32,
    end: usize,
}

/// Where a batch goes.
pub trait BatchSink {
    /// So many framed broadcasts for every user here.
    fn broadcast(&mut self, frames: &[u8], count: u32);
    /// One frame for one user, who may be elsewhere or gone.
    fn private(&mut self, to: SessionAddress, kind: FrameKind, frame: &[u8]);
}

/// Capacity that a cleared batch may keep, in bytes and in private frames.
const KEPT: (usize, usize) = (32 * 1024, 512);

impl Batch {
    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.broadcasts.is_empty() && self.slips.is_empty()
    }

    /// Whether there are broadcasts in it, which a private frame has to stay behind.
    pub const fn has_broadcasts(&self) -> bool {
        !self.broadcasts.is_empty()
    }

    /// Bytes in it.
    pub const fn len(&self) -> usize {
        self.broadcasts.len() + self.private.len()
    }

    /// Broadcasts in it.
    pub const fn broadcasts(&self) -> u32 {
        self.count
    }

    /// When the first of them was read.
    pub const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// It is complete: this worker said it, and so many are about to write it.
    pub fn seal(&mut self, from: u16, workers: usize) {
        self.from = from;
        *self.left.get_mut() = workers;
    }

    /// Who said it.
    pub const fn from(&self) -> u16 {
        self.from
    }

    /// Whether there is something in it for users of that worker.
    pub fn concerns(&self, worker: usize) -> bool {
        self.has_broadcasts() || self.slips.iter().any(|slip| usize::from(slip.to.worker) == worker)
    }

    /// One worker has written it. Returns whether it was the last one.
    pub fn is_done(&self) -> bool {
        self.left.fetch_sub(1, AcqRel) == 1
    }

    /// Adds one frame for everybody, read at that time.
    pub fn broadcast(
        &mut self,
        now: Instant,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.broadcasts)?;
        self.count += 1;
        self.since.get_or_insert(now);
        Ok(())
    }

    /// Adds one frame for one user.
    pub fn private(
        &mut self,
        to: SessionAddress,
        kind: FrameKind,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.private)?;
        self.slips.push(PrivateFrame {
            to,
            kind,
            after: self.broadcasts.len(),
            count: self.count,
            end: self.private.len(),
        });
        Ok(())
    }

    /// Says everything again, in order.
    pub fn replay(&self, sink: &mut impl BatchSink) {
        let (mut said, mut counted, mut start) = (0, 0, 0);
        for slip in &self.slips {
            if slip.after > said {
                sink.broadcast(&self.broadcasts[said..slip.after], slip.count - counted);
                (said, counted) = (slip.after, slip.count);
            }
            sink.private(slip.to, slip.kind, &self.private[start..slip.end]);
            start = slip.end;
        }
        if said < self.broadcasts.len() {
            sink.broadcast(&self.broadcasts[said..], self.count - counted);
        }
    }

    /// Empties it for the next turn.
    pub fn clear(&mut self) {
        self.broadcasts.clear();
        self.broadcasts.shrink_to(KEPT.0);
        self.private.clear();
        self.private.shrink_to(KEPT.0);
        self.slips.clear();
        self.slips.shrink_to(KEPT.1);
        self.count = 0;
        self.since = None;
    }

    /// Gives back the memory of turns that are over.
    pub fn tidy(&mut self) {
        self.broadcasts.shrink_to_fit();
        self.private.shrink_to_fit();
        self.slips.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl BatchSink for Heard {
        fn broadcast(&mut self, frames: &[u8], count: u32) {
            assert_eq!(frames.len(), count as usize);
            self.0.push(String::from_utf8(frames.to_vec()).unwrap());
        }
        fn private(&mut self, to: SessionAddress, _kind: FrameKind, frame: &[u8]) {
            self.0.push(format!("({} {})", to.index, std::str::from_utf8(frame).unwrap()));
        }
    }

    fn text(text: &'static str) -> impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError> {
        |out| {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }

    #[test]
    fn m5_what_was_said_between_stays_between() {
        let mut batch = Batch::default();
        let to = SessionAddress { worker: 0, index: 7, generation: 0 };
        batch.private(to, FrameKind::Message, text("a")).unwrap();
        batch.broadcast(Instant::now(), text("B")).unwrap();
        batch.broadcast(Instant::now(), text("C")).unwrap();
        batch.private(to, FrameKind::Message, text("d")).unwrap();
        batch.private(to, FrameKind::Message, text("e")).unwrap();
        batch.broadcast(Instant::now(), text("F")).unwrap();
        let mut heard = Heard::default();
        batch.replay(&mut heard);
        assert_eq!(heard.0.concat(), "(7 a)BC(7 d)(7 e)F");
    }

    #[test]
    fn m4_a_frame_that_cannot_be_written_leaves_no_trace() {
        let mut batch = Batch::default();
        let to = SessionAddress { worker: 0, index: 7, generation: 0 };
        batch.private(to, FrameKind::Message, |_| Err(EncodeError::LineFeed)).unwrap_err();
        assert!(batch.is_empty());
    }
}
