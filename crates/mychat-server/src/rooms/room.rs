//! One room.

/// The state of one room. Users are indices of the registry.
#[derive(Debug, Clone, Default)]
pub(super) struct RoomState {
    pub(super) name: Box<str>,
    /// The members, longest-standing first.
    pub(super) members: Vec<u32>,
    /// The operators in ascending order. A room with members has at least one (rule Q6).
    operators: Vec<u32>,
    pub(super) topic: Option<Box<Topic>>,
    /// `None` for most rooms.
    access: Option<Box<Access>>,
    pub(super) is_private: bool,
    pub(super) is_quiet: bool,
    /// The configuration names the room, so that it exists without members.
    pub(super) is_permanent: bool,
}

/// A topic and the user who set it.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) by: Box<str>,
    pub(super) text: Box<str>,
}

#[derive(Debug, Clone, Default)]
struct Access {
    /// Names that may not join.
    banned: Vec<Box<str>>,
    /// Generations of the sessions that may join while the room is private. Those of ended sessions are removed when the
    /// list is full.
    invited: Vec<u32>,
}

impl RoomState {
    /// Creates an empty public room.
    pub(super) fn new(name: &str, is_permanent: bool) -> Self {
        Self { name: name.into(), is_permanent, ..Self::default() }
    }

    pub(super) fn is_operator(&self, user: u32) -> bool {
        self.operators.binary_search(&user).is_ok()
    }

    /// Returns the operators in no particular order.
    pub(super) fn operators(&self) -> &[u32] {
        &self.operators
    }

    /// Adds a member. The first one is the operator (rule Q6).
    pub(super) fn add(&mut self, user: u32) {
        self.members.push(user);
        if self.operators.is_empty() {
            self.operators.push(user);
        }
    }

    pub(super) fn remove(&mut self, user: u32) {
        // The order of the others is that of their joins.
        self.members.retain(|&member| member != user);
        self.revoke(user);
    }

    pub(super) fn grant(&mut self, user: u32) {
        if let Err(place) = self.operators.binary_search(&user) {
            self.operators.insert(place, user);
        }
    }

    pub(super) fn revoke(&mut self, user: u32) {
        if let Ok(place) = self.operators.binary_search(&user) {
            self.operators.remove(place);
        }
    }

    /// Makes the longest-standing member an operator if there is none. Returns that member.
    pub(super) fn promote_if_leaderless(&mut self) -> Option<u32> {
        let first = *self.members.first().filter(|_| self.operators.is_empty())?;
        self.operators.push(first);
        Some(first)
    }

    pub(super) fn is_banned(&self, name: &str) -> bool {
        self.access.as_ref().is_some_and(|access| access.banned.iter().any(|banned| **banned == *name))
    }

    /// Bans a name. Returns false if the room has `limit` bans already.
    pub(super) fn ban(&mut self, name: &str, limit: usize) -> bool {
        if self.is_banned(name) {
            return true;
        }
        let banned = &mut self.access.get_or_insert_default().banned;
        let has_space = banned.len() < limit;
        if has_space {
            banned.push(name.into());
        }
        has_space
    }

    /// Ends a ban. Returns false if there is none.
    pub(super) fn unban(&mut self, name: &str) -> bool {
        let Some(access) = &mut self.access else { return false };
        let place = access.banned.iter().position(|banned| **banned == *name);
        place.is_some_and(|place| {
            access.banned.remove(place);
            true
        })
    }

    /// Lets the session with this generation join once. Returns false if the room has `limit` invitations of sessions that
    /// `is_open`.
    pub(super) fn invite(&mut self, generation: u32, limit: usize, is_open: impl Fn(u32) -> bool) -> bool {
        let invited = &mut self.access.get_or_insert_default().invited;
        if invited.contains(&generation) {
            return true;
        }
        if invited.len() >= limit {
            invited.retain(|&invited| is_open(invited));
        }
        let has_space = invited.len() < limit;
        if has_space {
            invited.push(generation);
        }
        has_space
    }

    /// Ends the invitation of a session. Returns true if there was one.
    pub(super) fn take_invitation(&mut self, generation: u32) -> bool {
        let Some(access) = &mut self.access else { return false };
        let place = access.invited.iter().position(|&invited| invited == generation);
        place.is_some_and(|place| {
            access.invited.swap_remove(place);
            true
        })
    }

    pub(super) fn is_invited(&self, generation: u32) -> bool {
        self.access.as_ref().is_some_and(|access| access.invited.contains(&generation))
    }
}
