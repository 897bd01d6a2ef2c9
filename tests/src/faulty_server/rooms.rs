//! The chat rooms of a server under load: who is in which room, without sockets.

use std::collections::BTreeMap;

/// All rooms, with the names of their members in the order of joining.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    members: BTreeMap<String, Vec<String>>,
    /// By room: the user that left it last.
    left_last: BTreeMap<String, String>,
}

impl Rooms {
    /// Adds a member. Returns false if it was one.
    pub(super) fn join(&mut self, room: &str, user: &str) -> bool {
        let members = self.members.entry(room.to_owned()).or_default();
        let is_new = members.iter().all(|member| member != user);
        if is_new {
            members.push(user.to_owned());
        }
        is_new
    }

    /// Removes a member. Returns the members before that; none if it was no member.
    pub(super) fn leave(&mut self, room: &str, user: &str) -> Vec<String> {
        let before = self.members(room);
        if !before.iter().any(|member| member == user) {
            return Vec::new();
        }
        self.members.entry(room.to_owned()).or_default().retain(|member| member != user);
        self.left_last.insert(room.to_owned(), user.to_owned());
        before
    }

    /// Removes a user whose session is over. Returns each of its rooms with the other members.
    pub(super) fn end(&mut self, user: &str) -> Vec<(String, Vec<String>)> {
        self.left_last.retain(|_, left| left != user);
        let mut left = Vec::new();
        for (room, members) in &mut self.members {
            if let Some(at) = members.iter().position(|member| member == user) {
                members.remove(at);
                left.push((room.clone(), members.clone()));
            }
        }
        left
    }

    /// Returns the members of a room.
    pub(super) fn members(&self, room: &str) -> Vec<String> {
        self.members.get(room).cloned().unwrap_or_default()
    }

    /// Returns the user that left a room last and is not in it.
    pub(super) fn left_last(&self, room: &str) -> Option<String> {
        self.left_last.get(room).filter(|left| !self.members(room).contains(left)).cloned()
    }
}
