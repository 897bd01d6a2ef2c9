//! A cache of recently received broadcasts, in the order in which their first copies arrived.
//!
//! Each broadcast arrives once per user. The first copy is parsed and checked; the others are compared with it byte by
//! byte, which proves the same. Most users receive broadcasts in the same order, so all frames of one read, terminators
//! included, are compared with the cache in a single step.
//!
//! A frame is *unique* if the caller of [`BroadcastCache::insert`] guarantees that no frame before it is the same message,
//! and that only copies of it follow. A user that has not passed a unique frame has not received it.

use std::collections::VecDeque;
use std::ops::Range;

/// Size of a segment in bytes.
const SEGMENT_BYTES: usize = 512 * 1024;

/// Number of segments that are kept. A user that falls further after has its copies parsed again; the run is reported as
/// invalid before that happens.
const SEGMENTS: usize = 8;

/// Number of slots of the index.
const INDEX_SLOTS: usize = 1 << 15;

/// Recent broadcasts, each with metadata `T` from its first copy.
#[derive(Debug)]
pub struct BroadcastCache<T> {
    segments: VecDeque<CacheSegment<T>>,
    /// Number of the oldest segment.
    oldest: u64,
    /// An evicted segment, kept for its allocations.
    spare: Option<CacheSegment<T>>,
    /// Position of a frame by the hash of its last bytes. Entries may be outdated.
    index: Vec<CachePosition>,
}

/// A position before a cached frame, or after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct CachePosition {
    segment: u64,
    frame: u32,
}

#[derive(Debug)]
struct CacheSegment<T> {
    bytes: Vec<u8>,
    frames: Vec<CachedFrame<T>>,
    /// All frames from this one on are unique.
    unique_from: u32,
}

/// A cached frame.
#[derive(Debug, Clone, Copy)]
pub struct CachedFrame<T> {
    /// Metadata from its first copy.
    pub meta: T,
    /// End of the frame in its segment, terminator included.
    end: u32,
    terminator: u8,
}

impl<T> CachedFrame<T> {
    /// Returns the length of the terminator in bytes.
    pub fn terminator(&self) -> usize {
        usize::from(self.terminator)
    }
}

/// Consecutive frames of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameRun {
    segment: u64,
    frames: Range<u32>,
}

impl FrameRun {
    /// Returns the position before the first frame.
    pub fn start(&self) -> CachePosition {
        CachePosition { segment: self.segment, frame: self.frames.start }
    }

    /// Returns the position after the last frame.
    pub fn end(&self) -> CachePosition {
        CachePosition { segment: self.segment, frame: self.frames.end }
    }

    /// Returns the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns true if there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Returns the run of the single frame at `index`.
    #[must_use]
    pub fn single(&self, index: usize) -> Self {
        let frame = self.frames.start + index as u32;
        Self { segment: self.segment, frames: frame..(frame + 1).min(self.frames.end) }
    }

    /// Appends `next` if it begins where this run ends. Returns true if it does.
    pub fn append(&mut self, next: &Self) -> bool {
        let adjoins = self.end() == next.start();
        if adjoins {
            self.frames.end = next.frames.end;
        }
        adjoins
    }
}

impl<T> Default for BroadcastCache<T> {
    fn default() -> Self {
        Self { segments: VecDeque::new(), oldest: 0, spare: None, index: vec![CachePosition::default(); INDEX_SLOTS] }
    }
}

impl<T> CacheSegment<T> {
    fn start(&self, frame: u32) -> usize {
        frame.checked_sub(1).map_or(0, |before| self.frames[before as usize].end as usize)
    }

    /// Returns the bytes of a frame without its terminator.
    fn text(&self, frame: u32) -> &[u8] {
        let kept = &self.frames[frame as usize];
        &self.bytes[self.start(frame)..kept.end as usize - kept.terminator()]
    }
}

impl<T: Copy> BroadcastCache<T> {
    /// Returns the longest run from `at` on whose frames, terminators included, `bytes` begins with.
    pub fn run(&self, at: CachePosition, bytes: &[u8]) -> FrameRun {
        let at = self.normalized(at);
        let none = FrameRun { segment: at.segment, frames: at.frame..at.frame };
        let Some(segment) = self.segment(at.segment) else { return none };
        let (start, frames) = (segment.start(at.frame), &segment.frames[at.frame as usize..]);
        let known = &segment.bytes[start..];
        let most = known.len().min(bytes.len());
        // Nearly always all of it is equal: one comparison instead of one per frame.
        let count = if known[..most] == bytes[..most] {
            frames.iter().take_while(|kept| kept.end as usize - start <= most).count()
        } else {
            let mut from = 0;
            let is_equal = |kept: &&CachedFrame<T>| {
                let span = from..kept.end as usize - start;
                from = span.end;
                bytes.get(span.clone()) == Some(&known[span])
            };
            frames.iter().take_while(is_equal).count()
        };
        FrameRun { segment: at.segment, frames: at.frame..at.frame + count as u32 }
    }

    /// Returns the same position; at the end of a segment, the start of the next one.
    fn normalized(&self, at: CachePosition) -> CachePosition {
        let next = CachePosition { segment: at.segment + 1, frame: 0 };
        let at_end = self.segment(at.segment).is_some_and(|segment| segment.frames.len() == at.frame as usize);
        if at_end && self.segment(next.segment).is_some() { next } else { at }
    }

    /// Returns the frames of a run; none if they were evicted.
    pub fn frames(&self, run: &FrameRun) -> &[CachedFrame<T>] {
        let span = run.frames.start as usize..run.frames.end as usize;
        self.segment(run.segment).and_then(|segment| segment.frames.get(span)).unwrap_or_default()
    }

    /// Returns the length of a run in bytes, terminators included.
    pub fn length(&self, run: &FrameRun) -> usize {
        let Some(segment) = self.segment(run.segment) else { return 0 };
        segment.start(run.frames.end) - segment.start(run.frames.start)
    }

    /// Returns true if all frames of a run are unique.
    pub fn is_unique(&self, run: &FrameRun) -> bool {
        self.segment(run.segment).is_some_and(|segment| run.frames.start >= segment.unique_from)
    }

    /// Returns the cached frame with these bytes. The position `expected` is tried before the index.
    pub fn find(&self, expected: CachePosition, frame: &[u8]) -> Option<FrameRun> {
        self.at(self.normalized(expected), frame).or_else(|| self.at(self.index[index_slot(frame)?], frame))
    }

    fn at(&self, at: CachePosition, frame: &[u8]) -> Option<FrameRun> {
        let segment = self.segment(at.segment)?;
        let is_cached = (at.frame as usize) < segment.frames.len();
        (is_cached && segment.text(at.frame) == frame)
            .then(|| FrameRun { segment: at.segment, frames: at.frame..at.frame + 1 })
    }

    /// Adds a frame with its metadata and returns the position after it. `terminator` is the one that the server uses.
    pub fn insert(&mut self, frame: &[u8], terminator: &[u8], meta: T, is_unique: bool) -> CachePosition {
        let length = frame.len() + terminator.len();
        if self.segments.back().is_none_or(|last| last.bytes.len() + length > SEGMENT_BYTES) {
            let empty = CacheSegment { bytes: Vec::new(), frames: Vec::new(), unique_from: 0 };
            self.segments.push_back(self.spare.take().unwrap_or(empty));
        }
        let segment = self.oldest + self.segments.len() as u64 - 1;
        let Some(last) = self.segments.back_mut() else { return CachePosition::default() };
        last.bytes.extend_from_slice(frame);
        last.bytes.extend_from_slice(terminator);
        let at = CachePosition { segment, frame: last.frames.len() as u32 };
        last.frames.push(CachedFrame { end: last.bytes.len() as u32, terminator: terminator.len() as u8, meta });
        let after = CachePosition { segment, frame: last.frames.len() as u32 };
        if !is_unique {
            last.unique_from = after.frame;
        }
        if let Some(slot) = index_slot(frame) {
            self.index[slot] = at;
        }
        after
    }

    /// Returns the position up to which frames should be evicted, if the cache is over its limit.
    pub fn eviction_point(&self) -> Option<CachePosition> {
        (self.segments.len() > SEGMENTS).then_some(CachePosition { segment: self.oldest + 1, frame: 0 })
    }

    /// Evicts the oldest segment.
    pub fn evict_oldest(&mut self) {
        if let Some(mut oldest) = self.segments.pop_front() {
            self.oldest += 1;
            oldest.bytes.clear();
            oldest.frames.clear();
            oldest.unique_from = 0;
            self.spare = Some(oldest);
        }
    }

    fn segment(&self, number: u64) -> Option<&CacheSegment<T>> {
        self.segments.get(usize::try_from(number.checked_sub(self.oldest)?).ok()?)
    }
}

/// Returns the index slot of a frame, a hash of its last bytes. These are checksum digits or random padding.
fn index_slot(frame: &[u8]) -> Option<usize> {
    let tail = u64::from_le_bytes(*frame.last_chunk()?);
    Some((tail.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - INDEX_SLOTS.ilog2())) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(n: usize) -> String {
        format!("BROADCAST|ana|{}{n:08}", "x".repeat(n % 50))
    }

    fn all(cache: &BroadcastCache<usize>, run: &FrameRun) -> Vec<(usize, usize, usize)> {
        let lengths = (0..run.len()).map(|index| cache.length(&run.single(index)));
        cache.frames(run).iter().zip(lengths).map(|(kept, length)| (kept.meta, length, kept.terminator())).collect()
    }

    fn found(cache: &BroadcastCache<usize>, frame: &str) -> Option<(usize, CachePosition)> {
        let run = cache.find(CachePosition::default(), frame.as_bytes())?;
        Some((cache.frames(&run)[0].meta, run.end()))
    }

    #[test]
    fn a_copy_is_found_and_a_changed_one_is_not() {
        let mut cache = BroadcastCache::default();
        for n in 0..3000 {
            assert!(found(&cache, &frame(n)).is_none());
            let after = cache.insert(frame(n).as_bytes(), b"\n", n, true);
            assert_eq!(found(&cache, &frame(n)), Some((n, after)));
        }
        let count = (0..3000).filter(|n| found(&cache, &frame(*n)).is_some_and(|(meta, _)| meta == *n)).count();
        // A few share a slot.
        assert!(count > 2500, "{count}");
        for n in 0..3000 {
            let mut changed = frame(n).into_bytes();
            changed[12] ^= 1;
            assert_eq!(cache.find(CachePosition::default(), &changed), None);
        }
    }

    #[test]
    fn a_short_frame_is_part_of_a_run_and_not_in_the_index() {
        let mut cache = BroadcastCache::default();
        let at = cache.insert(b"first frame", b"\n", 1, true);
        cache.insert(b"short", b"\n", 2, true);
        assert_eq!(cache.find(CachePosition::default(), b"short"), None);
        let run = cache.find(at, b"short").expect("found at the expected position");
        assert_eq!(all(&cache, &run), [(2, 6, 1)]);
        let run = cache.run(at, b"short\nmore");
        assert_eq!(all(&cache, &run), [(2, 6, 1)]);
    }

    #[test]
    fn an_evicted_frame_is_in_no_run() {
        let mut cache = BroadcastCache::default();
        let long = |n: usize| format!("{:x<1000}{n:09}", "BROADCAST|ana|");
        let first = cache.insert(long(0).as_bytes(), b"\n", 0, true);
        for n in 1..2 * SEGMENT_BYTES * SEGMENTS / 1010 {
            cache.insert(long(n).as_bytes(), b"\n", n, true);
            if let Some(up_to) = cache.eviction_point() {
                assert!(first < up_to);
                cache.evict_oldest();
                assert_eq!(cache.eviction_point(), None);
            }
        }
        let run = cache.run(first, format!("{}\n", long(1)).as_bytes());
        assert_eq!(all(&cache, &run), []);
        assert_eq!(cache.find(CachePosition::default(), long(0).as_bytes()), None);
    }

    #[test]
    fn a_run_is_unique_after_the_last_frame_that_is_not() {
        let mut cache = BroadcastCache::default();
        let places: Vec<CachePosition> =
            [true, false, true].map(|unique| cache.insert(b"frame", b"\n", 0, unique)).into();
        let all = cache.run(CachePosition::default(), b"frame\nframe\nframe\n");
        let mut last = cache.run(places[1], b"frame\n");
        assert!(!cache.is_unique(&all) && cache.is_unique(&last));
        assert_eq!((all.len(), cache.length(&all), all.end()), (3, 18, places[2]));
        assert!(!last.clone().append(&all));
        let after = cache.insert(b"frame", b"\n", 0, true);
        assert!(last.append(&cache.run(places[2], b"frame\n")));
        assert_eq!((last.start(), last.end()), (places[1], after));
    }

    proptest! {
        /// Holds for any cut of the stream into reads and any changed byte.
        #[test]
        fn a_run_is_what_a_naive_comparison_finds(
            kept in prop::collection::vec(0usize..6, 1..60),
            crlf in any::<bool>(),
            cut in 0usize..2000,
            changed in prop::option::of(0usize..2000),
        ) {
            let terminator: &[u8] = if crlf { b"\r\n" } else { b"\n" };
            let mut cache = BroadcastCache::default();
            let at = cache.insert(b"BROADCAST|bob|before", terminator, usize::MAX, true);
            let mut stream = Vec::new();
            for n in &kept {
                cache.insert(frame(*n).as_bytes(), terminator, *n, true);
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
            let run = cache.run(at, &stream);
            prop_assert_eq!(all(&cache, &run), naive);
        }
    }
}
