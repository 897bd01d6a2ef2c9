//! A server that loses, doubles and swaps deliveries and cuts its writes anywhere. The expected counts are computed from the
//! bytes that each user received.

use std::collections::{BTreeSet, HashMap};

use mychat_load::plan::stamp::Stamp;
use mychat_load::record::recorder::Count;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::net::Endpoint;
use super::run::{Outcome, run};
use super::server::Behaviour;

/// Random faults of deliveries.
#[derive(Debug)]
pub(crate) struct Chaos {
    random: ChaCha8Rng,
    /// Of this many deliveries, one is lost, one comes twice and one changes places with the next.
    one_in: u32,
    /// By user: a delivery that waits for the next one to overtake it.
    held: HashMap<Endpoint, Vec<u8>>,
    /// By user: bytes not yet written.
    unwritten: HashMap<Endpoint, Vec<u8>>,
    /// By user: all bytes written.
    written: HashMap<Endpoint, Vec<u8>>,
}

impl Chaos {
    pub(crate) fn new(seed: u64, one_in: u32) -> Self {
        let (held, unwritten, written) = <(HashMap<_, _>, HashMap<_, _>, HashMap<_, _>)>::default();
        Self { random: ChaCha8Rng::seed_from_u64(seed), one_in, held, unwritten, written }
    }

    /// Takes a delivery to a user. Returns the bytes that are written now.
    pub(crate) fn pass(&mut self, end: Endpoint, frame: &[u8]) -> Vec<u8> {
        let bytes = self.unwritten.entry(end).or_default();
        match self.random.random_range(0..self.one_in) {
            0 => {}
            1 => bytes.extend_from_slice(&[frame, frame].concat()),
            2 if !self.held.contains_key(&end) => drop(self.held.insert(end, frame.to_vec())),
            _ => bytes.extend_from_slice(frame),
        }
        if bytes.ends_with(frame)
            && let Some(late) = self.held.remove(&end)
        {
            bytes.extend_from_slice(&late);
        }
        let now = match self.random.random_range(0..4) {
            0 => bytes.len(),
            1 => self.random.random_range(0..=bytes.len()),
            _ => 0,
        };
        let chunk: Vec<u8> = bytes.drain(..now).collect();
        self.written.entry(end).or_default().extend_from_slice(&chunk);
        chunk
    }

    pub(crate) fn written(self) -> Vec<Vec<u8>> {
        self.written.into_values().collect()
    }
}

/// Counts deliveries, duplicates and swaps in the bytes written to one user.
fn count_written(written: &[u8]) -> [u64; 3] {
    let (mut delivered, mut copies, mut late) = (0, 0, 0);
    let mut seen: HashMap<u32, BTreeSet<u32>> = HashMap::new();
    for frame in written.split_inclusive(|byte| *byte == b'\n').filter_map(|frame| frame.strip_suffix(b"\n")) {
        let content = frame.splitn(3, |byte| *byte == b'|').nth(2).expect("a message");
        let stamp = Stamp::read(content).expect("as it was sent");
        let seen = seen.entry(stamp.sender.0).or_default();
        if seen.contains(&stamp.sequence) {
            copies += 1;
            continue;
        }
        delivered += 1;
        late += u64::from(seen.last().is_some_and(|last| *last > stamp.sequence));
        seen.insert(stamp.sequence);
    }
    [delivered, copies, late]
}

fn assert_accounted(outcome: &Outcome) {
    let mut wanted = [0; 3];
    for written in &outcome.written {
        wanted.iter_mut().zip(count_written(written)).for_each(|(sum, one)| *sum += one);
    }
    let [delivered, copies, late] = wanted;
    let lost = outcome.reconciliation.owed - delivered;
    assert!(lost > 0 && copies > 0 && late > 0, "{lost} {wanted:?}");
    assert_eq!(outcome.count(Count::Delivered), delivered);
    let [counted @ .., disordered] = outcome.violations();
    assert_eq!(counted, [lost, copies, late, 0, 0, 0, 0, 0]);
    // A broadcast that changes places with one of another sender at one recipient.
    assert!(disordered > 0);
}

#[test]
fn every_random_fault_is_counted() {
    let lone = "users: { u: { count: 3, rate: 400/s, do: [ { broadcast: {} } ] }, others: { count: 9 } }";
    let mixed = "users: { u: { count: 8, rate: 300/s, do: [ { broadcast: {} }, { private: { to: u } } ] } }";
    for users in [lone, mixed] {
        for (seed, one_in) in (0..12).map(|seed| (seed, 4 + 60 * (seed as u32 % 4))) {
            let behaviour = Behaviour { chaos: Some((seed, one_in)), ..Behaviour::default() };
            let workers = 1 + seed as u32 % 2;
            let outcome = run(&format!("{users}\nload: [ {{ hold: 5s }} ]"), behaviour).workers(workers).go();
            assert_accounted(&outcome);
        }
    }
}
