//! Who is missing in somebody's last list: such a join never became complete, and no time can be given for it.
//!
//! Lists may be left out as long as newer ones follow, but the last one after things went quiet is the whole truth (rule
//! L3). It is looked at once, at the end, and says nothing of servers that send no lists.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::example::{Example, Kind};
use super::roster::{Listed, Rosters};
use super::visit::{End, Visit};
use crate::plan::{Nanos, Plan};

/// The lists that users had last, each once, with whose they are.
#[derive(Debug, Default)]
pub struct LastLists {
    held: FxHashMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    /// Sorted.
    users: Arc<[u32]>,
    holders: Vec<u32>,
}

/// Somebody who was there and is missing in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlisted {
    /// Who.
    pub user: u32,
    /// Since when it was there.
    pub online: Nanos,
    /// In whose list.
    pub holder: u32,
    /// Whether that one has no list at all.
    pub no_list: bool,
}

impl LastLists {
    /// Takes down what this user has. A list that the worker did not keep is not held against anybody.
    pub fn add(&mut self, holder: u32, rosters: &Rosters, listed: &Listed) {
        let users = if listed.is_first() { Some(Arc::default()) } else { rosters.latest(listed) };
        if let Some(users) = users {
            self.held.entry(listed.key()).or_insert(Held { users, holders: Vec::new() }).holders.push(holder);
        }
    }

    /// Adds those of another worker's users.
    pub fn merge(&mut self, other: Self) {
        for (key, mut list) in other.held {
            match self.held.get_mut(&key) {
                Some(held) => held.holders.append(&mut list.holders),
                None => drop(self.held.insert(key, list)),
            }
        }
    }

    /// Who was there to the end, since before `quiet`, and is not in the last list of somebody of whom that is true too.
    pub fn unlisted(&self, visits: &[Visit], quiet: Nanos) -> Vec<Unlisted> {
        let none = Listed::default().key();
        if self.held.keys().all(|key| *key == none) {
            return Vec::new();
        }
        let there: Vec<&Visit> = visits.iter().filter(|v| v.end == End::Stayed && v.online < quiet).collect();
        let settled: FxHashSet<u32> = there.iter().map(|visit| visit.user).collect();
        let mut found: FxHashMap<u32, Unlisted> = FxHashMap::default();
        for (key, held) in &self.held {
            let mut holders = held.holders.iter().filter(|holder| settled.contains(holder));
            let (Some(&first), second) = (holders.next(), holders.next()) else { continue };
            for visit in there.iter().filter(|visit| held.users.binary_search(&visit.user).is_err()) {
                // Whether one's own list names oneself is another question.
                let Some(holder) = [Some(first), second.copied()].into_iter().flatten().find(|h| *h != visit.user)
                else {
                    continue;
                };
                let (user, online, no_list) = (visit.user, visit.online, *key == none);
                found.entry(user).or_insert(Unlisted { user, online, holder, no_list });
            }
        }
        let mut found: Vec<Unlisted> = found.into_values().collect();
        found.sort_unstable_by_key(|unlisted| unlisted.user);
        found
    }
}

impl Unlisted {
    /// For a person to read.
    pub fn example(&self, plan: &Plan, end: Nanos) -> Example {
        let name = |user: u32| plan.users[user as usize].name.to_string();
        let (user, holder, seconds) = (name(self.user), name(self.holder), (end - self.online) as f64 / 1e9);
        let what = if self.no_list {
            format!("{holder} never got a list, and {user} had been there for {seconds:.1} s when the run ended")
        } else {
            format!(
                "{user} is not in the last list of {holder}, and had been there for {seconds:.1} s when the run ended"
            )
        };
        let (sender, recipient, sequence, frames) = (Some(user), Some(holder), None, Vec::new());
        Example { kind: Kind::Unlisted, sender, recipient, sequence, what, frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::inbox::Inbox;

    fn visit(user: u32, online: Nanos, end: End) -> Visit {
        let (leaving, ended, sequences, inbox) = (None, None, 0..0, Inbox::default());
        Visit { user, asked: online, online, leaving, ended, end, sequences, inbox }
    }

    fn last(lists: &[(u32, Option<&[u8]>)]) -> LastLists {
        let names = ["ana", "bob", "eva"].iter().zip(0..).map(|(name, id)| ((*name).into(), id)).collect();
        let (mut rosters, mut last) = (Rosters::default(), LastLists::default());
        for (holder, list) in lists {
            let mut listed = Listed::default();
            if let Some(list) = list {
                rosters.take(&mut listed, &names, list);
            }
            last.add(*holder, &rosters, &listed);
        }
        last
    }

    fn missing(last: &LastLists, visits: &[Visit]) -> Vec<(u32, u32, bool)> {
        last.unlisted(visits, 10).iter().map(|u| (u.user, u.holder, u.no_list)).collect()
    }

    #[test]
    fn whoever_is_missing_in_a_last_list_is_found() {
        let all = [visit(0, 1, End::Stayed), visit(1, 2, End::Stayed), visit(2, 3, End::Stayed)];
        let whole: Option<&[u8]> = Some(b"ana,bob,eva");
        assert_eq!(missing(&last(&[(0, whole), (1, whole), (2, whole)]), &all), []);
        assert_eq!(missing(&last(&[(0, Some(b"ana,bob")), (1, whole), (2, whole)]), &all), [(2, 0, false)]);
        assert_eq!(missing(&last(&[(0, whole), (1, whole), (2, None)]), &all), [(0, 2, true), (1, 2, true)]);
    }

    #[test]
    fn nobody_is_held_against_a_list_that_says_enough() {
        let all = [visit(0, 1, End::Stayed), visit(1, 2, End::Stayed), visit(2, 3, End::Closed)];
        assert_eq!(missing(&last(&[(0, Some(b"ana,bob")), (1, Some(b"ana"))]), &all), [], "one's own name");
        let late = [visit(0, 1, End::Stayed), visit(1, 11, End::Stayed)];
        assert_eq!(missing(&last(&[(0, Some(b"ana"))]), &late), [], "joined a moment ago");
        assert_eq!(missing(&last(&[(0, None), (1, None)]), &all), [], "a server without lists");
    }
}
