//! What one worker has to say in one turn, in its order.

use mychat_proto::EncodeError;

use super::directory::Address;

/// Broadcasts, and private frames among them that must keep their place in the order (rule M5).
#[derive(Debug, Default)]
pub struct Batch {
    broadcasts: Vec<u8>,
    private: Vec<u8>,
    slips: Vec<Slip>,
}

/// One private frame: behind which of the broadcasts, and where its bytes end.
#[derive(Debug)]
struct Slip {
    to: Address,
    after: usize,
    end: usize,
}

/// Where a batch goes.
pub trait Sink {
    /// Framed broadcasts for every user here.
    fn broadcast(&mut self, frames: &[u8]);
    /// One frame for one user, who may be elsewhere or gone.
    fn private(&mut self, to: Address, frame: &[u8]);
}

/// Capacity that a cleared batch may keep, in bytes.
const KEPT: usize = 256 * 1024;

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

    /// Adds one frame for everybody.
    pub fn broadcast(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.broadcasts)
    }

    /// Adds one frame for one user.
    pub fn private(
        &mut self,
        to: Address,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(&mut self.private)?;
        self.slips.push(Slip { to, after: self.broadcasts.len(), end: self.private.len() });
        Ok(())
    }

    /// Says everything again, in order.
    pub fn replay(&self, sink: &mut impl Sink) {
        let (mut said, mut start) = (0, 0);
        for slip in &self.slips {
            if slip.after > said {
                sink.broadcast(&self.broadcasts[said..slip.after]);
                said = slip.after;
            }
            sink.private(slip.to, &self.private[start..slip.end]);
            start = slip.end;
        }
        if said < self.broadcasts.len() {
            sink.broadcast(&self.broadcasts[said..]);
        }
    }

    /// Empties it for the next turn.
    pub fn clear(&mut self) {
        self.broadcasts.clear();
        self.broadcasts.shrink_to(KEPT);
        self.private.clear();
        self.private.shrink_to(KEPT);
        self.slips.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Sink for Heard {
        fn broadcast(&mut self, frames: &[u8]) {
            self.0.push(String::from_utf8(frames.to_vec()).unwrap());
        }
        fn private(&mut self, to: Address, frame: &[u8]) {
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
        let to = Address { worker: 0, index: 7, generation: 0 };
        batch.private(to, text("a")).unwrap();
        batch.broadcast(text("B")).unwrap();
        batch.broadcast(text("C")).unwrap();
        batch.private(to, text("d")).unwrap();
        batch.private(to, text("e")).unwrap();
        batch.broadcast(text("F")).unwrap();
        let mut heard = Heard::default();
        batch.replay(&mut heard);
        assert_eq!(heard.0.concat(), "(7 a)BC(7 d)(7 e)F");
    }

    #[test]
    fn m4_a_frame_that_cannot_be_written_leaves_no_trace() {
        let mut batch = Batch::default();
        let to = Address { worker: 0, index: 7, generation: 0 };
        batch.private(to, |_| Err(EncodeError::LineFeed)).unwrap_err();
        assert!(batch.is_empty());
    }
}
