//! Writes a list of names as one or more frames (rule L4).

use crate::framing::MAX_FRAME;
use crate::name;

/// Writes names as frames of at most [`MAX_FRAME`] bytes that begin with the same fields. Every frame but the last ends in a
/// comma, which means that the list continues. A list that fits in one frame is never split.
///
/// The caller pushes the names one by one and then calls [`PageWriter::finish`].
#[derive(Debug)]
#[must_use = "a list ends with `finish`"]
pub struct PageWriter<'o, E: FnMut(&mut Vec<u8>, usize)> {
    out: &'o mut Vec<u8>,
    /// Offset in `out` of the current frame.
    start: usize,
    /// Length in bytes of the fields with which each frame begins, and their pipes.
    prefix: usize,
    /// Offset in `out` of the last name.
    last_name_start: usize,
    end: E,
}

impl<'o, E: FnMut(&mut Vec<u8>, usize)> PageWriter<'o, E> {
    /// Starts a list at the end of `out`. Each frame begins with `fields`: a command and legal names. `end` is called after
    /// each frame with the frame's offset, to append a terminator ([`crate::Framing::end`]).
    pub fn new(out: &'o mut Vec<u8>, fields: &[&str], end: E) -> Self {
        let start = out.len();
        for field in fields {
            out.extend_from_slice(field.as_bytes());
            out.push(b'|');
        }
        Self { last_name_start: out.len(), prefix: out.len() - start, start, out, end }
    }

    /// Appends a name, which must be legal.
    pub fn push(&mut self, name: &str) {
        debug_assert_eq!(name::check(name), Ok(()), "a list contains only legal names");
        let used = self.out.len() - self.start;
        if used > self.prefix && used + 1 + name.len() > MAX_FRAME {
            self.next_frame();
        }
        if self.out.len() - self.start > self.prefix {
            self.out.push(b',');
        }
        self.last_name_start = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
    }

    /// Ends the last frame.
    pub fn finish(mut self) {
        (self.end)(self.out, self.start);
    }

    /// Ends the frame with a comma and starts the next one. If the frame has no space for the comma, its last name moves
    /// to the next frame.
    fn next_frame(&mut self) {
        let full = self.out.len() - self.start == MAX_FRAME;
        let moved = if full { self.out.split_off(self.last_name_start) } else { Vec::new() };
        if !full {
            self.out.push(b',');
        }
        (self.end)(self.out, self.start);
        let last = std::mem::replace(&mut self.start, self.out.len());
        self.out.extend_from_within(last..last + self.prefix);
        self.out.extend_from_slice(&moved);
    }
}
