//! A list of users over as many frames as it needs (rule L4), and back.

use std::borrow::Cow;

use crate::framing::MAX_FRAME;
use crate::name;
use crate::reply::UserList;

/// The longest list in bytes that a [`RosterReader`] collects: 129,000 names of the greatest length, a million short
/// ones.
pub const MAX_ROSTER: usize = 8 * 1024 * 1024;

const COMMAND: &[u8] = b"USER_LIST|";

/// Writes a list of names as `USER_LIST` frames of at most [`MAX_FRAME`] bytes each. Every frame but the last ends in a
/// comma, which says that the list goes on; a list that fits in one frame is never cut.
///
/// The names come one by one, so that a caller needs no list of them; [`RosterPages::finish`] must end it.
#[derive(Debug)]
#[must_use = "a list ends with `finish`"]
pub struct RosterPages<'o, E: FnMut(&mut Vec<u8>, usize)> {
    out: &'o mut Vec<u8>,
    /// Where the frame at the end of `out` begins.
    start: usize,
    /// Where the last name in it begins.
    last: usize,
    end: E,
}

impl<'o, E: FnMut(&mut Vec<u8>, usize)> RosterPages<'o, E> {
    /// Starts a list at the end of `out`. `end` is called behind each frame with its start, to append a terminator
    /// ([`crate::Framing::end`]).
    pub fn new(out: &'o mut Vec<u8>, end: E) -> Self {
        let start = out.len();
        out.extend_from_slice(COMMAND);
        Self { last: out.len(), start, out, end }
    }

    /// Appends one name, which must be a legal one: [`crate::UserName::as_str`].
    pub fn push(&mut self, name: &str) {
        debug_assert_eq!(name::check(name), Ok(()), "a list holds legal names alone");
        let used = self.out.len() - self.start;
        if used > COMMAND.len() && used + 1 + name.len() > MAX_FRAME {
            self.turn();
        }
        if self.out.len() - self.start > COMMAND.len() {
            self.out.push(b',');
        }
        self.last = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
    }

    /// Ends the last frame.
    pub fn finish(mut self) {
        (self.end)(self.out, self.start);
    }

    /// Ends the frame with a comma and starts the next one. A frame that is full to its last byte has no room for the
    /// comma: its last name moves on.
    fn turn(&mut self) {
        let full = self.out.len() - self.start == MAX_FRAME;
        let moved = if full { self.out.split_off(self.last) } else { Vec::new() };
        if !full {
            self.out.push(b',');
        }
        (self.end)(self.out, self.start);
        self.start = self.out.len();
        self.out.extend_from_slice(COMMAND);
        self.out.extend_from_slice(&moved);
    }
}

/// Puts the frames of continued lists together again. It allocates for a list of several frames alone, and never keeps
/// more than [`MAX_ROSTER`] bytes: what a list has beyond that is left off, and [`Roster::is_cut`] says so.
#[derive(Debug, Default)]
pub struct RosterReader {
    names: String,
    is_cut: bool,
}

impl RosterReader {
    /// Takes the next `USER_LIST` frame; gives the whole list when this frame ends it. Frames of any length are taken,
    /// whatever rule F3 says about them.
    pub fn push<'a>(&mut self, list: UserList<'a>) -> Option<Roster<'a>> {
        let text = list.text();
        if !list.continues() && !self.is_open() {
            return Some(Roster { names: Cow::Borrowed(text), is_cut: false });
        }
        if self.is_cut || self.names.len() + text.len() > MAX_ROSTER {
            self.is_cut = true;
        } else {
            self.names.push_str(text);
        }
        if list.continues() {
            return None;
        }
        let Self { names, is_cut } = std::mem::take(self);
        Some(Roster { names: Cow::Owned(names), is_cut })
    }

    /// Whether a list has begun that the last frame did not end.
    pub fn is_open(&self) -> bool {
        self.is_cut || !self.names.is_empty()
    }
}

/// One whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster<'a> {
    names: Cow<'a, str>,
    is_cut: bool,
}

impl Roster<'_> {
    /// The names, in the list's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        UserList::new(&self.names).names()
    }

    /// Whether the list was longer than [`MAX_ROSTER`], and these are the names of its first frames alone.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framing, Reply};

    fn pages(names: &[String]) -> Vec<String> {
        let mut out = Vec::new();
        let mut pages = RosterPages::new(&mut out, |out, start| Framing::Lf.end(out, start));
        for name in names {
            pages.push(name);
        }
        pages.finish();
        String::from_utf8_lossy(&out).lines().map(str::to_owned).collect()
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("user{index:04}")).collect()
    }

    #[test]
    fn l4_112_names_of_8_letters_fill_a_frame() {
        assert_eq!(pages(&names(112)).len(), 1);
        let two = pages(&names(113));
        assert_eq!(two.len(), 2);
        assert!(two[0].ends_with("user0111,"), "the comma says that the list goes on");
        assert_eq!(two[1], "USER_LIST|user0112");
    }

    #[test]
    fn l4_a_list_of_exactly_1024_bytes_is_one_frame() {
        // 10 for the command, 112 times 9 with the comma, 6 for the last.
        let mut list = names(112);
        list.push("last06".to_owned());
        assert_eq!(pages(&list).iter().map(String::len).collect::<Vec<_>>(), [1024]);
        list.push("more".to_owned());
        let two = pages(&list);
        assert!(two[0].ends_with("user0111,"), "no room for the comma behind the 113th");
        assert_eq!(two[1], "USER_LIST|last06,more");
    }

    #[test]
    fn l4_a_frame_of_1023_bytes_has_room_for_the_comma() {
        let mut list = names(112);
        list.extend(["last5", "more"].map(str::to_owned));
        let two = pages(&list);
        assert!(two[0].ends_with(",last5,"));
        assert_eq!((two[0].len(), two[1].as_str()), (1024, "USER_LIST|more"));
    }

    #[test]
    fn nobody_is_a_list_too() {
        assert_eq!(pages(&[]), ["USER_LIST|"]);
        let whole = RosterReader::default().push(UserList::new(""));
        assert_eq!(whole.map(|roster| roster.names().count()), Some(0));
    }

    #[test]
    fn a_reader_puts_the_frames_together() {
        let mut reader = RosterReader::default();
        for round in 0..2 {
            assert_eq!((reader.push(UserList::new("a,b,")), reader.is_open()), (None, true), "round {round}");
            assert_eq!(reader.push(UserList::new("c,")), None);
            let roster = reader.push(UserList::new("d")).expect("the list has ended");
            assert_eq!(roster.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
            assert!(!reader.is_open());
        }
    }

    #[test]
    fn a_list_that_never_ends_is_bounded() {
        let page = "x,".repeat(507);
        let mut reader = RosterReader::default();
        for _ in 0..2 * MAX_ROSTER / page.len() {
            assert_eq!(reader.push(UserList::new(&page)), None);
            assert!(reader.names.len() <= MAX_ROSTER);
        }
        let roster = reader.push(UserList::new("end")).expect("the list has ended");
        assert!(roster.is_cut() && roster.names().all(|name| name == "x"));
        let next = reader.push(UserList::new("a")).expect("one frame");
        assert!(!next.is_cut(), "the next list is whole again");
    }

    #[test]
    fn pages_are_replies() {
        for page in pages(&names(500)) {
            assert!(matches!(Reply::parse(page.as_bytes()), Ok(Reply::UserList(_))), "{page}");
        }
    }
}
