//! The events of chat rooms.

use mychat_proto::Moderation;

/// Something that has happened in or around chat rooms. Names and texts are as received (rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomUpdate {
    /// The server has rooms, and they are in force from here on.
    Available {
        /// The number of rooms that a user may be in, if the server names it.
        limit: Option<u32>,
    },
    /// The server has no rooms. Comes once for each connection.
    Unavailable,
    /// A user has joined. If it is this user, the members follow (rule Q3).
    Joined {
        /// The name of the room.
        room: String,
        /// The new member.
        user: String,
    },
    /// A user has left.
    Left {
        /// The name of the room.
        room: String,
        /// The former member.
        user: String,
    },
    /// A message to all members. A user's own messages also arrive.
    Said {
        /// The name of the room.
        room: String,
        /// The sender's name.
        from: String,
        /// The text.
        content: String,
    },
    /// All members of a room.
    Members {
        /// The name of the room.
        room: String,
        /// Their names, in the server's order.
        users: Vec<String>,
    },
    /// All operators of a room.
    Operators {
        /// The name of the room.
        room: String,
        /// Their names, in the server's order.
        users: Vec<String>,
    },
    /// The topic of a room.
    Topic {
        /// The name of the room.
        room: String,
        /// The user who set it.
        by: String,
        /// The topic; empty if it was removed.
        text: String,
    },
    /// An operator has done something to a user.
    Moderated {
        /// The action.
        action: Moderation,
        /// The name of the room.
        room: String,
        /// The operator.
        by: String,
        /// The user whom the action concerns.
        user: String,
    },
    /// An operator has set a mode.
    Mode {
        /// The name of the room.
        room: String,
        /// The operator.
        by: String,
        /// The mode as received, such as `private`.
        mode: String,
    },
    /// The answer to [`Sender::list_rooms`](crate::Sender::list_rooms).
    List(Vec<String>),
}

impl RoomUpdate {
    /// Returns the room of which `user` has become a member by this.
    pub fn entered_by(&self, user: &str) -> Option<&str> {
        match self {
            Self::Joined { room, user: joined } if joined == user => Some(room),
            _ => None,
        }
    }

    /// Returns the room of which `user` is no member any more after this.
    pub fn left_by(&self, user: &str) -> Option<&str> {
        match self {
            Self::Left { room, user: gone } | Self::Moderated { action: Moderation::Kick, room, user: gone, .. } => {
                (gone == user).then_some(room)
            }
            _ => None,
        }
    }

    /// Updates the rooms that `user` is in.
    pub(crate) fn apply(&self, user: &str, rooms: &mut Vec<String>) {
        if let Some(room) = self.entered_by(user).filter(|room| !rooms.iter().any(|known| known == room)) {
            rooms.push(room.to_owned());
        }
        if let Some(left) = self.left_by(user) {
            rooms.retain(|room| room != left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q4_a_user_is_in_a_room_from_its_own_join_to_its_own_end_there() {
        let mut rooms = Vec::new();
        let (room, user, other) = (|| "r".to_owned(), || "ana".to_owned(), || "bob".to_owned());
        let kick = |user| RoomUpdate::Moderated { action: Moderation::Kick, room: room(), by: other(), user };
        for (update, count) in [
            (RoomUpdate::Joined { room: room(), user: other() }, 0),
            (RoomUpdate::Joined { room: room(), user: user() }, 1),
            (RoomUpdate::Joined { room: room(), user: user() }, 1),
            (RoomUpdate::Left { room: room(), user: other() }, 1),
            (kick(other()), 1),
            (kick(user()), 0),
            (RoomUpdate::Joined { room: room(), user: user() }, 1),
            (RoomUpdate::Left { room: room(), user: user() }, 0),
        ] {
            update.apply("ana", &mut rooms);
            assert_eq!(rooms.len(), count, "{update:?}");
        }
    }
}
