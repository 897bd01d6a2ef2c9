//! How a liar's deliveries go wrong: everything that a fault decides, without sockets.

use std::collections::HashMap;

use super::LoadFault;

/// One delivery: to whom, and the whole frame.
pub(super) type Delivery = (String, Vec<u8>);

/// Decides what becomes of each delivery.
#[derive(Debug)]
pub(super) struct Courier {
    fault: LoadFault,
    every: u64,
    seen: u64,
    done: u64,
    /// Frames that wait for the next one of the same sender to the same recipient, to be sent after it.
    held: HashMap<(String, String), Vec<u8>>,
}

impl Courier {
    pub(super) fn new(fault: LoadFault, every: u64) -> Self {
        Self { fault, every, seen: 0, done: 0, held: HashMap::new() }
    }

    /// How often something was done wrong.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// What is really sent for one delivery. `others` are users other than the recipient and the sender.
    pub(super) fn deliver(&mut self, sender: &str, delivery: Delivery, others: &[String]) -> Vec<Delivery> {
        let (recipient, frame) = delivery;
        let pair = (sender.to_owned(), recipient.clone());
        if let Some(earlier) = self.held.remove(&pair) {
            self.done += 1;
            return vec![(recipient.clone(), frame), (recipient, earlier)];
        }
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            return vec![(recipient, frame)];
        }
        match self.fault {
            LoadFault::None => vec![(recipient, frame)],
            LoadFault::Lose => {
                self.done += 1;
                Vec::new()
            }
            LoadFault::Double => {
                self.done += 1;
                vec![(recipient.clone(), frame.clone()), (recipient, frame)]
            }
            LoadFault::Swap => {
                self.held.insert(pair, frame);
                Vec::new()
            }
            LoadFault::Misroute => match others.first() {
                Some(other) => {
                    self.done += 1;
                    vec![(other.clone(), frame)]
                }
                None => vec![(recipient, frame)],
            },
            LoadFault::Change => {
                self.done += 1;
                let mut frame = frame;
                if let Some(byte) = frame.iter_mut().rev().nth(1) {
                    *byte = if *byte == b'x' { b'y' } else { b'x' };
                }
                vec![(recipient, frame)]
            }
        }
    }

    /// What waits for a frame that will not come: sent as it is, and nothing done wrong.
    pub(super) fn release(&mut self) -> Vec<Delivery> {
        self.held.drain().map(|((_, recipient), frame)| (recipient, frame)).collect()
    }
}
