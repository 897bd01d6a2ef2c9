//! Frames that were read and checked a moment ago. A broadcast arrives a thousand times: the first copy is taken apart
//! digit by digit, and the others are compared with it byte for byte, which says the same and costs a tenth.

/// How many frames are kept: more than a user falls behind the others between two reads of its connection.
const KEPT: usize = 1024;

/// The last frames that were found to be whole, each with what it turned out to be.
#[derive(Debug)]
pub struct Lately<T> {
    kept: Vec<Kept<T>>,
    /// Where the frame was that was asked for last.
    last: usize,
}

#[derive(Debug, Clone)]
struct Kept<T> {
    frame: Box<[u8]>,
    what: Option<T>,
    /// Where the frame was that followed this one on some connection: on others it will follow too.
    next: usize,
}

impl<T: Clone> Default for Lately<T> {
    fn default() -> Self {
        Self { kept: vec![Kept { frame: Box::default(), what: None, next: 0 }; KEPT], last: 0 }
    }
}

impl<T: Copy> Lately<T> {
    /// What this frame is, if one of the same bytes is kept.
    pub fn find(&mut self, frame: &[u8]) -> Option<T> {
        let guess = self.kept[self.last].next;
        let place = if *self.kept[guess].frame == *frame { guess } else { place(frame)? };
        let kept = &self.kept[place];
        if *kept.frame != *frame {
            return None;
        }
        let what = kept.what;
        self.follow(place);
        what
    }

    /// Keeps a frame and what it is, in place of an older one.
    pub fn keep(&mut self, frame: &[u8], what: T) {
        let Some(place) = place(frame) else { return };
        let kept = &mut self.kept[place];
        (kept.frame, kept.what) = (frame.into(), Some(what));
        self.follow(place);
    }

    fn follow(&mut self, place: usize) {
        self.kept[self.last].next = place;
        self.last = place;
    }
}

/// Where a frame is kept: by its last bytes, which are sums or chosen at random.
fn place(frame: &[u8]) -> Option<usize> {
    let tail = u64::from_le_bytes(*frame.last_chunk()?);
    Some((tail.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - KEPT.ilog2())) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_found_and_a_changed_one_is_not() {
        let mut lately = Lately::default();
        let frames: Vec<String> = (0..300).map(|n| format!("BROADCAST|ana|number {n:08}")).collect();
        for (n, frame) in frames.iter().enumerate() {
            assert_eq!(lately.find(frame.as_bytes()), None);
            lately.keep(frame.as_bytes(), n);
            assert_eq!(lately.find(frame.as_bytes()), Some(n));
        }
        let mut found = 0;
        for (n, frame) in frames.iter().enumerate() {
            if let Some(what) = lately.find(frame.as_bytes()) {
                assert_eq!(what, n);
                found += 1;
            }
            let mut changed = frame.clone().into_bytes();
            changed[12] ^= 1;
            assert_eq!(lately.find(&changed), None);
        }
        // A few share a place.
        assert!(found > 200, "{found}");
    }

    #[test]
    fn a_frame_too_short_to_have_a_place_is_not_kept() {
        let mut lately = Lately::default();
        lately.keep(b"short", 1);
        assert_eq!(lately.find(b"short"), None);
        assert_eq!(lately.find(b""), None);
    }
}
