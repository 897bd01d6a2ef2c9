//! Messages that arrived at a user after later ones of the common order. Such an arrival breaks no rule by itself: two
//! recipients must have seen the same two messages, in different order. That is decided after the run, by
//! [`crate::reconcile::Disorder`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::common_order::Ordinal;
use super::recorder::Place;
use crate::plan::stamp::Stamp;
use crate::plan::{Addressee, UserId};

/// Late arrivals that one worker keeps, about 20 MiB. A server of which there are more is counted in part.
const LATE_ARRIVALS: usize = 1 << 19;

/// Identifies a message of the common order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderedMessage {
    /// The sender.
    pub sender: UserId,
    /// Position among all messages of the sender, from 0.
    pub sequence: u32,
    /// The recipients.
    pub to: Addressee,
    /// Position among the sender's messages to these recipients, from 0.
    pub index: u32,
}

/// The message with the highest ordinal that a user has received.
pub type NewestMessage = (Ordinal, OrderedMessage);

/// The arrival of a message at a user that had received a later one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateArrival {
    /// The user.
    pub recipient: UserId,
    /// The message with the highest ordinal that the user had received before.
    pub after: OrderedMessage,
    /// Its cell in the recorder.
    pub place: Place,
    /// True if it also came after a later message of its own sender, and counts as reordered.
    pub is_reordered: bool,
}

/// The late arrivals at the users of one worker, or of all workers.
#[derive(Debug, Default)]
pub struct OrderLog {
    /// By the message that was late.
    late: FxHashMap<OrderedMessage, Vec<LateArrival>>,
    /// Number of late arrivals kept.
    kept: usize,
    /// Users of which not all late arrivals are known.
    incomplete: FxHashSet<UserId>,
}

impl From<&Stamp> for OrderedMessage {
    fn from(stamp: &Stamp) -> Self {
        Self { sender: stamp.sender, sequence: stamp.sequence, to: stamp.to, index: stamp.index }
    }
}

impl OrderLog {
    /// Compares the first arrival of a message at a user with `newest`, the newest message that it had received before. A later message becomes the newest one, and an earlier one is a late arrival.
    #[inline]
    pub fn observe(
        &mut self,
        newest: &mut Option<NewestMessage>,
        (ordinal, message): NewestMessage,
        arrival: impl FnOnce(OrderedMessage) -> LateArrival,
    ) {
        match *newest {
            Some((highest, after)) if highest > ordinal => self.add(message, arrival(after)),
            _ => *newest = Some((ordinal, message)),
        }
    }

    /// Adds a late arrival of `message`. Above the limit only its recipient is noted.
    fn add(&mut self, message: OrderedMessage, arrival: LateArrival) {
        if self.kept == LATE_ARRIVALS {
            self.mark_incomplete(arrival.recipient);
            return;
        }
        self.kept += 1;
        self.late.entry(message).or_default().push(arrival);
    }

    /// Notes that a user received something at an unknown place of the order.
    pub fn mark_incomplete(&mut self, user: UserId) {
        self.incomplete.insert(user);
    }

    /// Adds the log of another worker.
    pub fn merge(&mut self, other: Self) {
        for (message, arrivals) in other.late {
            self.late.entry(message).or_default().extend(arrivals);
        }
        self.kept += other.kept;
        self.incomplete.extend(other.incomplete);
    }

    /// Returns the late messages with their arrivals, sorted.
    pub(crate) fn late(&self) -> Vec<(OrderedMessage, &[LateArrival])> {
        let mut late: Vec<_> = self.late.iter().map(|(message, arrivals)| (*message, arrivals.as_slice())).collect();
        late.sort_unstable_by_key(|(message, _)| *message);
        late
    }

    /// Returns true if all late arrivals at `user` are known.
    pub(crate) fn is_complete(&self, user: UserId) -> bool {
        !self.incomplete.contains(&user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{GroupId, StageId};

    #[test]
    fn above_the_limit_the_users_are_noted() {
        let mut log = OrderLog::default();
        let place = Place { stage: StageId(0), group: GroupId(0), action: 0 };
        let broadcast = OrderedMessage { sender: UserId(0), sequence: 0, to: Addressee::EVERYBODY, index: 0 };
        for number in 0..LATE_ARRIVALS as u32 + 2 {
            let arrival = LateArrival { recipient: UserId(number), after: broadcast, place, is_reordered: false };
            log.add(broadcast, arrival);
        }
        assert_eq!(log.late()[0].1.len(), LATE_ARRIVALS);
        let is_complete = |number: usize| log.is_complete(UserId(number as u32));
        assert!(is_complete(LATE_ARRIVALS - 1) && !is_complete(LATE_ARRIVALS) && !is_complete(LATE_ARRIVALS + 1));
    }
}
