//! Applies a fault to deliveries, without sockets.

use std::collections::HashMap;

use super::LoadFault;

/// One delivery: to whom, and the whole frame.
pub(super) type Delivery = (String, Vec<u8>);

/// Counts of committed faults of one run, per kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MixedCounts {
    /// Deliveries left out, those included that wait for a next frame which has not come.
    pub lost: u64,
    /// Deliveries made twice.
    pub doubled: u64,
    /// Deliveries made after the next one.
    pub swapped: u64,
}

/// Decides for each delivery what is sent.
#[derive(Debug)]
pub(super) struct DeliveryFaults {
    fault: LoadFault,
    every: u64,
    seen: u64,
    committed: u64,
    mixed: MixedCounts,
    /// Deliveries to repeat later.
    again: Vec<Delivery>,
    /// Frames that wait for the next one of the same sender to the same recipient, to be sent after it.
    held: HashMap<(String, String), Vec<u8>>,
}

impl DeliveryFaults {
    pub(super) fn new(fault: LoadFault, every: u64) -> Self {
        Self {
            fault,
            every,
            seen: 0,
            committed: 0,
            mixed: MixedCounts::default(),
            again: Vec::new(),
            held: HashMap::new(),
        }
    }

    /// Returns the number of committed faults.
    pub(super) fn committed(&self) -> u64 {
        self.committed
    }

    /// Returns the number of committed faults per kind.
    pub(super) fn mixed(&self) -> MixedCounts {
        self.mixed
    }

    /// Returns the frames that are sent for one delivery. `others` are users other than the recipient and the sender.
    pub(super) fn deliver(&mut self, sender: &str, delivery: Delivery, others: &[String]) -> Vec<Delivery> {
        let (recipient, frame) = delivery;
        let pair = (sender.to_owned(), recipient.clone());
        if let Some(earlier) = self.held.remove(&pair) {
            self.committed += 1;
            self.mixed.swapped += 1;
            self.mixed.lost -= 1;
            return vec![(recipient.clone(), frame), (recipient, earlier)];
        }
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            return vec![(recipient, frame)];
        }
        match self.drawn() {
            LoadFault::Lose => {
                self.committed += 1;
                self.mixed.lost += 1;
                Vec::new()
            }
            LoadFault::Double => {
                self.committed += 1;
                self.mixed.doubled += 1;
                vec![(recipient.clone(), frame.clone()), (recipient, frame)]
            }
            LoadFault::Repeat => {
                self.committed += 1;
                self.again.push((recipient.clone(), frame.clone()));
                vec![(recipient, frame)]
            }
            LoadFault::Swap => {
                self.mixed.lost += 1;
                self.held.insert(pair, frame);
                Vec::new()
            }
            LoadFault::Misroute => match others.first() {
                Some(other) => {
                    self.committed += 1;
                    vec![(other.clone(), frame)]
                }
                None => vec![(recipient, frame)],
            },
            LoadFault::Change => {
                self.committed += 1;
                let mut frame = frame;
                if let Some(byte) = frame.iter_mut().rev().nth(1) {
                    *byte = if *byte == b'x' { b'y' } else { b'x' };
                }
                vec![(recipient, frame)]
            }
            _ => vec![(recipient, frame)],
        }
    }

    /// The fault of this delivery; where they are mixed, by a draw that depends on nothing but its number.
    fn drawn(&self) -> LoadFault {
        if self.fault != LoadFault::Mixed {
            return self.fault;
        }
        let mut bits = self.seen.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        // In 10,000: 10 are 1 in 1,000, 5 are 1 in 2,000, 2 are 1 in 5,000.
        match (bits ^ bits >> 31) % 10_000 {
            0..10 => LoadFault::Lose,
            10..15 => LoadFault::Double,
            15..17 => LoadFault::Swap,
            _ => LoadFault::None,
        }
    }

    /// Counts a private message to a present user. Returns true if it must be refused: every `every`-th one to the talkers.
    pub(super) fn deny(&mut self, recipient: &str) -> bool {
        if self.fault != LoadFault::Deny || !recipient.starts_with("talkers") {
            return false;
        }
        self.seen += 1;
        let denied = self.seen.is_multiple_of(self.every);
        self.committed += u64::from(denied);
        denied
    }

    /// Takes the deliveries to repeat later.
    pub(super) fn again(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.again)
    }

    /// Takes the frames held for a swap. They are sent unchanged and count as no fault.
    pub(super) fn release(&mut self) -> Vec<Delivery> {
        self.held.drain().map(|((_, recipient), frame)| (recipient, frame)).collect()
    }
}
