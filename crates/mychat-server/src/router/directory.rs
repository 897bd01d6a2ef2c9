//! Names and who holds them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use slab::Slab;

/// One connection, on one worker. The generation tells it from an earlier one that had the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionAddress {
    /// The worker that owns it.
    pub worker: u16,
    /// Its place there.
    pub index: u32,
    /// Which of the connections that had this place.
    pub generation: u32,
}

/// A name that was given out.
#[derive(Debug, Clone)]
pub struct NameRegistration {
    /// The name, shared with the directory.
    pub name: Arc<str>,
    slot: u32,
}

/// Why a name was not given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Somebody has it (rule U2).
    #[error("name in use")]
    Taken,
    /// As many users as are allowed (rule U3).
    #[error("server full")]
    Full,
}

/// Who has which name. The table holds places alone, a name is kept once: an idle user shall cost little. Lists are in
/// the order of the places, which are reused: a user keeps its place in the list.
#[derive(Debug)]
pub struct Directory {
    slots: HashTable<u32>,
    hasher: RandomState,
    entries: Slab<(Arc<str>, SessionAddress)>,
    max_users: usize,
}

impl Directory {
    /// An empty one for so many users.
    pub fn new(max_users: usize) -> Self {
        Self { slots: HashTable::new(), hasher: RandomState::new(), entries: Slab::new(), max_users }
    }

    /// Changes how many users there may be. Those that are too many already stay.
    pub const fn set_max_users(&mut self, max_users: usize) {
        self.max_users = max_users;
    }

    /// Gives a name out. Names compare byte for byte (rule U2).
    pub fn claim(&mut self, name: &str, who: SessionAddress) -> Result<NameRegistration, ClaimError> {
        if self.locate(name).is_some() {
            return Err(ClaimError::Taken);
        }
        if self.entries.len() >= self.max_users {
            return Err(ClaimError::Full);
        }
        let name: Arc<str> = name.into();
        let slot = self.entries.insert((Arc::clone(&name), who)) as u32;
        let (hasher, entries) = (&self.hasher, &self.entries);
        self.slots.insert_unique(hasher.hash_one(&*name), slot, |&slot| hasher.hash_one(&*entries[slot as usize].0));
        Ok(NameRegistration { name, slot })
    }

    /// Takes a name back, unless it belongs to another connection by now (rule U6). Returns whether it did.
    pub fn release(&mut self, seat: &NameRegistration, who: SessionAddress) -> bool {
        let held = self.entries.get(seat.slot as usize).is_some_and(|(_, holder)| *holder == who);
        if held {
            if let Ok(found) = self.slots.find_entry(self.hasher.hash_one(&*seat.name), |&slot| slot == seat.slot) {
                found.remove();
            }
            self.entries.remove(seat.slot as usize);
        }
        held
    }

    /// The holder of a name is elsewhere from now on.
    pub fn relocate(&mut self, seat: &NameRegistration, from: SessionAddress, to: SessionAddress) {
        if let Some((_, holder)) = self.entries.get_mut(seat.slot as usize).filter(|(_, holder)| *holder == from) {
            *holder = to;
        }
    }

    /// Gives back the memory of a crowd that has left.
    pub fn tidy(&mut self) {
        let (hasher, entries) = (&self.hasher, &mut self.entries);
        entries.shrink_to_fit();
        self.slots.shrink_to_fit(|&slot| hasher.hash_one(&*entries[slot as usize].0));
    }

    /// Who has this name.
    pub fn locate(&self, name: &str) -> Option<SessionAddress> {
        let found = self.slots.find(self.hasher.hash_one(name), |&slot| *self.entries[slot as usize].0 == *name)?;
        Some(self.entries[*found as usize].1)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(_, (name, _))| &**name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const fn at(generation: u32) -> SessionAddress {
        SessionAddress { worker: 0, index: 0, generation }
    }

    #[test]
    fn u6_a_late_release_never_evicts_a_successor() {
        let mut directory = Directory::new(9);
        let first = directory.claim("ana", at(1)).unwrap();
        assert!(directory.release(&first, at(1)));
        directory.claim("ana", at(2)).unwrap();
        assert!(!directory.release(&first, at(1)));
        assert_eq!(directory.locate("ana"), Some(at(2)));
    }

    #[test]
    fn u3_full_is_said_after_taken() {
        let mut directory = Directory::new(1);
        directory.claim("ana", at(1)).unwrap();
        assert_eq!(directory.claim("ana", at(2)).unwrap_err(), ClaimError::Taken);
        assert_eq!(directory.claim("bob", at(2)).unwrap_err(), ClaimError::Full);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_map(steps in proptest::collection::vec((any::<bool>(), 0..6u32, 0..4u32), 0..80)) {
            let (mut directory, mut model, mut seats) = (Directory::new(5), BTreeMap::new(), Vec::new());
            for (claim, name, who) in steps {
                let name = name.to_string();
                if claim {
                    let free = !model.contains_key(&name) && model.len() < 5;
                    let seat = directory.claim(&name, at(who));
                    prop_assert_eq!(seat.is_ok(), free);
                    if let Ok(seat) = seat {
                        model.insert(name, at(who));
                        seats.push((seat, at(who)));
                    }
                } else if let Some((seat, who)) = seats.pop() {
                    prop_assert!(directory.release(&seat, who));
                    model.remove(&*seat.name);
                }
            }
            let mut names: Vec<_> = directory.names().collect();
            names.sort_unstable();
            prop_assert_eq!(names, model.keys().map(String::as_str).collect::<Vec<_>>());
            for (name, who) in &model {
                prop_assert_eq!(directory.locate(name), Some(*who));
            }
        }
    }
}
