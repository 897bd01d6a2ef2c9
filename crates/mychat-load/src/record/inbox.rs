//! The messages that one user received from each sender. An inbox tells out-of-order, duplicate and missing messages apart, whatever the order
//! of arrival, and takes two numbers per sender as long as nothing is missing.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::message_sum::MessageSum;
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, UserId};
use mychat_scenario::model::Verify;

/// The relation of a message to those that arrived before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The first copy, in order.
    InOrder,
    /// The first copy, after a message that was sent later.
    OutOfOrder,
    /// A further copy.
    Duplicate,
}

/// Everything that one user received in one session.
#[derive(Debug)]
pub struct UserInbox {
    received: Received,
    /// The addressee of the first room: those from here on are rooms.
    first_room: Addressee,
    /// Messages with a destroyed stamp; absent while there are none.
    corrupt: Option<Box<CorruptCounts>>,
}

/// Number of messages whose stamp was destroyed.
#[derive(Debug, Default)]
struct CorruptCounts {
    /// By sender, and whether they were broadcasts.
    by_sender: FxHashMap<(UserId, bool), u32>,
    /// Those of which not even the sender is known.
    unattributed: u32,
}

#[derive(Debug)]
enum Received {
    /// Message by message (`verify: full`).
    BySender(FxHashMap<UserId, SenderStream>),
    /// All together.
    Sum(MessageSum),
}

impl Default for Received {
    fn default() -> Self {
        Self::BySender(FxHashMap::default())
    }
}

/// The messages that arrived from one sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SenderStream {
    /// One more than the highest sequence number received.
    next_sequence: u32,
    /// Indices of its broadcasts.
    pub broadcasts: IndexSet,
    /// Indices of its private messages.
    pub privates: IndexSet,
    /// Indices of its messages by room and stay of the recipient; absent without any.
    says: Option<Box<FxHashMap<(Addressee, usize), IndexSet>>>,
}

/// A set of message indices, stored as the range it spans and the holes in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSet {
    first: u32,
    next: u32,
    #[expect(clippy::box_collection, reason = "nearly always absent, and there is one for each pair of users")]
    holes: Option<Box<BTreeSet<u32>>>,
}

impl Default for UserInbox {
    fn default() -> Self {
        Self::new(Verify::Full)
    }
}

impl UserInbox {
    /// Returns an empty inbox with the precision of `verify`.
    pub fn new(verify: Verify) -> Self {
        let received = match verify {
            Verify::Full => Received::default(),
            Verify::Counts | Verify::None => Received::Sum(MessageSum::default()),
        };
        Self { received, first_room: Addressee::NOBODY, corrupt: None }
    }

    /// Returns the same inbox for a run in which addressees from `first_room` on are rooms.
    #[must_use]
    pub fn with_rooms(self, first_room: Addressee) -> Self {
        Self { first_room, ..self }
    }

    /// Returns the sum of all messages; zero if they are kept by sender.
    pub fn sum(&self) -> MessageSum {
        match &self.received {
            Received::Sum(sum) => *sum,
            Received::BySender(_) => MessageSum::default(),
        }
    }

    /// Records a message with an intact stamp. A sum cannot tell duplicates: it returns [`Arrival::InOrder`] for each.
    pub fn note(&mut self, stamp: &Stamp) -> Arrival {
        self.note_in_stay(stamp, 0)
    }

    /// Records a message as [`Self::note`] does. One in a room belongs to the stay with this index in the session.
    pub fn note_in_stay(&mut self, stamp: &Stamp, stay: usize) -> Arrival {
        let streams = match &mut self.received {
            Received::BySender(streams) => streams,
            Received::Sum(sum) => {
                sum.add(stamp.sender, stamp.sequence);
                return Arrival::InOrder;
            }
        };
        let stream = streams.entry(stamp.sender).or_default();
        let indices = match stamp.to {
            Addressee::EVERYBODY => &mut stream.broadcasts,
            to if to < self.first_room => &mut stream.privates,
            room => {
                if stream.has_in_room(room, stamp.index) {
                    return Arrival::Duplicate;
                }
                stream.says.get_or_insert_default().entry((room, stay)).or_default()
            }
        };
        if !indices.insert(stamp.index) {
            return Arrival::Duplicate;
        }
        // Broadcasts and private messages of one sender share their sequence numbers: order holds across both (rule M5).
        if stamp.sequence < stream.next_sequence {
            return Arrival::OutOfOrder;
        }
        stream.next_sequence = stamp.sequence + 1;
        Arrival::InOrder
    }

    /// Records a message with a destroyed stamp. `source` is its sender and whether it was a broadcast, if that is known.
    pub fn note_corrupt(&mut self, source: Option<(UserId, bool)>) {
        let corrupt = self.corrupt.get_or_insert_default();
        match source {
            Some(known) => *corrupt.by_sender.entry(known).or_default() += 1,
            None => corrupt.unattributed += 1,
        }
    }

    /// Returns the number of corrupt broadcasts, or of corrupt private messages, from `sender`.
    pub fn corrupt_from(&self, sender: UserId, broadcast: bool) -> u32 {
        self.corrupt.as_ref().and_then(|corrupt| corrupt.by_sender.get(&(sender, broadcast)).copied()).unwrap_or(0)
    }

    /// Returns the number of corrupt messages of unknown senders.
    pub fn corrupt_unattributed(&self) -> u32 {
        self.corrupt.as_ref().map_or(0, |corrupt| corrupt.unattributed)
    }

    /// Returns the number of all corrupt messages.
    pub fn corrupt_total(&self) -> u64 {
        let attributed = self.corrupt.iter().flat_map(|corrupt| corrupt.by_sender.values());
        attributed.map(|count| u64::from(*count)).sum::<u64>() + u64::from(self.corrupt_unattributed())
    }

    /// Returns true if the message of `sender` to these recipients with this index arrived; always false if only a sum is kept.
    pub fn has(&self, sender: UserId, to: Addressee, index: u32) -> bool {
        self.from(sender).is_some_and(|stream| match to {
            Addressee::EVERYBODY => stream.broadcasts.has(index),
            to if to < self.first_room => stream.privates.has(index),
            room => stream.has_in_room(room, index),
        })
    }

    /// Returns the highest sequence number received from each sender; nothing if only a sum is kept.
    pub fn newest(&self) -> impl Iterator<Item = (UserId, u32)> {
        let streams = match &self.received {
            Received::BySender(streams) => Some(streams),
            Received::Sum(_) => None,
        };
        let newest = |(sender, stream): (&UserId, &SenderStream)| Some((*sender, stream.next_sequence.checked_sub(1)?));
        streams.into_iter().flatten().filter_map(newest)
    }

    /// Returns what arrived from `sender`, if it is kept by sender.
    pub fn from(&self, sender: UserId) -> Option<&SenderStream> {
        match &self.received {
            Received::BySender(streams) => streams.get(&sender),
            Received::Sum(_) => None,
        }
    }
}

impl SenderStream {
    /// Returns the indices of its messages that arrived in a stay in `room`, if there is any. `stay` is the index of the stay
    /// in the session.
    pub fn in_stay(&self, room: Addressee, stay: usize) -> Option<&IndexSet> {
        self.says.as_ref()?.get(&(room, stay))
    }

    /// Returns the indices of its messages in `room`, for each stay.
    pub fn in_room(&self, room: Addressee) -> impl Iterator<Item = &IndexSet> {
        let says = self.says.iter().flat_map(|says| says.iter());
        says.filter(move |((of, _), _)| *of == room).map(|(_, indices)| indices)
    }

    fn has_in_room(&self, room: Addressee, index: u32) -> bool {
        self.in_room(room).any(|indices| indices.has(index))
    }

    /// Returns one more than the highest sequence number received.
    pub fn next_sequence(&self) -> u32 {
        self.next_sequence
    }
}

impl IndexSet {
    /// Adds an index. Returns false if it was there.
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

    /// Returns the highest index below `limit`.
    pub fn last_before(&self, limit: u32) -> Option<u32> {
        (self.first..self.next.min(limit)).rev().find(|index| !self.is_hole(*index))
    }

    fn has(&self, index: u32) -> bool {
        (self.first..self.next).contains(&index) && !self.is_hole(index)
    }

    fn is_hole(&self, index: u32) -> bool {
        self.holes.as_ref().is_some_and(|holes| holes.contains(&index))
    }

    /// Returns the number of indices.
    pub fn len(&self) -> u32 {
        self.next - self.first - self.holes.as_ref().map_or(0, |holes| holes.len() as u32)
    }

    /// Returns true if the set has no index.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many of `from..to` are not in the set.
    pub fn missing(&self, from: u32, to: u32) -> u32 {
        if from >= to {
            return 0;
        }
        let (first, next) = (self.first.clamp(from, to), self.next.clamp(from, to));
        let holes = self.holes.as_ref().map_or(0, |holes| holes.range(first..next.max(first)).count() as u32);
        (to - from) - (next.max(first) - first) + holes
    }

    /// Returns the indices of `from..to` that are not in the set, in order.
    pub fn gaps(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        (from..to).filter(|index| !self.has(*index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::LoadTime;

    fn stamp(sequence: u32, index: u32, to: Addressee) -> Stamp {
        Stamp { run: 0, sender: UserId(1), session: 0, sequence, index, intended: LoadTime::ZERO, to }
    }

    #[test]
    fn two_swapped_messages_are_one_out_of_order() {
        let mut inbox = UserInbox::default();
        let arrivals = [0, 2, 1, 3].map(|n| inbox.note(&stamp(n, n, Addressee::EVERYBODY)));
        assert_eq!(arrivals, [Arrival::InOrder, Arrival::InOrder, Arrival::OutOfOrder, Arrival::InOrder]);
    }

    #[test]
    fn order_holds_across_private_and_public() {
        let mut inbox = UserInbox::default();
        assert_eq!(inbox.note(&stamp(1, 0, UserId(7).into())), Arrival::InOrder);
        assert_eq!(inbox.note(&stamp(0, 0, Addressee::EVERYBODY)), Arrival::OutOfOrder);
    }

    proptest! {
        #[test]
        fn an_index_set_is_a_set(indices in prop::collection::vec(0u32..60, 0..80), from in 0u32..60, to in 0u32..60) {
            let mut set = IndexSet::default();
            let mut model = BTreeSet::new();
            for index in indices {
                prop_assert_eq!(set.insert(index), model.insert(index));
            }
            prop_assert_eq!(set.len() as usize, model.len());
            let missing: Vec<u32> = (from..to).filter(|index| !model.contains(index)).collect();
            prop_assert_eq!(set.missing(from, to) as usize, missing.len());
            prop_assert_eq!(set.last_before(to), model.range(..to).next_back().copied());
            prop_assert_eq!(set.gaps(from, to).collect::<Vec<_>>(), missing);
        }
    }
}
