//! Measures how long it takes until all users have received a roster (`USER_LIST`) with a user that joined.
//!
//! A server sends the same roster to all users. Rosters are therefore identified by a hash of their bytes: each is parsed
//! once, however many users receive it, and its difference from the previous one is computed once for each pair.

use std::hash::Hasher as _;
use std::sync::Arc;

use mychat_proto::UserList;
use rustc_hash::{FxHashMap, FxHasher};

use crate::plan::{RunTime, UserId};

/// The rosters that the users of one worker received.
#[derive(Debug, Default)]
pub struct RosterLog {
    /// Users in each frame, by the frame's hash.
    frames: FxHashMap<u64, Arc<[UserId]>>,
    /// Users in each complete roster, sorted, by the combined hash of its frames.
    rosters: FxHashMap<u64, Arc<[UserId]>>,
    /// Users added from one roster to another.
    additions: FxHashMap<(u64, u64), Arc<[UserId]>>,
    /// A user whom a new frame names twice, until the caller takes it.
    doubled: Option<UserId>,
    /// For each join: time at which the last user of this worker received a roster with it.
    last_received: FxHashMap<Join, RunTime>,
}

/// A user and the time of its welcome.
pub type Join = (UserId, RunTime);

/// The progress of one user through the rosters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RosterState {
    /// Key of the last complete roster; 0 before the first.
    latest: u64,
    /// Hash and users of the frames of a roster that is not complete yet.
    partial: Option<Box<(u64, Vec<UserId>)>>,
}

impl RosterState {
    /// Returns true before the first complete roster.
    pub fn is_empty(&self) -> bool {
        self.latest == 0
    }

    /// Returns the key of the last complete roster.
    pub fn key(&self) -> u64 {
        self.latest
    }
}

/// Maximum number of entries in each of the maps.
const MAX_ENTRIES: usize = 4096;

impl RosterLog {
    /// Returns the users in the last complete roster of `state`, sorted; `None` if it was evicted.
    pub fn latest(&self, state: &RosterState) -> Option<Arc<[UserId]>> {
        self.rosters.get(&state.latest).map(Arc::clone)
    }

    /// Takes one `USER_LIST` parameter. Returns the users added since the previous roster of `state`, or all of them for its
    /// first; `None` if the roster continues in the next frame or has not changed.
    pub fn take(
        &mut self,
        state: &mut RosterState,
        names: &FxHashMap<Box<str>, UserId>,
        parameter: &[u8],
    ) -> Option<Arc<[UserId]>> {
        let hash = digest(parameter);
        let users = if let Some(users) = self.frames.get(&hash) {
            Arc::clone(users)
        } else {
            let text = std::str::from_utf8(parameter).ok()?;
            let users: Arc<[UserId]> =
                UserList::new(text).names().filter_map(|name| names.get(name).copied()).collect();
            let mut sorted = users.to_vec();
            sorted.sort_unstable();
            self.doubled = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
            clear_if_full(&mut self.frames);
            self.frames.insert(hash, Arc::clone(&users));
            users
        };
        if parameter.last() == Some(&b',') {
            let partial = state.partial.get_or_insert_default();
            partial.0 = partial.0.rotate_left(7) ^ hash;
            partial.1.extend_from_slice(&users);
            return None;
        }
        let (key, users) = match state.partial.take() {
            None => (hash, users),
            Some(partial) => {
                let (before, mut all) = *partial;
                all.extend_from_slice(&users);
                (before.rotate_left(7) ^ hash, all.into())
            }
        };
        let before = std::mem::replace(&mut state.latest, key.max(1));
        if !self.rosters.contains_key(&state.latest) {
            clear_if_full(&mut self.rosters);
            let mut sorted = users.to_vec();
            sorted.sort_unstable();
            self.rosters.insert(state.latest, sorted.into());
        }
        self.additions(before, state.latest)
    }

    /// Takes the user whom the frame of the last [`take`](Self::take) names twice. Each frame reports that once, however many
    /// users receive it.
    pub fn take_doubled(&mut self) -> Option<UserId> {
        self.doubled.take()
    }

    fn additions(&mut self, before: u64, now: u64) -> Option<Arc<[UserId]>> {
        if before == now {
            return None;
        }
        if let Some(additions) = self.additions.get(&(before, now)) {
            return Some(Arc::clone(additions));
        }
        if before == 0 {
            return self.rosters.get(&now).cloned();
        }
        let (old, new) = (self.rosters.get(&before)?, self.rosters.get(&now)?);
        let additions: Arc<[UserId]> = new.iter().copied().filter(|user| old.binary_search(user).is_err()).collect();
        clear_if_full(&mut self.additions);
        self.additions.insert((before, now), Arc::clone(&additions));
        Some(additions)
    }

    /// Records that a user received a roster with `join` at `now`.
    pub fn note(&mut self, join: Join, now: RunTime) {
        let last = self.last_received.entry(join).or_default();
        *last = (*last).max(now);
    }

    /// Adds the records of another worker.
    pub fn merge(&mut self, other: Self) {
        for (join, at) in other.last_received {
            self.note(join, at);
        }
    }

    /// Returns each join and the time at which the last user received a roster with it.
    pub fn joins(&self) -> impl Iterator<Item = (Join, RunTime)> {
        self.last_received.iter().map(|(join, at)| (*join, *at))
    }
}

fn clear_if_full<K, V>(map: &mut FxHashMap<K, V>) {
    if map.len() >= MAX_ENTRIES {
        map.clear();
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> FxHashMap<Box<str>, UserId> {
        ["ana", "bob", "eva", "leo"].iter().zip(0..).map(|(name, id)| ((*name).into(), UserId(id))).collect()
    }

    #[test]
    fn additions_are_relative_to_the_previous_roster() {
        let (names, mut rosters, mut state) = (names(), RosterLog::default(), RosterState::default());
        let mut take = |list: &[u8]| -> Option<Vec<u32>> {
            rosters.take(&mut state, &names, list).map(|added| added.iter().map(|user| user.0).collect())
        };
        assert_eq!(take(b"ana,bob"), Some(vec![0, 1]), "a first list may be late enough to name who came later");
        assert_eq!(take(b"bob,eva,ana,a stranger"), Some(vec![2]));
        assert_eq!(take(b"bob"), Some(vec![]));
        assert_eq!(take(b"ana,bob"), Some(vec![0]));
    }

    #[test]
    fn a_name_that_stands_twice_in_a_frame_is_reported_once() {
        let (names, mut rosters) = (names(), RosterLog::default());
        let mut doubled = |state: &mut RosterState, list: &[u8]| {
            rosters.take(state, &names, list);
            rosters.take_doubled()
        };
        let (mut one, mut other) = (RosterState::default(), RosterState::default());
        assert_eq!(doubled(&mut one, b"ana,bob"), None);
        assert_eq!(doubled(&mut one, b"ana,bob,ana"), Some(UserId(0)));
        assert_eq!(doubled(&mut other, b"ana,bob,ana"), None, "the same frame at another user");
        assert_eq!(doubled(&mut one, b"bob,eva,leo,eva,"), Some(UserId(2)), "a roster of several frames");
    }

    #[test]
    fn a_roster_over_several_frames_is_one() {
        let (names, mut rosters, mut state) = (names(), RosterLog::default(), RosterState::default());
        let mut take = |list: &[u8]| -> Option<Vec<u32>> {
            rosters.take(&mut state, &names, list).map(|added| added.iter().map(|user| user.0).collect())
        };
        assert_eq!(take(b"ana"), Some(vec![0]));
        assert_eq!(take(b"ana,bob,"), None);
        assert_eq!(take(b"eva,"), None);
        assert_eq!(take(b"leo"), Some(vec![1, 2, 3]));
    }
}
