//! How long it takes until everybody has a list with somebody who joined.
//!
//! A server sends the same list to everybody, so lists are known by a hash of their bytes: each is taken apart once,
//! however many users get it, and what is new in it against the list before is worked out once for each such pair.

use std::hash::Hasher as _;
use std::sync::Arc;

use mychat_proto::UserList;
use rustc_hash::{FxHashMap, FxHasher};

use crate::plan::Nanos;

/// The lists that the users of one worker got.
#[derive(Debug, Default)]
pub struct Rosters {
    /// Frames by their hash: who is in them.
    frames: FxHashMap<u64, Arc<[u32]>>,
    /// Whole lists by the hashes of their frames.
    lists: FxHashMap<u64, Arc<[u32]>>,
    /// What is new in a list against another.
    news: FxHashMap<(u64, u64), Arc<[u32]>>,
    /// When the last of this worker's users got a list with somebody who joined at a time.
    seen: FxHashMap<Join, Nanos>,
}

/// A user, and when it was welcomed.
pub type Join = (u32, Nanos);

/// What one user knows of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The last whole list; 0 before the first.
    list: u64,
    /// The hash of the frames of a list that goes on, and who is in them.
    open: Option<Box<(u64, Vec<u32>)>>,
}

impl Listed {
    /// Whether no whole list has come yet.
    pub fn is_first(&self) -> bool {
        self.list == 0
    }

    /// What tells its last whole list from others.
    pub fn key(&self) -> u64 {
        self.list
    }
}

/// Lists that are kept for comparison.
const KEPT: usize = 4096;

impl Rosters {
    /// Who is in a list that was just taken.
    pub fn latest(&self, listed: &Listed) -> Option<Arc<[u32]>> {
        self.lists.get(&listed.list).map(Arc::clone)
    }

    /// Takes one `USER_LIST` parameter. Gives who is new since the user's list before, everybody where there was none;
    /// `None` where the list goes on.
    pub fn take(
        &mut self,
        listed: &mut Listed,
        names: &FxHashMap<Box<str>, u32>,
        parameter: &[u8],
    ) -> Option<Arc<[u32]>> {
        let hash = digest(parameter);
        let users = if let Some(users) = self.frames.get(&hash) {
            Arc::clone(users)
        } else {
            let text = std::str::from_utf8(parameter).ok()?;
            let users: Arc<[u32]> = UserList::new(text).names().filter_map(|name| names.get(name).copied()).collect();
            make_room(&mut self.frames);
            self.frames.insert(hash, Arc::clone(&users));
            users
        };
        if parameter.last() == Some(&b',') {
            let open = listed.open.get_or_insert_default();
            open.0 = open.0.rotate_left(7) ^ hash;
            open.1.extend_from_slice(&users);
            return None;
        }
        let (list, users) = match listed.open.take() {
            None => (hash, users),
            Some(open) => {
                let (before, mut all) = *open;
                all.extend_from_slice(&users);
                (before.rotate_left(7) ^ hash, all.into())
            }
        };
        let before = std::mem::replace(&mut listed.list, list.max(1));
        if !self.lists.contains_key(&listed.list) {
            make_room(&mut self.lists);
            let mut sorted = users.to_vec();
            sorted.sort_unstable();
            self.lists.insert(listed.list, sorted.into());
        }
        self.news(before, listed.list)
    }

    fn news(&mut self, before: u64, now: u64) -> Option<Arc<[u32]>> {
        if before == now {
            return None;
        }
        if let Some(news) = self.news.get(&(before, now)) {
            return Some(Arc::clone(news));
        }
        if before == 0 {
            return self.lists.get(&now).cloned();
        }
        let (old, new) = (self.lists.get(&before)?, self.lists.get(&now)?);
        let news: Arc<[u32]> = new.iter().copied().filter(|user| old.binary_search(user).is_err()).collect();
        make_room(&mut self.news);
        self.news.insert((before, now), Arc::clone(&news));
        Some(news)
    }

    /// Somebody got a list with this user, who joined at that time.
    pub fn note(&mut self, join: Join, now: Nanos) {
        let last = self.seen.entry(join).or_default();
        *last = (*last).max(now);
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Self) {
        for (join, at) in other.seen {
            self.note(join, at);
        }
    }

    /// Each join, and when the last user got a list with it.
    pub fn joins(&self) -> impl Iterator<Item = (Join, Nanos)> {
        self.seen.iter().map(|(join, at)| (*join, *at))
    }
}

fn make_room<K, V>(map: &mut FxHashMap<K, V>) {
    if map.len() >= KEPT {
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

    fn names() -> FxHashMap<Box<str>, u32> {
        ["ana", "bob", "eva", "leo"].iter().zip(0..).map(|(name, id)| ((*name).into(), id)).collect()
    }

    #[test]
    fn what_is_new_is_told_against_the_list_before() {
        let (names, mut rosters, mut listed) = (names(), Rosters::default(), Listed::default());
        let mut take = |list: &[u8]| rosters.take(&mut listed, &names, list).map(|news| news.to_vec());
        assert_eq!(take(b"ana,bob"), Some(vec![0, 1]), "a first list may be late enough to name who came later");
        assert_eq!(take(b"bob,eva,ana,a stranger"), Some(vec![2]));
        assert_eq!(take(b"bob"), Some(vec![]));
        assert_eq!(take(b"ana,bob"), Some(vec![0]));
    }

    #[test]
    fn a_list_over_several_frames_is_one() {
        let (names, mut rosters, mut listed) = (names(), Rosters::default(), Listed::default());
        let mut take = |list: &[u8]| rosters.take(&mut listed, &names, list).map(|news| news.to_vec());
        assert_eq!(take(b"ana"), Some(vec![0]));
        assert_eq!(take(b"ana,bob,"), None);
        assert_eq!(take(b"eva,"), None);
        assert_eq!(take(b"leo"), Some(vec![1, 2, 3]));
    }
}
