//! A list of users over as many frames as it needs (rule L4), and back.

use crate::{MAX_FRAME, UserList};

const COMMAND: &[u8] = b"USER_LIST|";

/// Writes a list of names as `USER_LIST` frames of at most [`MAX_FRAME`] bytes each. Every frame but the last ends in a
/// comma, which says that the list goes on.
///
/// The names come one by one, so that a caller needs no list of them; [`RosterPages::finish`] must end it.
#[derive(Debug)]
pub struct RosterPages<'o, E: FnMut(&mut Vec<u8>, usize)> {
    out: &'o mut Vec<u8>,
    start: usize,
    end: E,
}

impl<'o, E: FnMut(&mut Vec<u8>, usize)> RosterPages<'o, E> {
    /// Starts a list at the end of `out`. `end` is called behind each frame with its start, to append a terminator
    /// ([`crate::Framing::end`]).
    pub fn new(out: &'o mut Vec<u8>, end: E) -> Self {
        let start = out.len();
        out.extend_from_slice(COMMAND);
        Self { out, start, end }
    }

    /// Appends one name.
    pub fn push(&mut self, name: &str) {
        let used = self.out.len() - self.start;
        let first = used == COMMAND.len();
        // Two commas: the one before this name, and the one behind it should the list go on after it.
        if !first && used + 1 + name.len() + 1 > MAX_FRAME {
            self.out.push(b',');
            (self.end)(self.out, self.start);
            self.start = self.out.len();
            self.out.extend_from_slice(COMMAND);
        } else if !first {
            self.out.push(b',');
        }
        self.out.extend_from_slice(name.as_bytes());
    }

    /// Ends the last frame.
    pub fn finish(mut self) {
        (self.end)(self.out, self.start);
    }
}

/// Puts the frames of continued lists together again. Lists of any length are taken, whatever rule F3 says about the
/// frames they came in.
#[derive(Debug, Default)]
pub struct RosterReader {
    names: String,
}

impl RosterReader {
    /// Takes the next `USER_LIST` frame; gives the whole list when this frame ends it.
    pub fn push(&mut self, list: UserList<'_>) -> Option<Roster> {
        self.names.push_str(list.text());
        (!list.continues()).then(|| Roster { names: std::mem::take(&mut self.names) })
    }

    /// Whether a list has begun that the last frame did not end.
    pub fn is_open(&self) -> bool {
        !self.names.is_empty()
    }
}

/// One whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    names: String,
}

impl Roster {
    /// The names, in the list's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        UserList::new(&self.names).names()
    }
}
