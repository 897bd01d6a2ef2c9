//! The pieces of one vectored write.

use std::io::IoSlice;

/// The pieces of one write, in order: queue, share of the turn's log, roster. Any of them may be empty.
#[derive(Debug)]
pub struct WriteParts<'a>(pub(super) [&'a [u8]; 3]);

impl<'a> WriteParts<'a> {
    /// Returns the number of bytes in all pieces.
    #[expect(clippy::len_without_is_empty, reason = "is_empty is for the crate alone")]
    pub const fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len() + self.0[2].len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the only piece that has bytes, if there is one: a plain write is cheaper than a vectored one.
    pub(crate) fn single(&self) -> Option<&'a [u8]> {
        let mut with_bytes = self.0.iter().filter(|part| !part.is_empty());
        match (with_bytes.next(), with_bytes.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// Returns the first piece that has bytes.
    pub(crate) fn first(&self) -> Option<&'a [u8]> {
        self.0.iter().copied().find(|part| !part.is_empty())
    }

    /// Returns the pieces for a vectored write.
    pub(crate) fn slices(&self) -> [IoSlice<'a>; 3] {
        self.0.map(IoSlice::new)
    }
}
