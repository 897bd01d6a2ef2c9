//! The broadcasts of one turn, once for all who get them.

/// Capacity that a cleared log may keep, in bytes and in appends. To make a larger one anew costs little beside writing
/// it to everybody.
const KEPT: (usize, usize) = (32 * 1024, 512);

/// The broadcasts of the current turn, already framed. Positions count from the server's start, so that a cursor stays
/// right when the log is cleared.
#[derive(Debug, Default)]
pub struct TurnLog {
    base: u64,
    bytes: Vec<u8>,
    frames: u64,
    /// For each append: the position behind it, and the frames up to there.
    marks: Vec<(u64, u64)>,
}

impl TurnLog {
    /// The position behind the last byte.
    pub const fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Bytes in the log.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends so many framed broadcasts.
    pub fn append(&mut self, bytes: &[u8], frames: u32) {
        self.bytes.extend_from_slice(bytes);
        self.frames += u64::from(frames);
        self.marks.push((self.end(), self.frames));
    }

    /// What a reader at `cursor` has not had yet.
    pub fn share(&self, cursor: u64) -> &[u8] {
        let from = cursor.saturating_sub(self.base).min(self.bytes.len() as u64) as usize;
        &self.bytes[from..]
    }

    /// How many frames that is. A cursor stands between two appends, never inside one.
    pub fn frames(&self, cursor: u64) -> u64 {
        if cursor <= self.base {
            return self.frames;
        }
        let before = self.marks.partition_point(|&(end, _)| end <= cursor);
        self.frames - before.checked_sub(1).map_or(0, |mark| self.marks[mark].1)
    }

    /// Forgets the bytes; positions go on.
    pub fn clear(&mut self) {
        self.base = self.end();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT.0);
        self.frames = 0;
        self.marks.clear();
        self.marks.shrink_to(KEPT.1);
    }

    /// Gives back the memory of turns that are over.
    pub fn tidy(&mut self) {
        self.bytes.shrink_to_fit();
        self.marks.shrink_to_fit();
    }
}
