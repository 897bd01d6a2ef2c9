//! Broadcasts that were read and checked a moment ago, in the order in which they first came.
//!
//! A broadcast arrives a thousand times: the first copy is taken apart digit by digit. Whatever else comes is compared
//! with it byte for byte, which says the same; and as a rule the broadcasts behind it are the same at everybody, so that
//! all that one read brought is compared at once, whole frames with their ends.
//!
//! A frame is *plain* where the one who keeps it vouches that nothing that was kept before, and nothing but copies of it
//! later, can be the same message: whoever came no farther than in front of it has not got it.

use std::collections::VecDeque;
use std::ops::Range;

/// Bytes of the kept frames that lie in one piece.
const PIECE: usize = 512 * 1024;

/// Pieces that are kept: with them it is more than one user falls behind another before a run is called invalid, and
/// whoever is farther behind has its copies taken apart again.
const PIECES: usize = 8;

/// Places of the index.
const INDEX: usize = 1 << 15;

/// The last broadcasts that were found to be whole, each with what it turned out to be.
#[derive(Debug)]
pub struct Lately<T> {
    pieces: VecDeque<Piece<T>>,
    /// The number of the oldest piece.
    oldest: u64,
    /// One that is not needed any more.
    spare: Option<Piece<T>>,
    /// Where frames of these last bytes are, or were.
    index: Vec<Cursor>,
}

/// A place in front of a kept frame, or behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    piece: u64,
    frame: u32,
}

#[derive(Debug)]
struct Piece<T> {
    bytes: Vec<u8>,
    frames: Vec<Kept<T>>,
    /// All frames from this one on are plain.
    plain_from: u32,
}

/// A kept frame.
#[derive(Debug, Clone, Copy)]
pub struct Kept<T> {
    /// What it turned out to be.
    pub what: T,
    /// Where it ends, its terminator included.
    end: u32,
    terminator: u8,
}

impl<T> Kept<T> {
    /// How many of its bytes are its terminator.
    pub fn terminator(&self) -> usize {
        usize::from(self.terminator)
    }
}

/// Frames that follow each other, all in one piece.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    piece: u64,
    frames: Range<u32>,
}

impl Run {
    /// In front of its first frame.
    pub fn start(&self) -> Cursor {
        Cursor { piece: self.piece, frame: self.frames.start }
    }

    /// Behind its last one.
    pub fn end(&self) -> Cursor {
        Cursor { piece: self.piece, frame: self.frames.end }
    }

    /// How many frames it has.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// One of its frames alone.
    #[must_use]
    pub fn one(&self, index: usize) -> Self {
        let frame = self.frames.start + index as u32;
        Self { piece: self.piece, frames: frame..(frame + 1).min(self.frames.end) }
    }

    /// Adds one that begins where this one ends; gives whether it does.
    pub fn join(&mut self, next: &Self) -> bool {
        let joins = self.end() == next.start();
        if joins {
            self.frames.end = next.frames.end;
        }
        joins
    }
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self { pieces: VecDeque::new(), oldest: 0, spare: None, index: vec![Cursor::default(); INDEX] }
    }
}

impl<T> Piece<T> {
    fn start(&self, frame: u32) -> usize {
        frame.checked_sub(1).map_or(0, |before| self.frames[before as usize].end as usize)
    }

    /// The bytes of a frame without its terminator.
    fn text(&self, frame: u32) -> &[u8] {
        let kept = &self.frames[frame as usize];
        &self.bytes[self.start(frame)..kept.end as usize - kept.terminator()]
    }
}

impl<T: Copy> Lately<T> {
    /// The kept frames that `bytes` begins with, whole and with their terminators, from `at` on.
    pub fn run(&self, at: Cursor, bytes: &[u8]) -> Run {
        let at = self.onwards(at);
        let none = Run { piece: at.piece, frames: at.frame..at.frame };
        let Some(piece) = self.piece(at.piece) else { return none };
        let (start, frames) = (piece.start(at.frame), &piece.frames[at.frame as usize..]);
        let known = &piece.bytes[start..];
        let most = known.len().min(bytes.len());
        // Nearly always all of it is alike, and compared at once.
        let whole = if known[..most] == bytes[..most] {
            frames.iter().take_while(|kept| kept.end as usize - start <= most).count()
        } else {
            let mut from = 0;
            let alike = |kept: &&Kept<T>| {
                let span = from..kept.end as usize - start;
                from = span.end;
                bytes.get(span.clone()) == Some(&known[span])
            };
            frames.iter().take_while(alike).count()
        };
        Run { piece: at.piece, frames: at.frame..at.frame + whole as u32 }
    }

    /// The same place; where it is behind all frames of its piece, as the one in front of the next piece.
    fn onwards(&self, at: Cursor) -> Cursor {
        let next = Cursor { piece: at.piece + 1, frame: 0 };
        let over = self.piece(at.piece).is_some_and(|piece| piece.frames.len() == at.frame as usize);
        if over && self.piece(next.piece).is_some() { next } else { at }
    }

    /// The frames of a run; none, where they are forgotten.
    pub fn frames(&self, run: &Run) -> &[Kept<T>] {
        let span = run.frames.start as usize..run.frames.end as usize;
        self.piece(run.piece).and_then(|piece| piece.frames.get(span)).unwrap_or_default()
    }

    /// How many bytes the frames of a run have, their terminators included.
    pub fn length(&self, run: &Run) -> usize {
        let Some(piece) = self.piece(run.piece) else { return 0 };
        piece.start(run.frames.end) - piece.start(run.frames.start)
    }

    /// Whether all frames of a run are plain.
    pub fn is_plain(&self, run: &Run) -> bool {
        self.piece(run.piece).is_some_and(|piece| run.frames.start >= piece.plain_from)
    }

    /// This frame among those that are kept, if one of the same bytes is. It is looked for at `expected` first.
    pub fn find(&self, expected: Cursor, frame: &[u8]) -> Option<Run> {
        self.at(self.onwards(expected), frame).or_else(|| self.at(self.index[place(frame)?], frame))
    }

    fn at(&self, at: Cursor, frame: &[u8]) -> Option<Run> {
        let piece = self.piece(at.piece)?;
        let kept = (at.frame as usize) < piece.frames.len();
        (kept && piece.text(at.frame) == frame).then(|| Run { piece: at.piece, frames: at.frame..at.frame + 1 })
    }

    /// Keeps a frame and what it is, and gives the place behind it. `terminator` is what the server ends it with.
    pub fn keep(&mut self, frame: &[u8], terminator: &[u8], what: T, is_plain: bool) -> Cursor {
        let room = frame.len() + terminator.len();
        if self.pieces.back().is_none_or(|last| last.bytes.len() + room > PIECE) {
            let empty = Piece { bytes: Vec::new(), frames: Vec::new(), plain_from: 0 };
            self.pieces.push_back(self.spare.take().unwrap_or(empty));
        }
        let piece = self.oldest + self.pieces.len() as u64 - 1;
        let Some(last) = self.pieces.back_mut() else { return Cursor::default() };
        last.bytes.extend_from_slice(frame);
        last.bytes.extend_from_slice(terminator);
        let at = Cursor { piece, frame: last.frames.len() as u32 };
        last.frames.push(Kept { end: last.bytes.len() as u32, terminator: terminator.len() as u8, what });
        let behind = Cursor { piece, frame: last.frames.len() as u32 };
        if !is_plain {
            last.plain_from = behind.frame;
        }
        if let Some(place) = place(frame) {
            self.index[place] = at;
        }
        behind
    }

    /// Whether more is kept than is needed: the oldest frames up to this place should be forgotten.
    pub fn is_crowded(&self) -> Option<Cursor> {
        (self.pieces.len() > PIECES).then_some(Cursor { piece: self.oldest + 1, frame: 0 })
    }

    /// Forgets the oldest frames.
    pub fn forget(&mut self) {
        if let Some(mut oldest) = self.pieces.pop_front() {
            self.oldest += 1;
            oldest.bytes.clear();
            oldest.frames.clear();
            oldest.plain_from = 0;
            self.spare = Some(oldest);
        }
    }

    fn piece(&self, number: u64) -> Option<&Piece<T>> {
        self.pieces.get(usize::try_from(number.checked_sub(self.oldest)?).ok()?)
    }
}

/// Where a frame stands in the index: by its last bytes, which are sums or chosen at random.
fn place(frame: &[u8]) -> Option<usize> {
    let tail = u64::from_le_bytes(*frame.last_chunk()?);
    Some((tail.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - INDEX.ilog2())) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(n: usize) -> String {
        format!("BROADCAST|ana|{}{n:08}", "x".repeat(n % 50))
    }

    fn all(lately: &Lately<usize>, run: &Run) -> Vec<(usize, usize, usize)> {
        let lengths = (0..run.len()).map(|index| lately.length(&run.one(index)));
        lately.frames(run).iter().zip(lengths).map(|(kept, length)| (kept.what, length, kept.terminator())).collect()
    }

    fn found(lately: &Lately<usize>, frame: &str) -> Option<(usize, Cursor)> {
        let run = lately.find(Cursor::default(), frame.as_bytes())?;
        Some((lately.frames(&run)[0].what, run.end()))
    }

    #[test]
    fn a_copy_is_found_and_a_changed_one_is_not() {
        let mut lately = Lately::default();
        for n in 0..3000 {
            assert!(found(&lately, &frame(n)).is_none());
            let behind = lately.keep(frame(n).as_bytes(), b"\n", n, true);
            assert_eq!(found(&lately, &frame(n)), Some((n, behind)));
        }
        let count = (0..3000).filter(|n| found(&lately, &frame(*n)).is_some_and(|(what, _)| what == *n)).count();
        // A few share a place.
        assert!(count > 2500, "{count}");
        for n in 0..3000 {
            let mut changed = frame(n).into_bytes();
            changed[12] ^= 1;
            assert_eq!(lately.find(Cursor::default(), &changed), None);
        }
    }

    #[test]
    fn a_short_frame_is_part_of_a_run_and_has_no_place() {
        let mut lately = Lately::default();
        let at = lately.keep(b"first frame", b"\n", 1, true);
        lately.keep(b"short", b"\n", 2, true);
        assert_eq!(lately.find(Cursor::default(), b"short"), None);
        let run = lately.find(at, b"short").expect("but for the one that expects it");
        assert_eq!(all(&lately, &run), [(2, 6, 1)]);
        let run = lately.run(at, b"short\nmore");
        assert_eq!(all(&lately, &run), [(2, 6, 1)]);
    }

    #[test]
    fn what_was_forgotten_is_in_no_run() {
        let mut lately = Lately::default();
        let long = |n: usize| format!("{:x<1000}{n:09}", "BROADCAST|ana|");
        let first = lately.keep(long(0).as_bytes(), b"\n", 0, true);
        for n in 1..2 * PIECE * PIECES / 1010 {
            lately.keep(long(n).as_bytes(), b"\n", n, true);
            if let Some(up_to) = lately.is_crowded() {
                assert!(first < up_to);
                lately.forget();
                assert_eq!(lately.is_crowded(), None);
            }
        }
        let run = lately.run(first, format!("{}\n", long(1)).as_bytes());
        assert_eq!(all(&lately, &run), []);
        assert_eq!(lately.find(Cursor::default(), long(0).as_bytes()), None);
    }

    #[test]
    fn a_run_is_plain_behind_the_last_frame_that_is_not() {
        let mut lately = Lately::default();
        let places: Vec<Cursor> = [true, false, true].map(|plain| lately.keep(b"frame", b"\n", 0, plain)).into();
        let all = lately.run(Cursor::default(), b"frame\nframe\nframe\n");
        let mut last = lately.run(places[1], b"frame\n");
        assert!(!lately.is_plain(&all) && lately.is_plain(&last));
        assert_eq!((all.len(), lately.length(&all), all.end()), (3, 18, places[2]));
        assert!(!last.clone().join(&all));
        let behind = lately.keep(b"frame", b"\n", 0, true);
        assert!(last.join(&lately.run(places[2], b"frame\n")));
        assert_eq!((last.start(), last.end()), (places[1], behind));
    }

    proptest! {
        /// However the stream is cut into reads and wherever it was changed, a run is what a naive comparison finds.
        #[test]
        fn a_run_is_the_whole_frames_alike(
            kept in prop::collection::vec(0usize..6, 1..60),
            crlf in any::<bool>(),
            cut in 0usize..2000,
            changed in prop::option::of(0usize..2000),
        ) {
            let terminator: &[u8] = if crlf { b"\r\n" } else { b"\n" };
            let mut lately = Lately::default();
            let at = lately.keep(b"BROADCAST|bob|before", terminator, usize::MAX, true);
            let mut stream = Vec::new();
            for n in &kept {
                lately.keep(frame(*n).as_bytes(), terminator, *n, true);
                stream.extend_from_slice(frame(*n).as_bytes());
                stream.extend_from_slice(terminator);
            }
            stream.truncate(cut);
            let changed = changed.filter(|place| *place < stream.len());
            if let Some(place) = changed {
                stream[place] ^= 1;
            }
            let mut naive = Vec::new();
            let mut end = 0;
            for n in &kept {
                let length = frame(*n).len() + terminator.len();
                end += length;
                if end > changed.unwrap_or(stream.len()).min(stream.len()) {
                    break;
                }
                naive.push((*n, length, terminator.len()));
            }
            let run = lately.run(at, &stream);
            prop_assert_eq!(all(&lately, &run), naive);
        }
    }
}
