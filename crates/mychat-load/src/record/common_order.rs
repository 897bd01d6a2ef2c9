//! The common order of broadcasts: the order in which their first copies arrived at any user of this machine.
//!
//! The order itself says nothing about the server. It gives each message a number, so that the orders of two recipients
//! can be compared without keeping either of them.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use crate::plan::UserId;

/// Position of a message in the common order, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(NonZeroU32);

/// The positions of all broadcasts that have arrived: 4 bytes for each message of their senders.
///
/// A worker asks once for each message that is new to it. The lock is held for a few instructions, and not once per
/// delivery.
#[derive(Debug, Default)]
pub struct CommonOrder(Mutex<Positions>);

#[derive(Debug, Default)]
struct Positions {
    /// The ordinal that was given last.
    last: u32,
    /// By sender, then by sequence number.
    ordinals: Vec<Vec<Option<Ordinal>>>,
}

impl CommonOrder {
    /// Returns the ordinal of a message, which is the next one if it has none yet. `None` after 2^32 messages.
    ///
    /// `sequence` must be that of a message that was sent: it determines the memory that is used.
    pub fn ordinal(&self, sender: UserId, sequence: u32) -> Option<Ordinal> {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Positions { last, ordinals } = &mut *positions;
        let (sender, sequence) = (sender.index(), sequence as usize);
        if ordinals.len() <= sender {
            ordinals.resize_with(sender + 1, Vec::new);
        }
        let of_sender = &mut ordinals[sender];
        if of_sender.len() <= sequence {
            of_sender.resize(sequence + 1, None);
        }
        if of_sender[sequence].is_none() {
            *last = last.saturating_add(1);
            of_sender[sequence] = (*last < u32::MAX).then(|| NonZeroU32::new(*last).map(Ordinal)).flatten();
        }
        of_sender[sequence]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_arrival_decides() {
        let order = CommonOrder::default();
        let ordinals =
            [(1, 0), (0, 0), (1, 0), (0, 1), (0, 0)].map(|(user, sequence)| order.ordinal(UserId(user), sequence));
        assert_eq!(ordinals.map(|ordinal| ordinal.map_or(0, |ordinal| ordinal.0.get())), [1, 2, 1, 3, 2]);
    }
}
