//! A count and an order-independent checksum of messages.

use crate::plan::UserId;

/// Number of messages, and the wrapping sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageSum {
    /// Number of messages.
    pub count: u64,
    /// Wrapping sum of the hashes of all messages.
    pub checksum: u64,
}

impl MessageSum {
    /// Adds the message with this sequence number of `sender`.
    pub fn add(&mut self, sender: UserId, sequence: u32) {
        self.count += 1;
        self.checksum = self.checksum.wrapping_add(hash(sender, sequence));
    }

    /// Returns the sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, checksum: self.checksum.wrapping_add(other.checksum) }
    }

    /// Returns this sum without `other`, which must be a part of it.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { count: self.count - other.count, checksum: self.checksum.wrapping_sub(other.checksum) }
    }
}

/// The finalizer of `SplitMix64`: sums of few different messages are equal only by accident.
const fn hash(sender: UserId, sequence: u32) -> u64 {
    let mut word = ((sender.0 as u64) << 32 | sequence as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}
