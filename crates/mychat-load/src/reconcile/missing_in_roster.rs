//! Users that are missing in the final roster of another user.
//!
//! A server may skip rosters as long as newer ones follow, but the last one after things went quiet must be complete (rule
//! L3). The check runs once, at the end of a run, and finds nothing if the server sends no rosters at all.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::{Plan, RunTime, UserId};
use crate::record::example::{Example, ViolationKind};
use crate::record::roster::{RosterLog, RosterState};
use crate::record::session::{UserSession, UserSessionEnd};

/// The last roster of each user; equal rosters are stored once.
#[derive(Debug, Default)]
pub struct FinalRosters {
    by_key: FxHashMap<u64, FinalRoster>,
}

#[derive(Debug)]
struct FinalRoster {
    /// Users in the roster, sorted.
    users: Arc<[UserId]>,
    /// Users that received it last.
    holders: Vec<UserId>,
}

/// A user that was online and is missing in the final roster of `holder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingInRoster {
    /// The missing user.
    pub user: UserId,
    /// Time of its welcome.
    pub online_at: RunTime,
    /// The user whose roster is incomplete.
    pub holder: UserId,
    /// True if `holder` received no roster at all.
    pub no_list: bool,
}

impl FinalRosters {
    /// Adds the final roster of `holder`. Does nothing if `rosters` has evicted it.
    pub fn add(&mut self, holder: UserId, rosters: &RosterLog, state: &RosterState) {
        let users = if state.is_empty() { Some(Arc::default()) } else { rosters.latest(state) };
        if let Some(users) = users {
            let roster = self.by_key.entry(state.key()).or_insert(FinalRoster { users, holders: Vec::new() });
            roster.holders.push(holder);
        }
    }

    /// Adds the final rosters of another worker's users.
    pub fn merge(&mut self, other: Self) {
        for (key, mut theirs) in other.by_key {
            match self.by_key.get_mut(&key) {
                Some(ours) => ours.holders.append(&mut theirs.holders),
                None => drop(self.by_key.insert(key, theirs)),
            }
        }
    }

    /// Returns each user that stayed online to the end since before `quiet` and is missing in the final roster of another
    /// such user; one entry per missing user, sorted.
    pub fn missing(&self, sessions: &[UserSession], quiet: RunTime) -> Vec<MissingInRoster> {
        let none = RosterState::default().key();
        if self.by_key.keys().all(|key| *key == none) {
            return Vec::new();
        }
        let present: Vec<&UserSession> =
            sessions.iter().filter(|s| s.end == UserSessionEnd::Stayed && s.online_at < quiet).collect();
        let present_users: FxHashSet<UserId> = present.iter().map(|session| session.user).collect();
        let mut found: FxHashMap<UserId, MissingInRoster> = FxHashMap::default();
        for (key, roster) in &self.by_key {
            let mut holders = roster.holders.iter().filter(|holder| present_users.contains(holder));
            let (Some(&first), second) = (holders.next(), holders.next()) else { continue };
            for session in present.iter().filter(|session| roster.users.binary_search(&session.user).is_err()) {
                // A user's own name in its own roster is checked elsewhere.
                let Some(holder) = [Some(first), second.copied()].into_iter().flatten().find(|h| *h != session.user)
                else {
                    continue;
                };
                let (user, online_at, no_list) = (session.user, session.online_at, *key == none);
                found.entry(user).or_insert(MissingInRoster { user, online_at, holder, no_list });
            }
        }
        let mut found: Vec<MissingInRoster> = found.into_values().collect();
        found.sort_unstable_by_key(|missing| missing.user);
        found
    }
}

impl MissingInRoster {
    /// Returns the violation in words. `end` is the end of the run.
    pub fn example(&self, plan: &Plan, end: RunTime) -> Example {
        let name = |user: UserId| plan.users[user.index()].name.to_string();
        let (user, holder, seconds) = (name(self.user), name(self.holder), end.since(self.online_at) as f64 / 1e9);
        let what = if self.no_list {
            format!("{holder} never got a list, and {user} had been online for {seconds:.1} s when the run ended")
        } else {
            format!(
                "{user} is not in the last list of {holder}, and had been online for {seconds:.1} s when the run ended"
            )
        };
        let (sender, recipient, sequence, frames) = (Some(user), Some(holder), None, Vec::new());
        Example { kind: ViolationKind::MissingInRoster, sender, recipient, sequence, what, frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::inbox::UserInbox;

    fn session(user: u32, online: u64, end: UserSessionEnd) -> UserSession {
        let (leaving_at, ended_at, sequences, inbox) = (None, None, 0..0, UserInbox::default());
        let online_at = RunTime::from_nanos(online);
        UserSession {
            user: UserId(user),
            requested_at: online_at,
            online_at,
            leaving_at,
            ended_at,
            end,
            sequences,
            rooms: Vec::new(),
            inbox,
        }
    }

    fn final_rosters(lists: &[(u32, Option<&[u8]>)]) -> FinalRosters {
        let names = ["ana", "bob", "eva"].iter().zip(0..).map(|(name, id)| ((*name).into(), UserId(id))).collect();
        let (mut rosters, mut last) = (RosterLog::default(), FinalRosters::default());
        for (holder, list) in lists {
            let mut state = RosterState::default();
            if let Some(list) = list {
                rosters.take(&mut state, &names, list);
            }
            last.add(UserId(*holder), &rosters, &state);
        }
        last
    }

    fn missing(last: &FinalRosters, sessions: &[UserSession]) -> Vec<(u32, u32, bool)> {
        last.missing(sessions, RunTime::from_nanos(10)).iter().map(|m| (m.user.0, m.holder.0, m.no_list)).collect()
    }

    #[test]
    fn a_user_missing_in_a_final_roster_is_found() {
        let all = [0, 1, 2].map(|user| session(user, 1 + u64::from(user), UserSessionEnd::Stayed));
        let whole: Option<&[u8]> = Some(b"ana,bob,eva");
        assert_eq!(missing(&final_rosters(&[(0, whole), (1, whole), (2, whole)]), &all), []);
        assert_eq!(missing(&final_rosters(&[(0, Some(b"ana,bob")), (1, whole), (2, whole)]), &all), [(2, 0, false)]);
        assert_eq!(missing(&final_rosters(&[(0, whole), (1, whole), (2, None)]), &all), [(0, 2, true), (1, 2, true)]);
    }

    #[test]
    fn a_sufficient_roster_reports_nobody() {
        let (stayed, closed) = (UserSessionEnd::Stayed, UserSessionEnd::Closed);
        let all = [session(0, 1, stayed), session(1, 2, stayed), session(2, 3, closed)];
        assert_eq!(missing(&final_rosters(&[(0, Some(b"ana,bob")), (1, Some(b"ana"))]), &all), [], "its own name");
        let late = [session(0, 1, stayed), session(1, 11, stayed)];
        assert_eq!(missing(&final_rosters(&[(0, Some(b"ana"))]), &late), [], "joined a moment ago");
        assert_eq!(missing(&final_rosters(&[(0, None), (1, None)]), &all), [], "a server without rosters");
    }
}
