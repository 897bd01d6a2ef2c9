//! Writes a list of users as one or more `USER_LIST` frames, and joins such frames (rule L4).

use std::borrow::Cow;

use crate::page::PageWriter;
use crate::reply::UserList;

/// Maximum size in bytes of the list that a [`RosterReader`] collects: about 129,000 names of the maximum length.
pub const MAX_ROSTER: usize = 8 * 1024 * 1024;

/// Writes a list of names as `USER_LIST` frames; see [`PageWriter`].
///
/// The caller pushes the names one by one and then calls [`RosterWriter::finish`].
#[derive(Debug)]
#[must_use = "a list ends with `finish`"]
pub struct RosterWriter<'o, E: FnMut(&mut Vec<u8>, usize)>(PageWriter<'o, E>);

impl<'o, E: FnMut(&mut Vec<u8>, usize)> RosterWriter<'o, E> {
    /// Starts a list at the end of `out`. `end` is called after each frame with the frame's offset, to append a
    /// terminator ([`crate::Framing::end`]).
    pub fn new(out: &'o mut Vec<u8>, end: E) -> Self {
        Self(PageWriter::new(out, &["USER_LIST"], end))
    }

    /// Appends a name, which must be legal.
    pub fn push(&mut self, name: &str) {
        self.0.push(name);
    }

    /// Ends the last frame.
    pub fn finish(self) {
        self.0.finish();
    }
}

/// Joins the frames of a list. It allocates only for a list of several frames and stores at most [`MAX_ROSTER`] bytes. It
/// drops the rest of a longer list, and [`CompleteRoster::is_truncated`] is then true.
#[derive(Debug, Default)]
pub struct RosterReader {
    names: String,
    is_truncated: bool,
}

impl RosterReader {
    /// Takes the next `USER_LIST` frame. Returns the list if the frame ends it. The frame may be longer than rule F3
    /// allows.
    pub fn push<'a>(&mut self, list: UserList<'a>) -> Option<CompleteRoster<'a>> {
        let text = list.text();
        if !list.continues() && !self.is_partial() {
            return Some(CompleteRoster { names: Cow::Borrowed(text), is_truncated: false });
        }
        if self.is_truncated || self.names.len() + text.len() > MAX_ROSTER {
            self.is_truncated = true;
        } else {
            self.names.push_str(text);
        }
        if list.continues() {
            return None;
        }
        let Self { names, is_truncated } = std::mem::take(self);
        Some(CompleteRoster { names: Cow::Owned(names), is_truncated })
    }

    /// Returns true if the last frame did not end its list.
    pub fn is_partial(&self) -> bool {
        self.is_truncated || !self.names.is_empty()
    }
}

/// A list with the names of all its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteRoster<'a> {
    names: Cow<'a, str>,
    is_truncated: bool,
}

impl CompleteRoster<'_> {
    /// Returns the names in the order of the list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        UserList::new(&self.names).names()
    }

    /// Returns true if the list was longer than [`MAX_ROSTER`] and holds only the names of its first frames.
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framing, Reply};

    fn pages(names: &[String]) -> Vec<String> {
        let mut out = Vec::new();
        let mut writer = RosterWriter::new(&mut out, |out, start| Framing::Lf.end(out, start));
        for name in names {
            writer.push(name);
        }
        writer.finish();
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
        assert!(two[0].ends_with("user0111,"), "the comma means that the list continues");
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
        assert!(two[0].ends_with("user0111,"), "no space for a comma after the 113th name");
        assert_eq!(two[1], "USER_LIST|last06,more");
    }

    #[test]
    fn l4_a_frame_of_1023_bytes_has_space_for_the_comma() {
        let mut list = names(112);
        list.extend(["last5", "more"].map(str::to_owned));
        let two = pages(&list);
        assert!(two[0].ends_with(",last5,"));
        assert_eq!((two[0].len(), two[1].as_str()), (1024, "USER_LIST|more"));
    }

    #[test]
    fn an_empty_list_is_one_frame() {
        assert_eq!(pages(&[]), ["USER_LIST|"]);
        let whole = RosterReader::default().push(UserList::new(""));
        assert_eq!(whole.map(|roster| roster.names().count()), Some(0));
    }

    #[test]
    fn a_reader_joins_the_frames() {
        let mut reader = RosterReader::default();
        for round in 0..2 {
            assert_eq!((reader.push(UserList::new("a,b,")), reader.is_partial()), (None, true), "round {round}");
            assert_eq!(reader.push(UserList::new("c,")), None);
            let roster = reader.push(UserList::new("d")).expect("the list has ended");
            assert_eq!(roster.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
            assert!(!reader.is_partial());
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
        assert!(roster.is_truncated() && roster.names().all(|name| name == "x"));
        let next = reader.push(UserList::new("a")).expect("one frame");
        assert!(!next.is_truncated(), "the next list is complete");
    }

    #[test]
    fn a_roster_has_space_for_129_000_names_of_the_maximum_length() {
        let names = MAX_ROSTER / (crate::name::MAX_NAME + 1);
        assert!((129_000..130_000).contains(&names), "{names}");
    }

    #[test]
    fn a_list_of_the_maximum_length_is_whole_and_one_byte_more_is_not() {
        for (excess, is_truncated) in [(0, false), (1, true)] {
            let mut reader = RosterReader::default();
            let first = "x".repeat(MAX_ROSTER - 3) + ",";
            assert_eq!(reader.push(UserList::new(&first)), None);
            let last = "y".repeat(2 + excess);
            let roster = reader.push(UserList::new(&last)).expect("the list has ended");
            assert_eq!((roster.is_truncated(), roster.names().count()), (is_truncated, 2 - excess));
        }
    }

    #[test]
    fn pages_are_replies() {
        for page in pages(&names(500)) {
            assert!(matches!(Reply::parse(page.as_bytes()), Ok(Reply::UserList(_))), "{page}");
        }
    }
}
