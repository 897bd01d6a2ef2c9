//! The broadcasts of one turn, stored once for all recipients.

/// Capacities that a cleared log may keep: bytes, and appends. A new allocation costs little compared with the writes of
/// a larger turn.
const KEPT_BYTES: usize = 32 * 1024;
const KEPT_MARKS: usize = 512;

/// The framed broadcasts of the current turn.
///
/// Positions count bytes since the server's start, so a cursor stays valid when the log is cleared. A log belongs to one
/// worker and is used by its thread only.
#[derive(Debug, Default)]
pub struct TurnLog {
    /// The position of the first byte.
    base: u64,
    bytes: Vec<u8>,
    frames: u64,
    /// For each append: the position and the number of frames after it.
    marks: Vec<(u64, u64)>,
}

impl TurnLog {
    /// Returns the position after the last byte.
    pub(crate) const fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends `frames` framed broadcasts.
    pub fn append(&mut self, bytes: &[u8], frames: u32) {
        self.bytes.extend_from_slice(bytes);
        self.frames += u64::from(frames);
        self.marks.push((self.end(), self.frames));
    }

    /// Returns the bytes from position `cursor` on.
    pub(crate) fn bytes_after(&self, cursor: u64) -> &[u8] {
        let from = cursor.saturating_sub(self.base).min(self.bytes.len() as u64) as usize;
        &self.bytes[from..]
    }

    /// Returns the number of frames from position `cursor` on. A cursor stands between two appends, never inside one.
    pub(crate) fn frames_after(&self, cursor: u64) -> u64 {
        if cursor <= self.base {
            return self.frames;
        }
        let before = self.marks.partition_point(|&(end, _)| end <= cursor);
        self.frames - before.checked_sub(1).map_or(0, |mark| self.marks[mark].1)
    }

    /// Drops the bytes. Positions continue.
    pub fn clear(&mut self) {
        self.base = self.end();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.frames = 0;
        self.marks.clear();
        self.marks.shrink_to(KEPT_MARKS);
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.marks.shrink_to_fit();
    }
}
