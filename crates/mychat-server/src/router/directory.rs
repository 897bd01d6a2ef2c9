//! The names in use and the sessions that have them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use slab::Slab;

use super::address::SessionAddress;

/// A name that a session has registered.
#[derive(Debug, Clone)]
pub struct NameRegistration {
    /// The name, shared with the directory.
    pub name: Arc<str>,
    slot: u32,
}

/// A reason to refuse a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another session has the name (rule U2).
    #[error("name in use")]
    Taken,
    /// The limit of users is reached (rule U3).
    #[error("server full")]
    Full,
}

/// The mapping from names to sessions.
///
/// The hash table holds slots only and each name is stored once, because an idle user should cost little memory. Rosters
/// list the names in slot order. Slots are reused and never move, so a user keeps its place in the roster.
#[derive(Debug)]
pub struct Directory {
    slots: HashTable<u32>,
    hasher: RandomState,
    entries: Slab<(Arc<str>, SessionAddress)>,
    max_users: usize,
}

impl Directory {
    /// Creates an empty directory for at most `max_users` names.
    pub fn new(max_users: usize) -> Self {
        Self { slots: HashTable::new(), hasher: RandomState::new(), entries: Slab::new(), max_users }
    }

    /// Changes the limit. Users above it keep their names.
    pub(crate) const fn set_max_users(&mut self, max_users: usize) {
        self.max_users = max_users;
    }

    /// Registers `name` for the session at `holder`. Names compare byte for byte (rule U2).
    ///
    /// # Errors
    /// The name is taken, or the directory is full; a name that is taken is reported first.
    pub fn claim(&mut self, name: &str, holder: SessionAddress) -> Result<NameRegistration, ClaimError> {
        if self.locate(name).is_some() {
            return Err(ClaimError::Taken);
        }
        if self.entries.len() >= self.max_users {
            return Err(ClaimError::Full);
        }
        let name: Arc<str> = name.into();
        let slot = self.entries.insert((Arc::clone(&name), holder)) as u32;
        let (hasher, entries) = (&self.hasher, &self.entries);
        self.slots.insert_unique(hasher.hash_one(&*name), slot, |&slot| hasher.hash_one(&*entries[slot as usize].0));
        Ok(NameRegistration { name, slot })
    }

    /// Removes a registration, unless its slot belongs to another session by now (rule U6). Returns true if it was
    /// removed.
    pub fn release(&mut self, registration: &NameRegistration, holder: SessionAddress) -> bool {
        let slot = registration.slot;
        let is_holder = self.entries.get(slot as usize).is_some_and(|(_, current)| *current == holder);
        if is_holder {
            let hash = self.hasher.hash_one(&*registration.name);
            if let Ok(found) = self.slots.find_entry(hash, |&candidate| candidate == slot) {
                found.remove();
            }
            self.entries.remove(slot as usize);
        }
        is_holder
    }

    /// Changes the address of a registration from `from` to `to`.
    pub(crate) fn relocate(&mut self, registration: &NameRegistration, from: SessionAddress, to: SessionAddress) {
        let entry = self.entries.get_mut(registration.slot as usize);
        if let Some((_, holder)) = entry.filter(|(_, holder)| *holder == from) {
            *holder = to;
        }
    }

    /// Releases unused capacity.
    pub(crate) fn shrink(&mut self) {
        let (hasher, entries) = (&self.hasher, &mut self.entries);
        entries.shrink_to_fit();
        self.slots.shrink_to_fit(|&slot| hasher.hash_one(&*entries[slot as usize].0));
    }

    /// Returns the address of the session that has `name`.
    pub fn locate(&self, name: &str) -> Option<SessionAddress> {
        let found = self.slots.find(self.hasher.hash_one(name), |&slot| *self.entries[slot as usize].0 == *name)?;
        Some(self.entries[*found as usize].1)
    }

    /// Iterates over all names in slot order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(_, (name, _))| &**name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::router::SessionKey;

    const fn address(generation: u32) -> SessionAddress {
        SessionAddress { worker: 0, key: SessionKey { index: 0, generation } }
    }

    #[test]
    fn u6_a_late_release_never_removes_the_next_holder() {
        let mut directory = Directory::new(9);
        let first = directory.claim("ana", address(1)).unwrap();
        assert!(directory.release(&first, address(1)));
        directory.claim("ana", address(2)).unwrap();
        assert!(!directory.release(&first, address(1)));
        assert_eq!(directory.locate("ana"), Some(address(2)));
    }

    #[test]
    fn u3_a_taken_name_is_reported_before_a_full_server() {
        let mut directory = Directory::new(1);
        directory.claim("ana", address(1)).unwrap();
        assert_eq!(directory.claim("ana", address(2)).unwrap_err(), ClaimError::Taken);
        assert_eq!(directory.claim("bob", address(2)).unwrap_err(), ClaimError::Full);
    }

    proptest! {
        #[test]
        fn claims_and_releases_agree_with_a_plain_map(
            steps in proptest::collection::vec((any::<bool>(), 0..6u32, 0..4u32), 0..80)
        ) {
            let (mut directory, mut model, mut registrations) = (Directory::new(5), BTreeMap::new(), Vec::new());
            for (is_claim, name, generation) in steps {
                let name = name.to_string();
                if is_claim {
                    let is_free = !model.contains_key(&name) && model.len() < 5;
                    let claimed = directory.claim(&name, address(generation));
                    prop_assert_eq!(claimed.is_ok(), is_free);
                    if let Ok(registration) = claimed {
                        model.insert(name, address(generation));
                        registrations.push((registration, address(generation)));
                    }
                } else if let Some((registration, holder)) = registrations.pop() {
                    prop_assert!(directory.release(&registration, holder));
                    model.remove(&*registration.name);
                }
            }
            let mut names: Vec<_> = directory.names().collect();
            names.sort_unstable();
            prop_assert_eq!(names, model.keys().map(String::as_str).collect::<Vec<_>>());
            for (name, holder) in &model {
                prop_assert_eq!(directory.locate(name), Some(*holder));
            }
        }
    }
}
