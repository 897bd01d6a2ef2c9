//! What one user received from each sender: enough to tell a message that came late, twice or never, whatever the order
//! of arrival, and small where all is well (two numbers a sender).

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::totals::Sum;
use crate::plan::stamp::{EVERYBODY, Stamp};
use mychat_scenario::model::Verify;

/// What a message turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The first copy, in order.
    Fresh,
    /// The first copy, after one that was sent later.
    Late,
    /// One more copy.
    Again,
}

/// Everything that one user received during one visit, by sender.
#[derive(Debug, Default)]
pub struct Inbox {
    account: Account,
    /// Messages changed so much that nobody can say which they were.
    damaged: Option<Box<Damaged>>,
}

/// Messages of which nobody can say which they were.
#[derive(Debug, Default)]
struct Damaged {
    /// By sender, and whether they went to everybody.
    of: FxHashMap<(u32, bool), u32>,
    /// Of anybody.
    unknown: u32,
}

#[derive(Debug)]
enum Account {
    /// Each sender apart.
    Streams(FxHashMap<u32, Stream>),
    /// All together.
    Sum(Sum),
}

impl Default for Account {
    fn default() -> Self {
        Self::Streams(FxHashMap::default())
    }
}

/// What came from one sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// One more than the highest sequence number seen.
    next_sequence: u32,
    /// Broadcasts.
    pub all: Track,
    /// Private messages.
    pub own: Track,
}

/// A set of indices, as the range that it spans without the holes in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    first: u32,
    next: u32,
    #[expect(clippy::box_collection, reason = "nearly always absent, and there is one for each pair of users")]
    holes: Option<Box<BTreeSet<u32>>>,
}

impl Inbox {
    /// An empty one, as exact as that.
    pub fn new(verify: Verify) -> Self {
        let account = match verify {
            Verify::Full => Account::default(),
            Verify::Counts | Verify::None => Account::Sum(Sum::default()),
        };
        Self { account, damaged: None }
    }

    /// How much came, where that is all that is known.
    pub fn sum(&self) -> Sum {
        match &self.account {
            Account::Sum(sum) => *sum,
            Account::Streams(_) => Sum::default(),
        }
    }

    /// Takes note of a message whose stamp is whole.
    pub fn note(&mut self, stamp: &Stamp) -> Arrival {
        let streams = match &mut self.account {
            Account::Streams(streams) => streams,
            Account::Sum(sum) => {
                sum.add(stamp.sender, stamp.sequence);
                return Arrival::Fresh;
            }
        };
        let stream = streams.entry(stamp.sender).or_default();
        let track = if stamp.to == EVERYBODY { &mut stream.all } else { &mut stream.own };
        if !track.insert(stamp.index) {
            return Arrival::Again;
        }
        // Private and public messages of one sender share their sequence numbers: order holds across both (rule M5).
        if stamp.sequence < stream.next_sequence {
            return Arrival::Late;
        }
        stream.next_sequence = stamp.sequence + 1;
        Arrival::Fresh
    }

    /// Takes note of a message that came with its stamp destroyed: of this sender, and to everybody or not, if that is known.
    pub fn note_damaged(&mut self, of: Option<(u32, bool)>) {
        let damaged = self.damaged.get_or_insert_default();
        match of {
            Some(known) => *damaged.of.entry(known).or_default() += 1,
            None => damaged.unknown += 1,
        }
    }

    /// How many such messages of a sender came.
    pub fn damaged(&self, sender: u32, public: bool) -> u32 {
        self.damaged.as_ref().and_then(|damaged| damaged.of.get(&(sender, public)).copied()).unwrap_or(0)
    }

    /// How many came of which not even the sender is known.
    pub fn unknown(&self) -> u32 {
        self.damaged.as_ref().map_or(0, |damaged| damaged.unknown)
    }

    /// How many such messages came in all.
    pub fn all_damaged(&self) -> u64 {
        let of_known = self.damaged.iter().flat_map(|damaged| damaged.of.values());
        of_known.map(|count| u64::from(*count)).sum::<u64>() + u64::from(self.unknown())
    }

    /// Whether a message came, where each is known.
    pub fn has(&self, stamp: &Stamp) -> bool {
        self.from(stamp.sender).is_some_and(|stream| {
            let track = if stamp.to == EVERYBODY { &stream.all } else { &stream.own };
            track.has(stamp.index)
        })
    }

    /// What came from a sender.
    pub fn from(&self, sender: u32) -> Option<&Stream> {
        match &self.account {
            Account::Streams(streams) => streams.get(&sender),
            Account::Sum(_) => None,
        }
    }
}

impl Stream {
    /// One more than the highest sequence number seen.
    pub fn next_sequence(&self) -> u32 {
        self.next_sequence
    }
}

impl Track {
    /// Adds an index; `false` if it was there.
    fn insert(&mut self, index: u32) -> bool {
        if self.first == self.next {
            (self.first, self.next) = (index, index + 1);
        } else if index == self.next {
            self.next += 1;
        } else if index > self.next {
            self.holes.get_or_insert_default().extend(self.next..index);
            self.next = index + 1;
        } else if index < self.first {
            self.holes.get_or_insert_default().extend(index + 1..self.first);
            self.first = index;
        } else {
            return self.holes.as_mut().is_some_and(|holes| holes.remove(&index));
        }
        true
    }

    /// The highest index in the set below `limit`.
    pub fn last_before(&self, limit: u32) -> Option<u32> {
        (self.first..self.next.min(limit)).rev().find(|index| !self.is_hole(*index))
    }

    fn has(&self, index: u32) -> bool {
        (self.first..self.next).contains(&index) && !self.is_hole(index)
    }

    fn is_hole(&self, index: u32) -> bool {
        self.holes.as_ref().is_some_and(|holes| holes.contains(&index))
    }

    /// How many indices are in the set.
    pub fn len(&self) -> u32 {
        self.next - self.first - self.holes.as_ref().map_or(0, |holes| holes.len() as u32)
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many indices from `from` up to, not including, `to` are not in the set.
    pub fn missing(&self, from: u32, to: u32) -> u32 {
        if from >= to {
            return 0;
        }
        let (first, next) = (self.first.clamp(from, to), self.next.clamp(from, to));
        let holes = self.holes.as_ref().map_or(0, |holes| holes.range(first..next.max(first)).count() as u32);
        (to - from) - (next.max(first) - first) + holes
    }

    /// Those indices, in order.
    pub fn gaps(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        (from..to).filter(|index| !self.has(*index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(sequence: u32, index: u32, to: u32) -> Stamp {
        Stamp { run: 0, sender: 1, visit: 0, sequence, index, intended: 0, to }
    }

    #[test]
    fn a_swap_is_one_late_message() {
        let mut inbox = Inbox::default();
        let arrivals = [0, 2, 1, 3].map(|n| inbox.note(&stamp(n, n, EVERYBODY)));
        assert_eq!(arrivals, [Arrival::Fresh, Arrival::Fresh, Arrival::Late, Arrival::Fresh]);
    }

    #[test]
    fn order_holds_across_private_and_public() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.note(&stamp(1, 0, 7)), Arrival::Fresh);
        assert_eq!(inbox.note(&stamp(0, 0, EVERYBODY)), Arrival::Late);
    }

    proptest! {
        #[test]
        fn a_track_is_a_set(indices in prop::collection::vec(0u32..60, 0..80), from in 0u32..60, to in 0u32..60) {
            let mut track = Track::default();
            let mut model = BTreeSet::new();
            for index in indices {
                prop_assert_eq!(track.insert(index), model.insert(index));
            }
            prop_assert_eq!(track.len() as usize, model.len());
            let missing: Vec<u32> = (from..to).filter(|index| !model.contains(index)).collect();
            prop_assert_eq!(track.missing(from, to) as usize, missing.len());
            prop_assert_eq!(track.last_before(to), model.range(..to).next_back().copied());
            prop_assert_eq!(track.gaps(from, to).collect::<Vec<_>>(), missing);
        }
    }
}
