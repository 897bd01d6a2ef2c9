//! Broadcasts that were read and checked a moment ago, in the order in which they first came.
//!
//! A broadcast arrives a thousand times: the first copy is taken apart digit by digit. Whatever else comes is compared
//! with it byte for byte, which says the same; and as a rule the broadcasts behind it are the same at everybody, so that
//! all that one read brought is compared at once, whole frames with their ends.

use std::collections::VecDeque;
use std::ops::Range;

/// Bytes of the kept frames that lie in one piece.
const PIECE: usize = 512 * 1024;

/// Pieces: with them more is kept than one user falls behind another before a run is called invalid, and whoever is
/// farther behind has its copies taken apart again.
const PIECES: usize = 8;

/// Places of the index.
const INDEX: usize = 1 << 15;

/// The last broadcasts that were found to be whole, each with what it turned out to be.
#[derive(Debug)]
pub struct Lately<T> {
    pieces: VecDeque<Piece<T>>,
    /// The number of the oldest piece.
    oldest: u64,
    /// Where frames of these last bytes are, or were.
    index: Vec<Cursor>,
}

/// A place in front of a kept frame, or behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    piece: u64,
    frame: u32,
}

#[derive(Debug)]
struct Piece<T> {
    bytes: Vec<u8>,
    frames: Vec<Kept<T>>,
}

#[derive(Debug, Clone, Copy)]
struct Kept<T> {
    /// Where it ends, its terminator included.
    end: u32,
    terminator: u8,
    what: T,
}

/// Frames that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    piece: u64,
    frames: Range<u32>,
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self { pieces: VecDeque::new(), oldest: 0, index: vec![Cursor::default(); INDEX] }
    }
}

impl Cursor {
    /// Behind the frame that it stands in front of.
    fn next(self) -> Self {
        Self { frame: self.frame + 1, ..self }
    }
}

impl<T> Piece<T> {
    fn start(&self, frame: u32) -> usize {
        frame.checked_sub(1).map_or(0, |before| self.frames[before as usize].end as usize)
    }

    /// The bytes of a frame without its terminator.
    fn text(&self, frame: u32) -> &[u8] {
        let kept = &self.frames[frame as usize];
        &self.bytes[self.start(frame)..kept.end as usize - usize::from(kept.terminator)]
    }
}

impl<T: Copy> Lately<T> {
    /// The kept frames that `bytes` begins with, whole and with their terminators, from `at` on; `at` moves behind them.
    pub fn run(&self, at: &mut Cursor, bytes: &[u8]) -> Run {
        *at = self.onwards(*at);
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
        let run = Run { piece: at.piece, frames: at.frame..at.frame + whole as u32 };
        at.frame = run.frames.end;
        run
    }

    /// The same place; where it is behind all frames of its piece, as the one in front of the next piece.
    fn onwards(&self, at: Cursor) -> Cursor {
        let next = Cursor { piece: at.piece + 1, frame: 0 };
        let over = self.piece(at.piece).is_some_and(|piece| piece.frames.len() == at.frame as usize);
        if over && self.piece(next.piece).is_some() { next } else { at }
    }

    /// Takes the first frame of a run: what it is, its length, and how much of that is its terminator.
    pub fn take(&self, run: &mut Run) -> Option<(T, usize, usize)> {
        let frame = run.frames.next()?;
        let piece = self.piece(run.piece)?;
        let kept = &piece.frames[frame as usize];
        Some((kept.what, kept.end as usize - piece.start(frame), usize::from(kept.terminator)))
    }

    /// What this frame is, if one of the same bytes is kept, and the place behind it. It is looked for at `expected` first.
    pub fn find(&self, expected: Cursor, frame: &[u8]) -> Option<(T, Cursor)> {
        self.at(self.onwards(expected), frame).or_else(|| self.at(self.index[place(frame)?], frame))
    }

    fn at(&self, at: Cursor, frame: &[u8]) -> Option<(T, Cursor)> {
        let piece = self.piece(at.piece)?;
        let kept = piece.frames.get(at.frame as usize)?;
        (piece.text(at.frame) == frame).then(|| (kept.what, at.next()))
    }

    /// Keeps a frame and what it is, and gives the place behind it. `terminator` is what the server ends it with.
    pub fn keep(&mut self, frame: &[u8], terminator: &[u8], what: T) -> Cursor {
        let room = frame.len() + terminator.len();
        if self.pieces.back().is_none_or(|last| last.bytes.len() + room > PIECE) {
            self.begin_piece();
        }
        let at = self.oldest + self.pieces.len() as u64 - 1;
        let Some(last) = self.pieces.back_mut() else { return Cursor::default() };
        last.bytes.extend_from_slice(frame);
        last.bytes.extend_from_slice(terminator);
        let at = Cursor { piece: at, frame: last.frames.len() as u32 };
        last.frames.push(Kept { end: last.bytes.len() as u32, terminator: terminator.len() as u8, what });
        if let Some(place) = place(frame) {
            self.index[place] = at;
        }
        at.next()
    }

    /// The oldest piece makes room once there are enough.
    fn begin_piece(&mut self) {
        let mut piece = if self.pieces.len() < PIECES { None } else { self.pieces.pop_front() };
        if let Some(used) = &mut piece {
            self.oldest += 1;
            used.bytes.clear();
            used.frames.clear();
        }
        self.pieces.push_back(piece.unwrap_or(Piece { bytes: Vec::new(), frames: Vec::new() }));
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

    fn all(lately: &Lately<usize>, mut run: Run) -> Vec<(usize, usize, usize)> {
        std::iter::from_fn(|| lately.take(&mut run)).collect()
    }

    #[test]
    fn a_copy_is_found_and_a_changed_one_is_not() {
        let mut lately = Lately::default();
        for n in 0..3000 {
            assert!(lately.find(Cursor::default(), frame(n).as_bytes()).is_none());
            let behind = lately.keep(frame(n).as_bytes(), b"\n", n);
            assert_eq!(lately.find(Cursor::default(), frame(n).as_bytes()), Some((n, behind)));
        }
        let found = (0..3000)
            .filter(|n| lately.find(Cursor::default(), frame(*n).as_bytes()).is_some_and(|(what, _)| what == *n))
            .count();
        // A few share a place.
        assert!(found > 2500, "{found}");
        for n in 0..3000 {
            let mut changed = frame(n).into_bytes();
            changed[12] ^= 1;
            assert_eq!(lately.find(Cursor::default(), &changed), None);
        }
    }

    #[test]
    fn a_short_frame_is_part_of_a_run_and_has_no_place() {
        let mut lately = Lately::default();
        let mut at = lately.keep(b"first frame", b"\n", 1);
        lately.keep(b"short", b"\n", 2);
        assert_eq!(lately.find(Cursor::default(), b"short"), None);
        assert_eq!(lately.find(at, b"short").map(|(what, _)| what), Some(2), "but for the one that expects it");
        let run = lately.run(&mut at, b"short\nmore");
        assert_eq!(all(&lately, run), [(2, 6, 1)]);
    }

    #[test]
    fn what_was_forgotten_is_in_no_run() {
        let mut lately = Lately::default();
        let long = |n: usize| format!("{:x<1000}{n:09}", "BROADCAST|ana|");
        let first = lately.keep(long(0).as_bytes(), b"\n", 0);
        for n in 1..2 * PIECE * PIECES / 1010 {
            lately.keep(long(n).as_bytes(), b"\n", n);
        }
        let mut at = first;
        let run = lately.run(&mut at, format!("{}\n", long(1)).as_bytes());
        assert_eq!(all(&lately, run), []);
        assert_eq!(lately.find(Cursor::default(), long(0).as_bytes()), None);
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
            let mut at = lately.keep(b"BROADCAST|bob|before", terminator, usize::MAX);
            let mut stream = Vec::new();
            for n in &kept {
                lately.keep(frame(*n).as_bytes(), terminator, *n);
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
            let run = lately.run(&mut at, &stream);
            prop_assert_eq!(all(&lately, run), naive);
        }
    }
}
